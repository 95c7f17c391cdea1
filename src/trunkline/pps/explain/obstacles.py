"""What a job that has not ended waits for, and what one that ended without success came to grief of.

Invariant: read in one short transaction, from rows alone; a chain of jobs that made each other unrunnable is followed
to the one that began it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.catalog import Tx
from trunkline.pfs import provenance
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.rows import Commit
from trunkline.pps import rows
from trunkline.pps.explain.values import Obstacle
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState, PipelineState

FAILURES = 10
"""Failed datums that are named."""

_FAILED = "SELECT datum, reason, tries FROM troubled_datums WHERE job = ? AND state = 'FAILED' ORDER BY datum LIMIT ?"


def of(tx: Tx, job: Job) -> list[Obstacle]:
    """What stands, or stood, in the way of a job."""
    if job.state is JobState.SUCCESS:
        return []
    if not job.state.terminal:
        return [*_waiting(tx, job)]
    if job.state is JobState.UNRUNNABLE:
        return [*_upstream(tx, job, set())]
    found = [Obstacle(job.reason, job=job.ref)] if job.reason else []
    return [*found, *_datums(tx, job)]


def of_inputs(tx: Tx, commits: Sequence[Commit]) -> list[Obstacle]:
    """What of a job's input commits, and of those that it comes from otherwise, is not there yet or is no use."""
    found = []
    for commit in commits:
        if commit.finished is None:
            found.append(_unfinished(tx, commit))
        elif commit.error:
            found.append(Obstacle(f"{commit} has an error: {commit.error}", str(commit), _job_ref(tx, commit)))
    return found


def _waiting(tx: Tx, job: Job) -> Iterator[Obstacle]:
    pipeline = rows.pipeline_by_key(tx, job.pipeline)
    if pipeline.state in (PipelineState.PAUSED, PipelineState.FAILURE, PipelineState.CRASHING):
        yield Obstacle(f"pipeline {pipeline.ref} is {pipeline.state.value.lower()}: {pipeline.reason or 'stopped'}")
    where = "WHERE jobs.pipeline = ? AND jobs.id < ? AND jobs.finished IS NULL ORDER BY jobs.id LIMIT 1"
    earlier = next(rows.jobs(tx, where, (job.pipeline, job.key)), None)
    if earlier is not None:
        state = earlier.state.value.lower()
        yield Obstacle(f"job {earlier.ref} is {state} and comes first: a pipeline's jobs are in order", job=earlier.ref)
    if job.state in (JobState.CREATED, JobState.STARTING):
        yield from of_inputs(tx, provenance.direct_commits(tx, job.output_commit))
        output = pfs_rows.commit_by_key(tx, job.output_commit)
        parent = None if output is None or output.parent is None else pfs_rows.commit_by_key(tx, output.parent)
        if parent is not None and parent.finished is None and earlier is None:
            yield _unfinished(tx, parent)
    if job.restart:
        yield Obstacle(f"it was begun again {job.restart} times: see pachd's log for why", job=job.ref)


def _unfinished(tx: Tx, commit: Commit) -> Obstacle:
    upstream = _job_of(tx, commit)
    if upstream is not None:
        return Obstacle(f"job {upstream.ref} is {upstream.state.value.lower()}", str(commit), upstream.ref)
    if commit.open:
        return Obstacle(f"{commit} is open: it waits for finish commit", str(commit))
    return Obstacle(f"{commit} is being finished", str(commit))


def _upstream(tx: Tx, job: Job, seen: set[int]) -> Iterator[Obstacle]:
    """The commits with errors that a job reads, each job before those of whose failure it could not run."""
    for commit in provenance.direct_commits(tx, job.output_commit):
        if not commit.error or commit.key in seen:
            continue
        seen.add(commit.key)
        upstream = _job_of(tx, commit)
        author = None if upstream is None else upstream.ref
        yield Obstacle(f"{commit} has an error: {commit.error}", str(commit), author)
        if upstream is not None and upstream.state is JobState.UNRUNNABLE:
            yield from _upstream(tx, upstream, seen)
        elif upstream is not None:
            yield from _datums(tx, upstream)


def _datums(tx: Tx, job: Job) -> Iterator[Obstacle]:
    for row in tx.rows(_FAILED, (job.key, FAILURES)):
        reason = row["reason"]
        yield Obstacle(f"datum {row['datum'].hex()} failed after {row['tries']} tries: {reason}", job=job.ref)
    if job.counts.failed > FAILURES:
        yield Obstacle(f"and {job.counts.failed - FAILURES} datums more: pachctl list datum shows them", job=job.ref)


def _job_of(tx: Tx, commit: Commit) -> Job | None:
    return next(rows.jobs(tx, "WHERE jobs.output_commit = ?", (commit.key,)), None)


def _job_ref(tx: Tx, commit: Commit) -> JobRef | None:
    job = _job_of(tx, commit)
    return None if job is None else job.ref
