"""Spouts: pipelines without input, whose code runs on and writes commits to its own output by itself.

Invariants: an output branch comes from the spec alone, so each commit names the version that made it; no job is made;
a commit that code left open when it ended is closed, with that as its error, before the code is started again, because
nothing could follow it.
"""

from __future__ import annotations

from trunkline.kernel.ids import SetId
from trunkline.pfs import commits, rows
from trunkline.pfs.change import Change
from trunkline.pps.refs import JobRef, PipelineRef

STOPPED = "the spout was stopped before it finished this commit"
UPDATED = "the spout was updated before it finished this commit"
ENDED = "the spout's code ended before it finished this commit"


def log_of(pipeline: PipelineRef, version: SetId) -> JobRef:
    """Which log a version of a spout writes to: it has no jobs, so it is named by the version's commit."""
    return JobRef(pipeline, version)


def close_left(change: Change, branch: int, error: str = "") -> None:
    """Closes the head of a spout's output branch if it is open; without an error if nothing was to be written to it."""
    found = rows.branch_by_key(change.tx, branch)
    if found is None:
        return
    head = commits.need(change, found.head)
    if not head.open:
        return
    if error:
        commits.complete(change, head, None, error=error)
    else:
        commits.close_empty(change, head.key)
