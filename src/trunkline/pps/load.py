"""Load tests: random commits into a project of their own, pipelines over them, and whether all of it came out right.

The same seed makes the same files. Invariants: a test writes to its own project alone, which stays, so that one can
look into it and go on with it; it ends with the caller.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import msgspec

from trunkline.kernel.errors import Busy, Cancelled, NotFound, TrunklineError
from trunkline.kernel.ids import new_id
from trunkline.pfs import modify, projects, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.files import View
from trunkline.pfs.layers import DEFAULT_TAG
from trunkline.pfs.modify import Append, Delete, Operation
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.tree import Node
from trunkline.pps import draft, job_queries, load_spec, rows
from trunkline.pps.load_spec import COPY, REPO, Load
from trunkline.pps.refs import PipelineRef
from trunkline.pps.states import JobState

DESCRIPTION = "A load test; delete it when it is not needed any more."
"""Of the projects of tests; no other project is written to."""

_PIECE = 1 << 20

Alive = Callable[[], bool]


class Ended(msgspec.Struct, frozen=True):
    """How a test ended: the project with what it made, and what was wrong, if anything."""

    project: str
    error: str = ""


class LoadTests:
    """Runs load tests, one at a time."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._alone = threading.Lock()

    def run(
        self,
        dag: str = "",
        data: str = "",
        *,
        seed: int = 0,
        parallelism: int = 0,
        pod_patch: str = "",
        project: str = "",
        alive: Alive = lambda: True,
    ) -> Ended:
        """Makes the load, waits for what it causes, and looks at it.

        Args:
            dag, data: see `load_spec`.
            project: of an earlier test, to go on with; its pipelines stay as they are.
            alive: whether anybody still wants to know.

        Raises:
            InvalidRequest, NotFound: nothing was begun; the texts cannot be read, there is no such project.
            Busy, Cancelled: another test runs; the caller went away.
        """
        wanted = load_spec.load(data)
        home = project or f"load-{new_id()[:12]}"
        specs = [] if project else load_spec.pipelines(dag, home, parallelism=parallelism, pod_patch=pod_patch)
        if not self._alone.acquire(blocking=False):
            raise Busy("a load test runs already: wait until it has ended")
        try:
            self._begin(home, specs, again=bool(project))
            return Ended(home, self._load(home, wanted, seed, alive))
        finally:
            self._alone.release()

    def _begin(self, home: str, specs: list[str], *, again: bool) -> None:
        """Makes project, repo and pipelines in one change; or makes sure that they are there."""

        def step(change: Change) -> None:
            projects.create(change, home, description=DESCRIPTION)
            repos.create(change, RepoRef(REPO, project=home))
            for spec in specs:
                draft.make(change.tx, spec).create(change)

        if not again:
            self._pfs.change(step)
            return
        with self._pfs.catalog.read() as tx:
            if projects.need(tx, home).description != DESCRIPTION:
                raise NotFound(f'load test "{home}" not found: this project is something else')

    def _load(self, home: str, wanted: Load, seed: int, alive: Alive) -> str:
        """All commits, each with its jobs; what was wrong, or nothing."""
        chance = random.Random(seed)  # noqa: S311 - the same load again is what is wanted
        try:
            for _ in range(wanted.commits):
                done = modify.write(self._pfs, _master(REPO, home), self._operations(home, wanted, chance), alive)
                wrong = self._wrong(home, done, alive)
                if wrong:
                    return wrong
        except (Cancelled, Busy):
            raise
        except TrunklineError as error:
            return error.message
        return ""

    def _operations(self, home: str, wanted: Load, chance: random.Random) -> Iterator[Operation]:
        """The next commit: some files go, others are put; half of these have names that may be there already."""
        there = [node.path for node in self._files(REPO, home)]
        for path in chance.sample(there, min(wanted.deletes, len(there))):
            yield Delete(path, DEFAULT_TAG)
        for _ in range(wanted.files):
            number = chance.randrange(2 * wanted.files * wanted.commits)
            path = f"/{chance.randrange(wanted.directories):03d}/{number:06d}"
            yield Delete(path, DEFAULT_TAG)
            left = chance.randint(wanted.least_bytes, wanted.most_bytes)
            yield Append(path, DEFAULT_TAG, b"")
            while left:
                piece = min(left, _PIECE)
                yield Append(path, DEFAULT_TAG, chance.randbytes(piece))
                left -= piece

    def _wrong(self, home: str, done: Commit, alive: Alive) -> str:
        """What went wrong downstream of a commit; waits for it."""
        for job in job_queries.wait_set(self._pfs.catalog, done.id, alive):
            if job.state is not JobState.SUCCESS:
                return f"job {job.ref} ended as {job.state.value}: {job.reason or 'no reason given'}"
        name = str(COPY["pipeline"]["name"])
        with self._pfs.catalog.read() as tx:
            copies = rows.find_pipeline(tx, PipelineRef(name, home)) is not None
        if copies and self._listed(REPO, home) != self._listed(name, home):
            return f"commit {done}: what {home}/{name} copied is not what it read"
        return ""

    def _listed(self, repo: str, home: str) -> list[tuple[str, int, bytes]]:
        return [(node.path, node.size, node.hash) for node in self._files(repo, home)]

    def _files(self, repo: str, home: str) -> Iterator[Node]:
        """What the head of `master` of a repo holds."""
        with self._pfs.catalog.read() as tx:
            head = resolve.commit(tx, _master(repo, home))
        return View(self._pfs.maps, self._pfs.reader, self._pfs.content(head)).files_between("", "")


def _master(repo: str, home: str) -> CommitRef:
    return CommitRef(RepoRef(repo, project=home), branch="master")
