"""Commits: `REPO ID PARENT STARTED DURATION SIZE`, and the view of one with all its provenance."""

from __future__ import annotations

from collections.abc import Iterable

from trunkline.kernel import units
from trunkline.kernel.clock import Nanos
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import UNKNOWN, ago, between, commit_name, repo_name, repo_of, when
from trunkline.wire import pfs_pb2 as pfs

HEADER = ("REPO", "ID", "PARENT", "STARTED", "DURATION", "SIZE")
LEAST_WIDTHS = (12, 32, 32, 22, 22, 9)
"""For rows that are printed before the next one is known."""


def row(info: pfs.CommitInfo, now: Nanos) -> tuple[str, ...]:
    """One line of list-commit."""
    return (
        repo_name(repo_of(info.commit)),
        info.commit.id,
        info.parent_commit.id or "<none>",
        ago(when(info, "started"), now),
        between(when(info, "started"), when(info, "finished")),
        units.size(size_of(info)) if info.HasField("finished") else UNKNOWN,
    )


def detail(info: pfs.CommitInfo, provenance: Iterable[pfs.Commit], now: Nanos) -> str:
    """inspect-commit; `provenance` is every commit that this one came from, specs included."""
    came_from = "  ".join(commit_name(commit) for commit in provenance)
    finished = info.HasField("finished")
    return details(
        (
            ("Commit", commit_name(info.commit)),
            ("Description", info.description or None),
            ("Parent", info.parent_commit.id or None),
            ("Started", ago(when(info, "started"), now)),
            ("Finished", ago(info.finished, now) if finished else None),
            ("Error", " ".join(info.error.split()) or None),
            ("Size", units.size(size_of(info)) if finished else None),
            ("Provenance", f" {came_from}" if came_from else None),
        )
    )


def size_of(info: pfs.CommitInfo) -> int:
    """The exact size where the server gives it, else the upper bound; bytes."""
    return info.details.size_bytes or info.size_bytes_upper_bound
