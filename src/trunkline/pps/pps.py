"""Pipelines and jobs as one thing: what api and pachd may ask for, each call complete in itself.

Invariant: every change is one change of pfs, so that pipelines, branches, commits and jobs agree; files that
belong to a record (logs) are removed after it, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trunkline.catalog import Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import provenance, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pps import (
    crons,
    datum_queries,
    draft,
    environments,
    job_queries,
    jobs,
    log_queries,
    pipeline_queries,
    pipelines,
    rows,
    spec,
    spout_logs,
    validate,
)
from trunkline.pps.datum_queries import ALL_DATUMS, DatumFilter, DatumInfo
from trunkline.pps.default_calls import DefaultCalls
from trunkline.pps.draft import Draft
from trunkline.pps.environments import Digests, Environment
from trunkline.pps.job_queries import JobFilter
from trunkline.pps.load import LoadTests
from trunkline.pps.log_queries import LogEntry, LogQuery
from trunkline.pps.logbook import Logbook
from trunkline.pps.pipeline_queries import PipelineInfo
from trunkline.pps.pipelines import Recipe
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Job, Version
from trunkline.pps.spec import PipelineName
from trunkline.pps.states import PipelineType
from trunkline.pps.templates import Renderer
from trunkline.pps.vault import Vault

Alive = Callable[[], bool]


def _always() -> bool:
    return True


class Pps:
    """The face of this room. Making one ties it to its pfs: new output commits get jobs from then on."""

    def __init__(self, pfs: Pfs, logbook: Logbook, vault: Vault | None = None) -> None:
        self.pfs = pfs
        self.vault = vault or Vault()
        self.logbook = logbook
        self.defaults = DefaultCalls(pfs, logbook.wake)
        self.templates = Renderer()
        self.loads = LoadTests(pfs)
        self._digests = Digests()
        pfs.hooks += [jobs.create_jobs, jobs.end_forced]
        pfs.removals.append(jobs.forget_jobs)
        pfs.drops.append(pipelines.guard_branch)

    # -- pipelines ------------------------------------------------------------------------------------------

    def create_pipeline(
        self, user_spec: str, *, update: bool = False, reprocess: bool = False, dry_run: bool = False
    ) -> str:
        """Makes a pipeline of a spec as the user wrote it, or gives one a new version; returns the effective spec.

        Args:
            user_spec: JSON, in any accepted spelling; its fields update, reprocess and dryRun count as well.
            dry_run: only work out the effective spec.

        Raises:
            InvalidRequest, Refused, NotBuilt, NotFound, AlreadyExists, CycleDetected: nothing was made.
        """
        made = self.draft(user_spec, update=update, reprocess=reprocess, dry_run=dry_run)
        if made.dry_run:
            return made.text

        def step(change: Change) -> str:
            now = draft.make(change.tx, user_spec, update=update, reprocess=reprocess)
            now.create(change)
            return now.text

        text = self.pfs.change(step)
        self.logbook.wake()
        return text

    def draft(self, user_spec: str, *, update: bool = False, reprocess: bool = False, dry_run: bool = False) -> Draft:
        """What a user's spec asks for, with the defaults of now; see `draft.make`."""
        with self.pfs.catalog.read() as tx:
            return draft.make(tx, user_spec, update=update, reprocess=reprocess, dry_run=dry_run)

    def rerun_pipeline(self, ref: PipelineRef, *, reprocess: bool = False) -> None:
        """A new version with the effective spec there is, so that there is a new job.

        Raises:
            NotFound: no such pipeline.
        """

        def step(change: Change) -> None:
            pipeline = rows.pipeline(change.tx, ref)
            version = rows.version(change.tx, pipeline.key, pipeline.version)
            recipe = Recipe(version.spec, version.user_spec, version.merged_spec)
            pipelines.create(change, recipe, update=True, reprocess=reprocess)

        self.pfs.change(step)
        self.logbook.wake()

    def start_pipeline(self, ref: PipelineRef) -> None:
        """Lets a stopped pipeline run again; see `pipelines.start`."""
        self.pfs.change(lambda change: pipelines.start(change, ref))

    def stop_pipeline(self, ref: PipelineRef, *, must_exist: bool = False) -> None:
        """Stops a pipeline and kills its unfinished jobs; see `pipelines.stop`."""
        self.pfs.change(lambda change: pipelines.stop(change, ref, must_exist=must_exist))
        self.logbook.wake()

    def run_cron(self, ref: PipelineRef) -> None:
        """A tick now of each clock among a pipeline's inputs; see `crons.run`."""
        crons.run(self.pfs, ref)

    def delete_pipeline(
        self, ref: PipelineRef, *, force: bool = False, keep_repo: bool = False, must_exist: bool = False
    ) -> bool:
        """Removes a pipeline and all that belongs to it; see `pipelines.delete`."""
        found = self.pfs.change(
            lambda change: pipelines.delete(change, ref, force=force, keep_repo=keep_repo, must_exist=must_exist)
        )
        if found:
            self.logbook.delete_pipeline(ref)
        self.logbook.wake()
        return found

    def delete_pipelines(
        self,
        projects: Sequence[str] = (),
        *,
        everything: bool = False,
        force: bool = False,
        keep_repo: bool = False,
    ) -> list[PipelineRef]:
        """Removes all pipelines of some projects, or all there are, in one change; downstream ones first.

        Raises:
            Refused: branches that are no pipeline's come from one of them (without `force`).
        """
        if not projects and not everything:
            return []
        with self.pfs.catalog.read() as tx:
            refs = _downstream_first(tx, () if everything else projects)

        def step(change: Change) -> None:
            for ref in refs:
                pipelines.delete(change, ref, force=force, keep_repo=keep_repo)

        self.pfs.change(step)
        for ref in refs:
            self.logbook.delete_pipeline(ref)
        self.logbook.wake()
        return refs

    def inspect_pipeline(self, ref: PipelineRef, *, counts: bool = False) -> PipelineInfo:
        """One pipeline, by a name that may end with `^N`; see `pipeline_queries.inspect`."""
        with self.pfs.catalog.read() as tx:
            return pipeline_queries.inspect(tx, ref, counts=counts)

    def list_pipelines(
        self,
        *,
        name: PipelineRef | None = None,
        history: int = 0,
        projects: Sequence[str] = (),
        commit_set: SetId | None = None,
    ) -> list[PipelineInfo]:
        """Pipelines, the most recently changed first; see `pipeline_queries.select`."""
        with self.pfs.catalog.read() as tx:
            return pipeline_queries.select(tx, name=name, history=history, projects=projects, commit_set=commit_set)

    # -- jobs -----------------------------------------------------------------------------------------------

    def inspect_job(self, ref: JobRef, *, wait: bool = False, alive: Alive = _always) -> Job:
        """One job, at once or when it has ended; see `job_queries.wait`."""
        if wait:
            return job_queries.wait(self.pfs.catalog, ref, alive)
        with self.pfs.catalog.read() as tx:
            return rows.job(tx, ref)

    def version_of(self, job: Job) -> Version:
        """The version of its pipeline that a job runs, with the spec."""
        with self.pfs.catalog.read() as tx:
            return rows.version(tx, job.pipeline, job.version)

    def list_jobs(
        self,
        *,
        pipeline: PipelineRef | None = None,
        input_commits: Sequence[CommitRef] = (),
        history: int = 0,
        projects: Sequence[str] = (),
        marker: Nanos | None = None,
        number: int = 0,
        reverse: bool = False,
    ) -> Iterator[Job]:
        """Jobs, newest first; see `JobFilter`.

        Raises:
            NotFound: no such pipeline, or one of the commits.
        """
        with self.pfs.catalog.read() as tx:
            key = None if pipeline is None else rows.pipeline(tx, pipeline).key
            commits = tuple(resolve.commit(tx, commit).key for commit in input_commits)
        wanted = JobFilter(
            pipeline=key,
            projects=tuple(projects),
            history=history,
            inputs=commits,
            marker=marker,
            reverse=reverse,
        )
        return job_queries.listed(self.pfs.catalog, wanted, number)

    def job_set(self, set_id: SetId, *, wait: bool = False, alive: Alive = _always) -> Iterator[Job]:
        """The jobs of a commit set, each after those it reads from; with `wait`, each once it has ended."""
        if wait:
            return job_queries.wait_set(self.pfs.catalog, set_id, alive)
        with self.pfs.catalog.read() as tx:
            return iter(job_queries.of_set(tx, set_id))

    def list_job_sets(
        self,
        *,
        projects: Sequence[str] = (),
        marker: Nanos | None = None,
        number: int = 0,
        reverse: bool = False,
    ) -> Iterator[tuple[SetId, list[Job]]]:
        """Commit sets that have jobs, newest first; see `job_queries.sets`."""
        wanted = JobFilter(projects=tuple(projects), history=-1, marker=marker, reverse=reverse)
        return job_queries.sets(self.pfs.catalog, wanted, number)

    def subscribe_jobs(self, pipeline: PipelineRef, alive: Alive = _always) -> Iterator[Job]:
        """The unfinished jobs of a pipeline, then each new one; see `job_queries.subscribe`."""
        with self.pfs.catalog.read() as tx:
            key = rows.pipeline(tx, pipeline).key
        return job_queries.subscribe(self.pfs.catalog, key, alive)

    def stop_job(self, ref: JobRef, reason: str = "") -> None:
        """Kills a job; one that has ended stays as it is; see `jobs.stop`."""
        self.pfs.change(lambda change: jobs.stop(change, ref, reason))
        self.logbook.wake()

    def delete_job(self, ref: JobRef) -> None:
        """Kills a job and removes its record and its log; see `jobs.delete`."""
        self.pfs.change(lambda change: jobs.delete(change, ref))
        self.logbook.delete(ref)
        self.logbook.wake()

    # -- datums ---------------------------------------------------------------------------------------------

    def list_datums(self, ref: JobRef, wanted: DatumFilter = ALL_DATUMS) -> Iterator[DatumInfo]:
        """The datums of a job; see `datum_queries.of_job`."""
        return datum_queries.of_job(self.pfs, self.inspect_job(ref), wanted)

    def list_datums_of_input(self, given: str, wanted: DatumFilter = ALL_DATUMS) -> Iterator[DatumInfo]:
        """The datums that an input, in canonical JSON, would form now; see `datum_queries.of_input`."""
        completed = validate.completed_input(PipelineName(), spec.decode_input(given))
        return datum_queries.of_input(self.pfs, completed, wanted)

    def inspect_datum(self, ref: JobRef, datum: str) -> DatumInfo:
        """One datum of a job; see `datum_queries.inspect`."""
        return datum_queries.inspect(self.pfs, self.inspect_job(ref), datum)

    # -- environments ---------------------------------------------------------------------------------------

    def create_environment(self, given: Environment, *, update: bool = False) -> Environment:
        """Registers a local environment; see `environments.create`."""
        return self.pfs.change(lambda change: environments.create(change, given, update=update))

    def list_environments(self) -> list[Environment]:
        """All local environments, by image name."""
        with self.pfs.catalog.read() as tx:
            return environments.select(tx)

    def find_environment(self, image: str) -> Environment | None:
        """What an image name means here; None if it is not registered."""
        with self.pfs.catalog.read() as tx:
            return environments.find(tx, image)

    def delete_environment(self, image: str) -> None:
        """Removes a local environment from the list; see `environments.delete`."""
        self.pfs.change(lambda change: environments.delete(change, image))

    def digest_of(self, given: Environment) -> str:
        """What user code would find in an environment, as one hash; see `Digests.digest`."""
        return self._digests.digest(given.root, given.variables, given.search_path)

    # -- logs -----------------------------------------------------------------------------------------------

    def logs(
        self,
        query: LogQuery,
        *,
        pipeline: PipelineRef | None = None,
        job: JobRef | None = None,
        alive: Alive = _always,
    ) -> Iterator[LogEntry]:
        """The log of a job, or of all jobs of a pipeline.

        Raises:
            NotFound: no such job or pipeline.
            Refused: neither is given, or the job is another pipeline's.
        """
        if job is not None:
            if pipeline is not None and pipeline != job.pipeline:
                raise Refused("job is from the wrong pipeline")
            return log_queries.of_job(self.pfs, self.logbook, self.inspect_job(job), query, alive)
        if pipeline is None:
            raise Refused("must specify the Job or Pipeline that the datum is from to get logs for it")
        with self.pfs.catalog.read() as tx:
            found = rows.pipeline(tx, pipeline)
        if found.type is PipelineType.SPOUT:
            return spout_logs.of_spout(self.pfs, self.logbook, found, query, alive)
        return log_queries.of_pipeline(self.pfs, self.logbook, found, query, alive)


def _downstream_first(tx: Tx, projects: Sequence[str]) -> list[PipelineRef]:
    """Each pipeline before those that it reads from: what is downstream of one has fewer branches below it."""
    found = [rows.pipeline_of(row) for row in tx.rows(rows.PIPELINE_QUERY + "ORDER BY pipelines.id DESC")]
    below = {one.key: len(provenance.downstream_branches(tx, one.output)) for one in found}
    wanted = [one for one in found if not projects or one.ref.project in projects]
    return [one.ref for one in sorted(wanted, key=lambda one: below[one.key])]
