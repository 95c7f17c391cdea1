"""Repairs of what pipelines and jobs say of themselves: counts, newest versions, rows of what is gone.

Invariant: as for the file system (`trunkline.pfs.fsck_rows`): what other rows say is worked out again, and nothing is
made up.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.catalog import Tx
from trunkline.kernel.errors import Corrupt
from trunkline.maps import Root
from trunkline.pfs.fsck_rows import Reference, dangling, remove_dangling
from trunkline.pfs.pfs import Pfs
from trunkline.pps import rows
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState

REFERENCES = (
    Reference("pipelines", "repo", "repos"),
    Reference("pipelines", "output", "branches"),
    Reference("pipeline_versions", "pipeline", "pipelines", spare=True),
    Reference("pipeline_versions", "spec_commit", "commits"),
    Reference("crons", "pipeline", "pipelines", spare=True),
    Reference("jobs", "pipeline", "pipelines"),
    Reference("jobs", "output_commit", "commits"),
    Reference("jobs", "base", "jobs"),
    Reference("outcomes", "pipeline", "pipelines", spare=True),
    Reference("troubled_datums", "job", "jobs", spare=True),
    Reference("job_indexes", "job", "jobs", spare=True),
)

_NEWEST = (
    "SELECT pipelines.id AS id, pipelines.version AS said, pipelines.salt AS salt, newest.version AS version, "
    "newest.salt AS newest_salt FROM pipelines JOIN pipeline_versions AS newest ON newest.pipeline = pipelines.id "
    "WHERE newest.version = (SELECT max(version) FROM pipeline_versions WHERE pipeline = pipelines.id) "
    "AND (newest.version <> pipelines.version OR newest.salt <> pipelines.salt) ORDER BY pipelines.id"
)


def problems(tx: Tx) -> Iterator[str]:
    """What is wrong with the rows, in words."""
    yield from dangling(tx, REFERENCES)
    for row in tx.rows(_NEWEST):
        yield f"pipeline {row['id']} says that its version is {row['said']}, its newest is {row['version']}"


def repair(pfs: Pfs) -> Iterator[str]:
    """Puts right what can be; says what it did."""
    yield from remove_dangling(pfs, REFERENCES)
    lost = "base IS NOT NULL AND base NOT IN (SELECT id FROM jobs)"
    gone = pfs.catalog.write(lambda tx: tx.run(f"UPDATE jobs SET base = NULL WHERE {lost}"))
    if gone:
        yield f"{gone} jobs do not start from another one any more that is not there"
    yield from pfs.catalog.write(_versions)
    yield from pfs.catalog.write(_counts)


def _versions(tx: Tx) -> list[str]:
    done = []
    for row in list(tx.rows(_NEWEST)):
        statement = "UPDATE pipelines SET version = ?, salt = ? WHERE id = ?"
        tx.run(statement, (row["version"], row["newest_salt"], row["id"]))
        done.append(f"pipeline {row['id']}: its version is {row['version']}, not {row['said']}")
    return done


def _counts(tx: Tx) -> list[str]:
    """What a job that succeeded neither worked on nor failed or recovered, it skipped."""
    done = []
    for job in list(rows.jobs(tx, "WHERE jobs.state = ? ORDER BY jobs.id", (JobState.SUCCESS.value,))):
        total = datums_of(job)
        counts = job.counts
        skipped = total - counts.processed - counts.failed - counts.recovered
        if skipped >= 0 and (total, skipped) != (counts.total, counts.skipped):
            statement = "UPDATE jobs SET data_total = ?, data_skipped = ? WHERE id = ?"
            tx.run(statement, (total, skipped, job.key))
            done.append(f"job {job.ref} has {total} datums, of which it skipped {skipped}")
    return done


def datums_of(job: Job) -> int:
    """How many datums a job has, by its datum map; by its own count if that cannot be read."""
    if job.datums is None:
        return job.counts.total
    try:
        return Root.unpack(job.datums).count
    except Corrupt:
        return job.counts.total
