"""A whole versioned world on a temporary folder: real catalog, real pfs, real pps; no workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from trunkline.kernel.clock import ManualClock
from trunkline.kernel.ids import SetId
from trunkline.maps import EMPTY, Root
from trunkline.objects.memory import MemoryStore
from trunkline.pfs import commits, modify, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pps import outcomes, rows
from trunkline.pps.logbook import Logbook
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.plan import plan
from trunkline.pps.plan.records import decode
from trunkline.pps.pps import Pps
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Job, Stats
from trunkline.pps.states import DatumState, JobState
from trunkline.testing import catalogs


def pfs_input(repo: str, glob: str = "/*", **fields: Any) -> dict[str, Any]:
    """A pfs input in JSON."""
    return {"pfs": {"repo": repo, "glob": glob, **fields}}


def spec_of(name: str, given: dict[str, Any] | str, **fields: Any) -> str:
    """A small spec in JSON; an input that is a text is a repo with the glob /*."""
    read = pfs_input(given) if isinstance(given, str) else given
    spec = {"pipeline": {"name": name}, "transform": {"cmd": ["true"]}, "input": read, **fields}
    return json.dumps(spec)


class World:
    """What the tests of this room do to it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.catalog = catalogs.opened(folder / "catalog.db")
        self.pfs = Pfs(self.catalog, MemoryStore(), self.clock)
        self.logbook = Logbook(folder / "logs")
        self.pps = Pps(self.pfs, self.logbook)

    def close(self) -> None:
        self.logbook.close()
        self.catalog.close()

    # -- pfs --------------------------------------------------------------------------------------------

    def repo(self, *names: str) -> None:
        for name in names:
            self.pfs.change(lambda change, name=name: repos.create(change, RepoRef(name)))

    def put(self, repo: str, **files: str) -> SetId:
        """One commit on master; underscores in the names of files stand for dots."""
        operations: list[modify.Operation] = []
        for name, text in files.items():
            path = "/" + name.replace("_", ".")
            operations.append(modify.Delete(path, "default"))
            operations.append(modify.Append(path, "default", text.encode()))
        done = modify.write(self.pfs, CommitRef(RepoRef(repo), branch="master"), operations)
        self.finish_commits()
        return done.id

    def start_commit(self, repo: str) -> SetId:
        ref = BranchRef(RepoRef(repo), "master")
        return self.pfs.change(lambda change: commits.start(change, ref)).id

    def finish_commits(self) -> None:
        while self.pfs.finisher.step() is not None:
            pass

    def commit(self, repo: str, reference: str = "master") -> Commit:
        with self.catalog.read() as tx:
            return resolve.commit(tx, CommitRef(RepoRef(repo), reference))

    # -- pps --------------------------------------------------------------------------------------------

    def pipeline(self, name: str, given: dict[str, Any] | str, **fields: Any) -> SetId:
        """Makes a pipeline; returns the id of the change."""
        self.pps.create_pipeline(spec_of(name, given, **fields))
        return self.head(name)

    def head(self, name: str) -> SetId:
        """The id of the newest commit of a pipeline's output."""
        return self.commit(name).id

    def job(self, name: str, id: SetId | None = None) -> Job:
        """A job of a pipeline; the newest by default."""
        return self.pps.inspect_job(JobRef(PipelineRef(name), id or self.head(name)))

    def jobs(self, name: str) -> list[tuple[JobState, str]]:
        """State and reason of all jobs of a pipeline, oldest first."""
        found = self.pps.list_jobs(pipeline=PipelineRef(name), history=-1, reverse=True)
        return [(job.state, job.reason) for job in found]

    def plan(self, job: Job) -> Job:
        """Gives a job its datum map, as the runner does."""
        made = plan.make(self.pfs, job, self.pps.version_of(job))
        self.set_job(job, state=JobState.RUNNING.value, plan_key=made.key, datums=made.datums.pack())
        return self.pps.inspect_job(job.ref)

    def run(self, job: Job, *, failing: str = "", recovering: str = "") -> Job:
        """Plans a job, reports every datum that has no outcome, and ends it."""
        job = self.plan(job)
        assert job.datums is not None
        entries = list(self.pfs.maps.range(Root.unpack(job.datums)))
        with self.catalog.read() as tx:
            query = "SELECT hash FROM outcomes WHERE pipeline = ?"
            known = {row["hash"] for row in tx.rows(query, (job.pipeline,))}
        failed = False
        for entry in entries:
            record = decode(entry)
            state = DatumState.SUCCESS
            paths = [one.path for one in record.inputs]
            if failing and failing in paths:
                state, failed = DatumState.FAILED, True
            elif recovering and recovering in paths:
                state = DatumState.RECOVERED
            report = DatumReport(record.id, state, "" if state is DatumState.SUCCESS else "exit 1", stats=STATS)
            if record.hash not in known:
                finding = Finding(record.key, record.hash, report)
                outcomes.record(self.catalog, job, [finding], self.clock.now())
        self.end(job, JobState.FAILURE if failed else JobState.SUCCESS)
        return self.pps.inspect_job(job.ref)

    def end(self, job: Job, state: JobState = JobState.SUCCESS) -> None:
        """Ends a job as the runner would, with an empty output."""

        def step(change: Change) -> None:
            commit = commits.need(change, job.output_commit)
            good = state is JobState.SUCCESS
            commits.complete(change, commit, EMPTY.pack() if good else None, error="" if good else "broken")

        self.pfs.change(step)
        self.set_job(job, state=state.value, finished=self.clock.now())

    def set_job(self, job: Job, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        values = (*columns.values(), job.key)
        self.catalog.write(lambda tx: tx.run(f"UPDATE jobs SET {names} WHERE id = ?", values))


STATS = Stats(1, 2, 3, 4, 5)


def text_of(value: Any) -> str:
    """JSON of anything, for messages of failing tests."""
    return msgspec.json.encode(value).decode()


def need_job(world: World, key: int) -> Job | None:
    with world.catalog.read() as tx:
        return rows.job_by_key(tx, key)
