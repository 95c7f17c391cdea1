"""A world with jobs that run: real catalog, pfs, dispatcher and runner; the workers are threads, and user code is a
Python function over the datum's files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.pps.world import World

from trunkline.content.entry import from_entry
from trunkline.content.writer import ContentWriter
from trunkline.kernel.ids import SetId
from trunkline.maps import Entry, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import branches, modify
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pps import inputs, outcomes, progress, rows, tickets
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.machine import Event
from trunkline.pps.outcomes import DatumReport
from trunkline.pps.outputs import output_map
from trunkline.pps.plan import plan
from trunkline.pps.rows import Job, Stats
from trunkline.pps.runner import JobRunner, Ran, Standing
from trunkline.pps.states import DatumState, JobState
from trunkline.pps.tickets import Batch, WorkDatum

Files = Mapping[str, str]
"""Path below /pfs (`/<input name>/...`) to content, or below /pfs/out."""

Code = Callable[[Files], Files]


class Failed(Exception):
    """User code gave up on a datum; the text is the reason."""


class Recovered(Exception):
    """User code gave up, and its error handler forgave."""


def copy(files: Files) -> Files:
    """The most used pipeline of all: each file goes where it came from."""
    return {"/" + path.split("/", 2)[2]: text for path, text in files.items()}


class Factory(World):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.code: Code = copy
        self.ran: list[tuple[str, ...]] = []
        """The files of each datum that user code ran on."""
        self.restart()

    def restart(self) -> None:
        """What is in memory is lost, as in a crash of pachd."""
        self.dispatcher = Dispatcher(self.clock, 30.0)
        self.runner = JobRunner(self.pfs, self.dispatcher, self.pps.digest_of, vault=self.pps.vault)

    # -- workers ------------------------------------------------------------------------------------------

    def files(self, datum: WorkDatum) -> dict[str, str]:
        """What is staged for a datum."""
        found: dict[str, str] = {}
        for one in datum.inputs:
            root, low = Root.unpack(one.source.root), one.path.encode()
            high = prefix_end(low) if one.path.endswith("/") else low + b"\0"
            for entry in self.pfs.maps.range(root, low, high):
                text = b"".join(self.pfs.reader.read(from_entry(entry))).decode()
                found[f"/{one.name}{entry[0].decode()}"] = text
        return found

    def execute(self, datum: WorkDatum, files: Files) -> Files:
        """What user code makes of a datum."""
        return self.code(files)

    def work(self, datum: WorkDatum) -> DatumReport:
        """What a worker does with a datum."""
        files = self.files(datum)
        self.ran.append(tuple(sorted(files)))
        stats = Stats(1, 2, 3, sum(map(len, files.values())), 0)
        try:
            made = self.execute(datum, files)
        except Failed as error:
            return DatumReport(datum.id, DatumState.FAILED, str(error), stats=stats, tries=3)
        except Recovered as error:
            return DatumReport(datum.id, DatumState.RECOVERED, str(error), stats=stats, tries=3)
        writer = ContentWriter(self.pfs.store)
        pending = [(path, writer.add([text.encode()])) for path, text in made.items()]
        writer.flush()
        outputs = output_map(self.pfs.maps, datum.id, [(path, one.file()) for path, one in pending]).pack()
        return DatumReport(datum.id, DatumState.SUCCESS, outputs=outputs, stats=stats)

    def reports(self, job: Job) -> list[DatumReport]:
        """What workers would report of every datum of a planned job."""
        return [self.work(datum) for datum in self.datums(job)]

    def datums(self, job: Job) -> Iterator[WorkDatum]:
        """The datums of a planned job, as workers get them."""
        leaves = list(inputs.leaves(plan.need_input(self.pps.version_of(job))))
        with self.catalog.read() as tx:
            commits = plan.input_commits(tx, job, leaves)
        sources = [
            tickets.InputSource(leaf.repo, leaf.project, leaf.branch, commit.id, self.pfs.content(commit).pack())
            for leaf, commit in zip(leaves, commits, strict=True)
        ]
        return (tickets.datum(entry, sources) for entry in self.entries(job))

    def entries(self, job: Job) -> list[Entry]:
        """The datum map of a planned job."""
        assert job.datums is not None
        return list(self.pfs.maps.range(Root.unpack(job.datums)))

    def process(self, worker: str, batch: Batch) -> None:
        for datum in batch.datums:
            if self.dispatcher.report(worker, batch.id, [self.work(datum)], done=False).lost:
                return
        self.dispatcher.report(worker, batch.id, [], done=True)

    @contextmanager
    def workers(self, count: int = 1) -> Iterator[None]:
        stopping = threading.Event()

        def loop(name: str) -> None:
            while not stopping.is_set():
                batch = self.dispatcher.next_batch(name, 0.01)
                if batch is not None:
                    self.process(name, batch)

        threads = [threading.Thread(target=loop, args=(f"worker-{number}",)) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join()

    # -- jobs ---------------------------------------------------------------------------------------------

    def plan(self, job: Job) -> Job:
        """As far as the runner goes before the first datum is handed out."""
        self.pfs.change(lambda change: progress.advance(change, job.key, [Event.PICKED_UP, Event.INPUTS_READY]))
        made = plan.make(self.pfs, job, self.pps.version_of(job))
        return self.pfs.change(lambda change: progress.save_plan(change, job.key, made))

    def run(self, job: Job) -> Ran:  # type: ignore[override]
        return self.runner.run(job.key)

    def settle(self, workers: int = 1) -> None:
        """Runs jobs, oldest first, until none can go on."""
        with self.workers(workers):
            moved = True
            while moved:
                moved = False
                self.finish_commits()
                with self.catalog.read() as tx:
                    waiting = list(rows.jobs(tx, "WHERE jobs.finished IS NULL ORDER BY jobs.id"))
                for job in waiting:
                    moved = self.run(job).standing is Standing.ENDED or moved
        assert self.dispatcher.problems() == []

    def runs(self, name: str) -> list[tuple[str, ...]]:
        """Settles; which datums user code ran on meanwhile, by their files, in order."""
        self.ran.clear()
        self.settle()
        prefix = f"/{name}/"
        return sorted(files for files in self.ran if not files or files[0].startswith(prefix))

    def counts(self, name: str) -> tuple[int, int, int, int, int]:
        """Processed, skipped, failed, recovered, total of the newest job."""
        counts = self.job(name).counts
        return counts.processed, counts.skipped, counts.failed, counts.recovered, counts.total

    def content(self, repo: str, reference: str = "master") -> dict[str, str]:
        """The files of a commit."""
        root = self.pfs.content(self.commit(repo, reference))
        return {
            entry[0].decode(): b"".join(self.pfs.reader.read(from_entry(entry))).decode()
            for entry in self.pfs.maps.range(root)
        }

    def root(self, repo: str, reference: str = "master") -> Root:
        return self.pfs.content(self.commit(repo, reference))

    def delete(self, repo: str, *paths: str) -> None:
        """One commit on master that removes files."""
        operations = [modify.Delete(path, "default") for path in paths]
        modify.write(self.pfs, CommitRef(RepoRef(repo), branch="master"), operations)
        self.finish_commits()

    def set_branch(self, repo: str, commit: SetId) -> None:
        """Points master at a commit."""
        ref = BranchRef(RepoRef(repo), "master")
        self.pfs.change(lambda change: branches.create(change, ref, head=CommitRef(RepoRef(repo), commit)))
        self.finish_commits()

    def recomputed(self, job: Job) -> dict[str, str]:
        """The output of a job by running user code on each datum that it did not recover from, from nothing."""
        found: dict[str, str] = {}
        recovered = set(outcomes.recovered(self.catalog, job.key))
        for datum in self.datums(job):
            if bytes.fromhex(datum.id) not in recovered:
                made = self.execute(datum, self.files(datum))
                assert not found.keys() & made.keys()
                found.update(made)
        return found

    def check(self, job: Job) -> None:
        """A job that succeeded is right in every respect."""
        counts = job.counts
        assert job.state is JobState.SUCCESS, job.reason
        assert job.datums is not None
        assert counts.total == Root.unpack(job.datums).count
        assert counts.total == counts.processed + counts.skipped + counts.recovered
        assert job.finished is not None
        assert job.started is not None
        with self.catalog.read() as tx:
            commit = pfs_rows.commit_by_key(tx, job.output_commit)
            made = tx.row("SELECT count(*) AS n FROM outcomes WHERE job = ?", (job.key,))
        assert made is not None
        assert made["n"] == counts.processed
        assert commit is not None
        assert commit.error == ""
        assert commit.root is not None
        root = Root.unpack(commit.root)
        assert self.content(job.ref.pipeline.name, job.ref.id) == self.recomputed(job)
        tags = {from_entry(entry).tag for entry in self.pfs.maps.range(root)}
        assert tags <= {entry[0].hex() for entry in self.pfs.maps.range(Root.unpack(job.datums))}
        assert list(self.pfs.maps.verify(root)) == []
