"""What can be asked about pipelines: one, or a list, now or at an earlier version.

Cost: what is returned, times a logarithm; only the job counts of `inspect` look at every job of the pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import ancestry, metadata, resolve
from trunkline.pfs.metadata import Metadata
from trunkline.pps import rows
from trunkline.pps.refs import PipelineRef
from trunkline.pps.rows import Pipeline, Version
from trunkline.pps.spec import PipelineSpec
from trunkline.pps.states import JobState, PipelineState, PipelineType


class PipelineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a pipeline with everything that is shown of it.

    Attributes:
        spec_commit: id of the version's commit in the spec repo.
        created, updated: when the first and when this version was made.
        spec: the effective spec, and what it leaves open filled in; `effective_spec` is its text.
        merged_spec: the effective spec as it came out of the defaults and the user's spec.
        user_spec: what the user sent, word for word.
        last_job_state: of the newest job; None before the first.
        workers_started: since when it is up; None if it is not.
        job_counts: jobs per state; empty unless asked for.
    """

    ref: PipelineRef
    version: int
    spec_commit: SetId
    stopped: bool
    state: PipelineState
    reason: str
    last_job_state: JobState | None
    type: PipelineType
    parallelism: int
    created: Nanos
    updated: Nanos
    salt: str
    spec: PipelineSpec
    user_spec: str
    merged_spec: str
    effective_spec: str
    job_counts: dict[JobState, int]
    metadata: Metadata
    workers_started: Nanos | None


def inspect(tx: Tx, ref: PipelineRef, *, counts: bool = False) -> PipelineInfo:
    """One pipeline; its name may end with `^N`, for N versions back.

    Args:
        counts: count its jobs by state too.

    Raises:
        NotFound, InvalidRequest: no such pipeline; a suffix that makes no sense.
        Refused: it has fewer versions.
    """
    found = ancestry.parse(ref.name)
    pipeline = rows.pipeline(tx, PipelineRef(found.name, ref.project))
    number = found.forward or pipeline.version - found.back
    if not 1 <= number <= pipeline.version:
        raise Refused(
            f'pipeline "{pipeline.ref}" has only {pipeline.version} versions, not enough to find ancestor '
            f"{found.forward or found.back}"
        )
    return _info(tx, pipeline, rows.version(tx, pipeline.key, number), counts)


def select(
    tx: Tx,
    *,
    name: PipelineRef | None = None,
    history: int = 0,
    projects: Sequence[str] = (),
    commit_set: SetId | None = None,
) -> list[PipelineInfo]:
    """Pipelines, the most recently made or updated first.

    Args:
        name: only this one; a name that does not exist gives an empty list.
        history: how many older versions to show besides the newest; -1 for all.
        projects: only in these; all if there are none.
        commit_set: the versions that took part in this set, instead of the newest.
    """
    where, parameters = ["1 = 1"], list[str]()
    if name is not None:
        where.append("repos.name = ? AND projects.name = ?")
        parameters += [name.name, name.project]
    if projects:
        where.append(f"projects.name IN ({', '.join('?' * len(projects))})")
        parameters += projects
    query = f"{rows.PIPELINE_QUERY}WHERE {' AND '.join(where)}"
    found = [
        (version.spec_commit, pipeline, version)
        for pipeline in [rows.pipeline_of(row) for row in tx.rows(query, parameters)]
        for version in _versions(tx, pipeline, history, commit_set)
    ]
    found.sort(key=lambda one: -one[0])
    return [_info(tx, pipeline, version, False) for _, pipeline, version in found]


def _versions(tx: Tx, pipeline: Pipeline, history: int, commit_set: SetId | None) -> list[Version]:
    newest = pipeline.version
    if commit_set is not None:
        spec_repo = resolve.repo(tx, pipeline.ref.spec_branch.repo)
        commit = resolve.find_in_set(tx, spec_repo.key, commit_set)
        if commit is None:
            return []
        row = tx.row(rows.VERSION_QUERY + "WHERE pipeline_versions.spec_commit = ?", (commit.key,))
        if row is None:
            return []
        newest = rows.version_of(row).number
    oldest = 1 if history < 0 else max(1, newest - history)
    where = "WHERE pipeline_versions.pipeline = ? AND pipeline_versions.version BETWEEN ? AND ?"
    return [rows.version_of(row) for row in tx.rows(rows.VERSION_QUERY + where, (pipeline.key, oldest, newest))]


def _info(tx: Tx, pipeline: Pipeline, version: Version, counts: bool) -> PipelineInfo:
    last = tx.row("SELECT state FROM jobs WHERE pipeline = ? ORDER BY id DESC LIMIT 1", (pipeline.key,))
    given = version.spec
    return PipelineInfo(
        ref=pipeline.ref,
        version=version.number,
        spec_commit=version.spec_id,
        stopped=pipeline.stopped,
        state=pipeline.state,
        reason=pipeline.reason,
        last_job_state=None if last is None else JobState(last["state"]),
        type=given.type,
        parallelism=given.parallelism,
        created=pipeline.created,
        updated=version.created,
        salt=version.salt,
        spec=given,
        user_spec=version.user_spec,
        merged_spec=version.merged_spec,
        effective_spec=version.effective_spec,
        job_counts=_job_counts(tx, pipeline.key) if counts else {},
        metadata=metadata.decode(pipeline.metadata),
        workers_started=pipeline.workers_started,
    )


def _job_counts(tx: Tx, pipeline: int) -> dict[JobState, int]:
    query = "SELECT state, count(*) AS number FROM jobs WHERE pipeline = ? GROUP BY state"
    counted = {JobState(row["state"]): int(row["number"]) for row in tx.rows(query, (pipeline,))}
    return {state: counted[state] for state in JobState if state in counted}
