"""Jobs come into being with the output commits they are to fill, and end with them.

Invariants: a job exists only for a commit that its pipeline's spec is in the provenance of; a job that ended
never changes again; whoever ends a job here closes its output commit in the same change, so that neither is
left waiting for the other. What happens between a job's beginning and its end is the business of the runner.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import Refused
from trunkline.pfs import commits
from trunkline.pfs import rows as rows_of_pfs
from trunkline.pfs.change import Change
from trunkline.pps import counted, rows
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState

STOPPED = "job stopped"
DELETED = "job deleted"
FORCED = "output commit finished by force"

_NEW = """
SELECT pipelines.id AS pipeline, versions.version AS version FROM commits
JOIN branches ON branches.repo = commits.repo AND branches.name = commits.branch
JOIN pipelines ON pipelines.output = branches.id
JOIN commit_provenance AS edges ON edges.commit_id = commits.id
JOIN pipeline_versions AS versions
    ON versions.pipeline = pipelines.id AND versions.spec_commit = edges.upstream
WHERE commits.id = ? AND commits.finishing IS NULL AND pipelines.type <> 'SPOUT'"""

_STRANGE = """
SELECT repos.name AS name FROM commits
JOIN repos ON repos.id = commits.repo AND repos.type = 'spec'
JOIN repos AS outputs ON outputs.project = repos.project AND outputs.name = repos.name AND outputs.type = 'user'
JOIN pipelines ON pipelines.repo = outputs.id
WHERE commits.id = ? AND NOT EXISTS (SELECT 1 FROM pipeline_versions WHERE spec_commit = commits.id)"""


def create_jobs(change: Change) -> None:
    """A hook of pfs: gives each open commit that a change made on an output branch its job.

    Raises:
        Refused: a commit among a pipeline's versions that is none; what came of it would never get a job.
    """
    for commit in change.created:
        row = change.tx.row(_NEW, (commit,))
        if row is not None:
            change.tx.insert(
                "INSERT INTO jobs (pipeline, version, output_commit, state, created) VALUES (?, ?, ?, ?, ?)",
                (row["pipeline"], row["version"], commit, JobState.CREATED.value, change.now),
            )
            change.count(counted.JOBS_CREATED)
        elif (strange := change.tx.row(_STRANGE, (commit,))) is not None:
            raise Refused(f"cannot write to the spec repo of pipeline {strange['name']}: use update pipeline instead")


def end_forced(change: Change) -> None:
    """A hook of pfs: a job whose output commit was finished by force has been killed; the commit says so too."""
    for commit in change.forced:
        for job in list(rows.jobs(change.tx, "WHERE jobs.output_commit = ?", (commit,))):
            end(change, job, JobState.KILLED, FORCED)


def forget_jobs(change: Change, commits: Sequence[int]) -> None:
    """Called by pfs before commits are deleted: the jobs that wrote them go with them.

    Raises:
        Refused: one of them is a version of a pipeline that is still there.
    """
    for commit in commits:
        if change.tx.row("SELECT 1 FROM pipeline_versions WHERE spec_commit = ?", (commit,)) is not None:
            found = rows_of_pfs.commit_by_key(change.tx, commit)
            raise Refused(f"cannot remove commit {found} because it updated a pipeline: delete the pipeline instead")
        change.tx.run("DELETE FROM jobs WHERE output_commit = ?", (commit,))


def end(change: Change, job: Job, state: JobState, reason: str) -> None:
    """Ends an unfinished job without output: its output commit is finished, with the reason as its error.

    A job that has ended, in this change or before, stays as it is.

    Args:
        state: KILLED, FAILURE or UNRUNNABLE.
        reason: why; what comes of an empty one would look like success, so it must say something.
    """
    assert reason, "an end without output has a reason"
    assert state.terminal, "an end is final"
    touched = change.tx.run(
        "UPDATE jobs SET state = ?, reason = ?, finished = ?, started = coalesce(started, ?) "
        "WHERE id = ? AND finished IS NULL",
        (state.value, reason, change.now, change.now, job.key),
    )
    if touched:
        change.count(counted.JOBS_ENDED, 1, state.value)
        commits.complete(change, commits.need(change, job.output_commit), None, error=reason)


def stop(change: Change, ref: JobRef, reason: str = "") -> Job:
    """Kills a job; one that has ended stays as it is. Returns the job as it then is.

    Raises:
        NotFound: no such job.
    """
    job = rows.job(change.tx, ref)
    end(change, job, JobState.KILLED, reason or STOPPED)
    return rows.job(change.tx, ref)


def delete(change: Change, ref: JobRef) -> None:
    """Kills a job and removes its record; its output commit stays.

    Raises:
        NotFound: no such job.
    """
    job = stop(change, ref, DELETED)
    change.tx.run("DELETE FROM jobs WHERE id = ?", (job.key,))


def end_all(change: Change, pipeline: int, state: JobState, reason: str) -> None:
    """Ends every unfinished job of a pipeline, oldest first: a commit is finished after its parent."""
    where = "WHERE jobs.pipeline = ? AND jobs.finished IS NULL ORDER BY jobs.id"
    for job in list(rows.jobs(change.tx, where, (pipeline,))):
        end(change, job, state, reason)
