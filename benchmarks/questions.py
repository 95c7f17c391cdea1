"""What a question costs over a pipeline of 10^3 … 10^5 datums: lineage up and down, an explanation, a move foreseen.

The peer reads all datums of the job and looks for the file in each: what has to be done without look-ups. Catalog and
maps are real, user code is not run: each datum is said to have made one file. Ten commits follow, of one file each.
`benchmarks/README.md` says what makes the numbers unfair. Run: `python benchmarks/questions.py [--sizes 1000 10000 …]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trunkline.catalog.sqlite import SqliteCatalog
from trunkline.content.entry import FileEntry
from trunkline.kernel.clock import SystemClock
from trunkline.kernel.ids import DatumId
from trunkline.maps import EMPTY, Root
from trunkline.objects.memory import MemoryStore
from trunkline.pfs import modify, repos, resolve
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pps import outcomes, rows
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.explain.jobs import Explainer
from trunkline.pps.explain.values import Page
from trunkline.pps.lineage.down import Downward
from trunkline.pps.lineage.up import Upward
from trunkline.pps.lineage.values import Bounds
from trunkline.pps.logbook import Logbook
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.outputs import output_map
from trunkline.pps.plan import plan
from trunkline.pps.plan.records import decode
from trunkline.pps.pps import Pps
from trunkline.pps.progress import save_plan
from trunkline.pps.rows import Job
from trunkline.pps.runner import JobRunner
from trunkline.pps.states import DatumState

REPEATS, COMMITS = 15, 10
A, P = RepoRef("a"), RepoRef("p")


class Case:
    """A repo of so many files, and a pipeline with the glob `/*` that has run on all of them."""

    def __init__(self, folder: Path, size: int) -> None:
        self.catalog = SqliteCatalog(folder / "catalog.db")
        self.pfs = Pfs(self.catalog, MemoryStore(), SystemClock())
        self.pps = Pps(self.pfs, Logbook(folder / "logs"))
        self.runner = JobRunner(self.pfs, Dispatcher(self.pfs.clock, 60.0), self.pps.digest_of, folder=folder)
        self.pfs.change(lambda change: repos.create(change, A))
        given = {
            "pipeline": {"name": "p"},
            "transform": {"cmd": ["true"]},
            "input": {"pfs": {"repo": "a", "glob": "/*"}},
        }
        self.put(range(size), b"")
        self.pps.create_pipeline(json.dumps(given))
        self.run()
        for number in range(COMMITS):
            self.put(range(number, number + 1), b"new")
            self.run()

    def put(self, names: range, data: bytes) -> None:
        operations: list[modify.Operation] = [modify.Delete(f"/{name:09}", "default") for name in names]
        operations += [modify.Append(f"/{name:09}", "default", data) for name in names]
        modify.write(self.pfs, CommitRef(A, branch="master"), operations)
        while self.pfs.finisher.step() is not None:
            pass

    def head(self, repo: RepoRef, name: str = "master") -> Commit:
        with self.catalog.read() as tx:
            return resolve.commit(tx, CommitRef(repo, name))

    def job(self) -> Job:
        with self.catalog.read() as tx:
            return next(rows.jobs(tx, "ORDER BY jobs.id DESC LIMIT 1"))

    def run(self) -> None:
        """Plans the newest job, says that each new datum made a file, and ends the job."""
        job = self.job()
        made = plan.make(self.pfs, job, self.pps.version_of(job))
        job = self.pfs.change(lambda change: save_plan(change, job.key, made))
        before = EMPTY if made.base is None else self._datums(made.base)
        found = [self._finding(entry[0], entry[1]) for _, _, entry in self.pfs.maps.diff(before, made.datums) if entry]
        outcomes.record(self.catalog, job, found, self.pfs.clock.now())
        self.runner.run(job.key)

    def _datums(self, key: int) -> Root:
        with self.catalog.read() as tx:
            job = rows.job_by_key(tx, key)
        assert job is not None
        return EMPTY if job.datums is None else Root.unpack(job.datums)

    def _finding(self, key: bytes, value: bytes) -> Finding:
        outputs = output_map(self.pfs.maps, key.hex(), [(f"/{key.hex()}", FileEntry(0, b"h" * 32))])
        return Finding(key, value, DatumReport(DatumId(key.hex()), DatumState.SUCCESS, outputs=outputs.pack()))

    # -- the questions --

    def up(self) -> int:
        root = self.pfs.content(self.head(P))
        path = next(self.pfs.maps.range(root))[0].decode()
        return sum(1 for _ in Upward(self.pfs, Bounds(100, 100)).trace(self.head(P), path))

    def down(self) -> int:
        return sum(1 for _ in Downward(self.pfs, Bounds(100, 100)).trace(self.head(A), f"/{7:09}"))

    def explain(self) -> int:
        return sum(1 for _ in Explainer(self.pfs, Page(20)).job(self.job().ref))

    def foresee(self) -> int:
        return sum(1 for _ in Explainer(self.pfs, Page(20)).move(BranchRef(A, "master"), CommitRef(A, "master^")))

    def scan(self) -> int:
        datums = Root.unpack(self.job().datums or b"")
        return sum(f"/{7:09}" in [one.path for one in decode(entry).inputs] for entry in self.pfs.maps.range(datums))


def clocked(act: Callable[[], int], repeats: int = REPEATS) -> float:
    """Median milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        assert act() > 0
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    print(f"{'datums':>10} {'up':>10} {'down':>10} {'explain':>10} {'foresee':>10} {'scan of all':>12}")
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            case = Case(Path(folder), size)
            asked = [clocked(act) for act in (case.up, case.down, case.explain, case.foresee)]
            print(f"{size:10,} {' '.join(f'{one:8.2f}ms' for one in asked)} {clocked(case.scan, 3):10.1f}ms")
            case.catalog.close()


if __name__ == "__main__":
    main()
