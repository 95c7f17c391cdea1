"""Rows of pipelines, their versions and their jobs as typed values, and how they are found.

Invariant: these are read, never written back; changes go through the functions that keep the rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.catalog.database import need
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.ids import SetId
from trunkline.pps import spec
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.spec import PipelineSpec
from trunkline.pps.states import JobState, PipelineState, PipelineType

_NAMES = "repos.name AS pipeline_name, projects.name AS project_name"
_REPO = "JOIN repos ON repos.id = pipelines.repo JOIN projects ON projects.id = repos.project "
PIPELINE_QUERY = (
    f"SELECT pipelines.*, {_NAMES}, branches.name AS output_name FROM pipelines {_REPO}"
    "JOIN branches ON branches.id = pipelines.output "
)
JOB_QUERY = (
    f"SELECT jobs.*, {_NAMES}, commits.set_id AS job_id, commits.branch AS branch_name FROM jobs "
    f"JOIN pipelines ON pipelines.id = jobs.pipeline {_REPO}"
    "JOIN commits ON commits.id = jobs.output_commit "
)
VERSION_QUERY = (
    "SELECT pipeline_versions.*, commits.set_id AS spec_id FROM pipeline_versions "
    "JOIN commits ON commits.id = pipeline_versions.spec_commit "
)


_UP = (PipelineState.RUNNING.value, PipelineState.CRASHING.value)
"""States in which a pipeline has workers."""


class Pipeline(msgspec.Struct, frozen=True):
    """A pipeline as it is now; `output` is the key of the branch it writes; without workers none have started."""

    key: int
    ref: PipelineRef
    repo_key: int
    output: int
    output_branch: str
    version: int
    salt: str
    stopped: bool
    type: PipelineType
    state: PipelineState
    reason: str
    created: Nanos
    updated: Nanos
    metadata: str
    workers_started: Nanos | None


class Version(msgspec.Struct, frozen=True):
    """One version of a pipeline; `spec_id` is the id of the spec repo's commit, the specs are JSON.

    `merged_spec` is the user's spec over the defaults of its time, `effective_spec` that with what it leaves open.
    """

    pipeline: int
    number: int
    spec_commit: int
    spec_id: SetId
    salt: str
    user_spec: str
    merged_spec: str
    effective_spec: str
    created: Nanos

    @property
    def spec(self) -> PipelineSpec:
        """The effective spec as types."""
        return spec.decode(self.effective_spec)


class Stats(msgspec.Struct, frozen=True):
    """What the datums of a job, or one datum, cost; times in nanoseconds."""

    download_time: int = 0
    process_time: int = 0
    upload_time: int = 0
    download_bytes: int = 0
    upload_bytes: int = 0


class Counts(msgspec.Struct, frozen=True):
    """What became of a job's datums; at the end of a job, total is the sum of the others."""

    total: int = 0
    processed: int = 0
    skipped: int = 0
    failed: int = 0
    recovered: int = 0


class Job(msgspec.Struct, frozen=True):
    """A job. `output_commit` is a commit's key; `datums` the packed root of its datum map, once planned."""

    key: int
    ref: JobRef
    pipeline: int
    version: int
    output_commit: int
    output_branch: str
    state: JobState
    reason: str
    restart: int
    created: Nanos
    started: Nanos | None
    finished: Nanos | None
    plan_key: str | None
    base: int | None
    datums: bytes | None
    counts: Counts
    stats: Stats


def pipeline_ref(row: Row) -> PipelineRef:
    """The name in a row of `PIPELINE_QUERY` or `JOB_QUERY`."""
    return PipelineRef(row["pipeline_name"], row["project_name"])


def pipeline_of(row: Row) -> Pipeline:
    """A row of `PIPELINE_QUERY`."""
    return Pipeline(
        key=row["id"],
        ref=pipeline_ref(row),
        repo_key=row["repo"],
        output=row["output"],
        output_branch=row["output_name"],
        version=row["version"],
        salt=row["salt"],
        stopped=bool(row["stopped"]),
        type=PipelineType(row["type"]),
        state=PipelineState(row["state"]),
        reason=row["reason"],
        created=row["created"],
        updated=row["updated"],
        metadata=row["metadata"],
        workers_started=row["workers_started"] if row["state"] in _UP else None,
    )


def version_of(row: Row) -> Version:
    """A row of `VERSION_QUERY`."""
    return Version(
        pipeline=row["pipeline"],
        number=row["version"],
        spec_commit=row["spec_commit"],
        spec_id=row["spec_id"],
        salt=row["salt"],
        user_spec=row["user_spec"],
        merged_spec=row["merged_spec"] or row["effective_spec"],
        effective_spec=row["effective_spec"],
        created=row["created"],
    )


def stats_of(row: Row) -> Stats:
    """The costs in a row of jobs, outcomes or troubled datums."""
    return Stats(
        row["download_time"],
        row["process_time"],
        row["upload_time"],
        row["download_bytes"],
        row["upload_bytes"],
    )


def job_of(row: Row) -> Job:
    """A row of `JOB_QUERY`."""
    return Job(
        key=row["id"],
        ref=JobRef(pipeline_ref(row), row["job_id"]),
        pipeline=row["pipeline"],
        version=row["version"],
        output_commit=row["output_commit"],
        output_branch=row["branch_name"],
        state=JobState(row["state"]),
        reason=row["reason"],
        restart=row["restart"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        plan_key=row["plan_key"],
        base=row["base"],
        datums=row["datums"],
        counts=Counts(
            row["data_total"],
            row["data_processed"],
            row["data_skipped"],
            row["data_failed"],
            row["data_recovered"],
        ),
        stats=stats_of(row),
    )


def find_pipeline(tx: Tx, ref: PipelineRef) -> Pipeline | None:
    """The pipeline of this name, or None."""
    where = "WHERE repos.name = ? AND projects.name = ?"
    row = tx.row(PIPELINE_QUERY + where, (ref.name, ref.project))
    return None if row is None else pipeline_of(row)


def pipeline(tx: Tx, ref: PipelineRef) -> Pipeline:
    """The pipeline of this name.

    Raises:
        NotFound: there is none.
        InvalidRequest: no name given.
    """
    if not ref.name:
        raise InvalidRequest("pipeline must be specified: name a pipeline")
    found = find_pipeline(tx, ref)
    if found is None:
        raise NotFound(f'pipeline "{ref}" not found')
    return found


def pipeline_by_key(tx: Tx, key: int) -> Pipeline:
    """The pipeline with this key, which is known to exist."""
    return pipeline_of(need(tx.row(PIPELINE_QUERY + "WHERE pipelines.id = ?", (key,))))


def version(tx: Tx, pipeline_key: int, number: int) -> Version:
    """A version of a pipeline, which is known to exist."""
    where = "WHERE pipeline_versions.pipeline = ? AND pipeline_versions.version = ?"
    return version_of(need(tx.row(VERSION_QUERY + where, (pipeline_key, number))))


def find_job(tx: Tx, ref: JobRef) -> Job | None:
    """The job of this name, or None."""
    where = "WHERE commits.set_id = ? AND repos.name = ? AND projects.name = ?"
    row = tx.row(JOB_QUERY + where, (ref.id, ref.pipeline.name, ref.pipeline.project))
    return None if row is None else job_of(row)


def job(tx: Tx, ref: JobRef) -> Job:
    """The job of this name.

    Raises:
        NotFound: no such job, or no such pipeline.
    """
    found = find_job(tx, ref)
    if found is None:
        raise NotFound(f"jobs {ref} not found")
    return found


def job_by_key(tx: Tx, key: int) -> Job | None:
    """The job with this key."""
    row = tx.row(JOB_QUERY + "WHERE jobs.id = ?", (key,))
    return None if row is None else job_of(row)


def jobs(tx: Tx, where: str, parameters: tuple[str | int, ...] = ()) -> Iterator[Job]:
    """The jobs that a condition selects; `where` is one of this package's own constants."""
    return (job_of(row) for row in tx.rows(JOB_QUERY + where, parameters))


def indexes(tx: Tx, job_key: int) -> list[bytes]:
    """The packed roots of the indexes that the plan of a job left, in order; none if they are gone or never were."""
    query = "SELECT root FROM job_indexes WHERE job = ? ORDER BY place"
    return [bytes(row["root"]) for row in tx.rows(query, (job_key,))]
