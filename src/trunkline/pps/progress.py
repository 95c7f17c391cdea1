"""How far a job is, in the catalog: its state, its plan, its counts.

Invariants: a state is written together with the effects that `machine` gives it, in one change; a job that has ended,
or is gone, is never written to: `JobEnded` says so, and the runner stops quietly.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.catalog import Tx
from trunkline.maps import Root
from trunkline.pfs import commits
from trunkline.pfs.change import Change
from trunkline.pps import counted, jobs, machine, rows
from trunkline.pps.machine import Effect, Event
from trunkline.pps.plan.plan import Plan
from trunkline.pps.rows import Job
from trunkline.pps.states import DatumState, JobState


class JobEnded(Exception):
    """The job was stopped, or removed, meanwhile."""


def alive(tx: Tx, job_key: int) -> Job:
    """The job as it is now.

    Raises:
        JobEnded: it has ended, or is gone.
    """
    job = rows.job_by_key(tx, job_key)
    if job is None or job.state.terminal:
        raise JobEnded
    return job


def next_job(tx: Tx, pipeline: int) -> Job | None:
    """The oldest job of a pipeline that has not ended: the one that its runner looks after."""
    where = "WHERE jobs.pipeline = ? AND jobs.finished IS NULL ORDER BY jobs.id LIMIT 1"
    return next(rows.jobs(tx, where, (pipeline,)), None)


def advance(change: Change, job_key: int, events: Sequence[Event], reason: str = "", output: Root | None = None) -> Job:
    """Lets events happen to a job, one after the other; returns it as it then is.

    Args:
        reason: why it ends, if it ends without success.
        output: the content of its output commit, if it succeeds.

    Raises:
        JobEnded: it has ended, or is gone.
    """
    job = alive(change.tx, job_key)
    for event in events:
        step = machine.step(job.state, event)
        if Effect.CLOSE_OUTPUT_WITH_ERROR in step.effects:
            if event is not Event.STOPPED:
                _count_rest(change, job_key)
            jobs.end(change, job, step.state, reason)
        else:
            _write(change, job, step, output)
        found = rows.job_by_key(change.tx, job_key)
        assert found is not None, "a change keeps the job that it writes"
        job = found
    return job


def _write(change: Change, job: Job, step: machine.Step, output: Root | None) -> None:
    change.tx.run("UPDATE jobs SET state = ? WHERE id = ?", (step.state.value, job.key))
    for effect in step.effects:
        if effect is Effect.NOTE_START:
            change.tx.run("UPDATE jobs SET started = coalesce(started, ?) WHERE id = ?", (change.now, job.key))
        elif effect is Effect.COUNT_RESTART:
            change.tx.run("UPDATE jobs SET restart = restart + 1, reason = '' WHERE id = ?", (job.key,))
            change.count(counted.JOBS_INTERRUPTED)
        elif effect is Effect.CLOSE_OUTPUT:
            assert output is not None, "a success has content"
            commits.complete(change, commits.need(change, job.output_commit), output.pack())
        elif effect is Effect.NOTE_END:
            _count_rest(change, job.key)
            change.tx.run("UPDATE jobs SET finished = ?, reason = '' WHERE id = ?", (change.now, job.key))
            change.count(counted.JOBS_ENDED, 1, step.state.value)


def _count_rest(change: Change, job_key: int) -> None:
    """Every datum that was not worked on was skipped."""
    change.tx.run(
        "UPDATE jobs SET data_skipped = data_total - data_processed - data_failed - data_recovered WHERE id = ?",
        (job_key,),
    )
    job = rows.job_by_key(change.tx, job_key)
    if job is not None and job.counts.skipped:
        change.count(counted.DATUMS, job.counts.skipped, DatumState.SKIPPED.value)


def save_plan(change: Change, job_key: int, plan: Plan) -> Job:
    """Notes the datum map of a job, and the indexes that came with it.

    Raises:
        JobEnded: it has ended, or is gone.
    """
    alive(change.tx, job_key)
    base = plan.base
    if base is not None and rows.job_by_key(change.tx, base) is None:
        base = None  # removed meanwhile; the datum map does not depend on it
    change.tx.run(
        "UPDATE jobs SET plan_key = ?, base = ?, datums = ?, data_total = ? WHERE id = ?",
        (plan.key, base, plan.datums.pack(), plan.datums.count, job_key),
    )
    change.tx.run("DELETE FROM job_indexes WHERE job = ?", (job_key,))
    for place, index in enumerate(plan.indexes):
        change.tx.run(
            "INSERT INTO job_indexes (job, place, root) VALUES (?, ?, ?)",
            (job_key, place, index.pack()),
        )
    return alive(change.tx, job_key)


def note_served(change: Change, job_key: int, processed: int) -> None:
    """Shows the one datum of a service; it is worked on until the service ends.

    Raises:
        JobEnded: it has ended, or is gone.
    """
    alive(change.tx, job_key)
    change.tx.run("UPDATE jobs SET data_total = 1, data_processed = ? WHERE id = ?", (processed, job_key))


def superseded(tx: Tx, job_key: int) -> bool:
    """Whether a later job of the same pipeline has all its inputs."""
    row = tx.row(
        "SELECT 1 FROM jobs JOIN jobs AS later ON later.pipeline = jobs.pipeline AND later.id > jobs.id "
        "AND later.finished IS NULL WHERE jobs.id = ? AND NOT EXISTS (SELECT 1 FROM commit_provenance AS edge "
        "JOIN commits ON commits.id = edge.upstream WHERE edge.commit_id = later.output_commit "
        "AND commits.finished IS NULL)",
        (job_key,),
    )
    return row is not None


def note_skipped(change: Change, job_key: int, outstanding: int) -> None:
    """Shows how many datums are skipped, while others are being worked on; does nothing for a job that has ended.

    Args:
        outstanding: datums that were offered to the workers and not reported.
    """
    job = rows.job_by_key(change.tx, job_key)
    if job is not None and job.state is JobState.RUNNING:
        counts = job.counts
        skipped = counts.total - counts.processed - counts.failed - counts.recovered - outstanding
        change.tx.run("UPDATE jobs SET data_skipped = ? WHERE id = ?", (max(0, skipped), job_key))


def note_trouble(change: Change, job_key: int, reason: str) -> None:
    """Shows why a job does not get on; does nothing for one that has ended."""
    change.tx.run("UPDATE jobs SET reason = ? WHERE id = ? AND finished IS NULL", (reason, job_key))
