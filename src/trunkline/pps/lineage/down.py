"""What was made from a file: the datums that had it among their inputs, their output files, and so on downstream.

No index is kept. A datum has the file among its inputs exactly if it would not be what it is without the file; so the
job is planned as if its inputs changed from what they are to what they would be *without* the files in question, and
what that takes away or alters are the datums that are looked for. It costs what a commit costs that deletes these
files, whatever else the repos hold, and knows every kind of input that can be planned.

Commits are gone through in the order of their keys: what a commit comes from has a smaller one. So all that matters
of a job's inputs is known before the job comes up, and each job comes up once.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile

import msgspec

from trunkline.kernel.errors import Cancelled, NotFound
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.objects.wrappers.scratch import ScratchStore
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps.lineage.past import Past, Scene
from trunkline.pps.lineage.values import Bounds, TracedDatum, TracedFile, TraceEnd
from trunkline.pps.plan import tree
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.plan.records import Encoder, decode
from trunkline.pps.states import JobState

Told = TracedFile | TracedDatum | TraceEnd

CACHE_BYTES = 16 << 20
"""For the nodes that one trace reads."""

_OUTPUTS = (
    "SELECT edges.commit_id AS id, jobs.state AS state FROM commit_provenance AS edges "
    "JOIN jobs ON jobs.output_commit = edges.commit_id WHERE edges.upstream = ? ORDER BY edges.commit_id"
)


class Downward:
    """One trace.

    Args:
        pfs: the versioned file system.
        bounds: how much is wanted.
        alive: whether anybody still listens.
    """

    def __init__(self, pfs: Pfs, bounds: Bounds, alive: Callable[[], bool] = lambda: True) -> None:
        self._pfs, self._bounds, self._alive = pfs, bounds, alive
        self._past = Past(pfs)
        self._maps = Maps(ScratchStore(pfs.store), CACHE_BYTES)
        self._marked: dict[int, _Marks] = {}
        self._levels: dict[int, int] = {}
        """How many datums are between the files of a commit and those asked about, at the least."""
        self._ahead: list[int] = []
        self._files = self._datums = 0
        self._passed: set[int] = set()
        self._cut = False

    def trace(self, commit: Commit, path: str) -> Iterator[Told]:
        """Tells of a file, or of the files below a directory, and of everything that came from them.

        Args:
            commit: a readable one.
            path: cleaned.

        Raises:
            NotFound: the commit has no such file.
            Refused: the commit cannot be read.
            Cancelled: nobody listens any more.
        """
        root = self._pfs.content(commit)
        entry = None if path == "/" else self._pfs.maps.get(root, path.encode())
        low = path.encode() if path == "/" else f"{path}/".encode()
        found = [entry] if entry is not None else self._pfs.maps.range(root, low, prefix_end(low))
        yield from self._tell(commit, found, 0)
        if not self._files:
            raise NotFound(f"file {path} not found in repo {commit.repo} at commit {commit.id}")
        self._levels[commit.key] = 0
        self._follow(commit.key)
        last = 0
        while self._ahead and self._files < self._bounds.most:
            key = heapq.heappop(self._ahead)
            if key != last:
                last = key
                yield from self._output(key)
        self._cut = self._cut or bool(self._ahead)
        yield TraceEnd(self._files, self._datums, self._cut, len(self._passed))

    def _follow(self, commit: int) -> None:
        """Puts the outputs that come from a commit on the way."""
        level = self._levels[commit]
        if self._bounds.depth and level >= self._bounds.depth:
            return
        with self._pfs.catalog.read() as tx:
            for row in tx.rows(_OUTPUTS, (commit,)):
                if row["state"] != JobState.SUCCESS.value:
                    self._passed.add(row["id"])
                    continue
                heapq.heappush(self._ahead, row["id"])
                self._levels[row["id"]] = min(level + 1, self._levels.get(row["id"], level + 1))

    def _output(self, key: int) -> Iterator[Told]:
        """What of a job's output came from the files that are marked."""
        if not self._alive():
            raise Cancelled("the caller went away")
        scene = self._past.scene(key)
        if scene is None:
            return
        with self._pfs.catalog.read() as tx:
            commit = pfs_rows.commit_by_key(tx, key)
        assert commit is not None, "a job has an output commit"
        marked = [_NONE if one is None else self._marked.get(one.key, _NONE) for one in scene.commits]
        for datum in self._touched(scene, marked):
            if self._files >= self._bounds.most:
                self._cut = True
                break
            yield from self._datum(scene, commit, datum, marked)
        if self._marked.get(key, _NONE).numbers:
            self._follow(key)

    def _touched(self, scene: Scene, marked: Sequence[_Marks]) -> Iterator[Entry]:
        """The datums of a job that have marked files among their inputs."""
        new = [EMPTY if one is None else self._past.content(one) for one in scene.commits]
        if None in new or not any(one.numbers for one in marked):
            return
        whole = [root for root in new if root is not None]
        without = [self._without(root, files) for root, files in zip(whole, marked, strict=True)]
        encoder = Encoder(scene.leaves, salt="")  # which ids do not depend on
        # From what the job has to what it would have: it is the former whose indexes are there.
        grown = tree.build(self._maps, scene.input, whole, without, scene.indexes or None)
        for elements in grown.operator.changed(Side.OLD):
            if any(marked[one.leaf].within(one.path) for one in elements):
                entry = self._maps.get(scene.datums, encoder.id(elements))
                if entry is not None:
                    yield entry

    def _without(self, root: Root, files: _Marks) -> Root:
        return self._maps.edit(root, ((path.encode(), None) for path in files.paths)) if files.numbers else root

    def _datum(
        self, scene: Scene, commit: Commit, datum: Entry, marked: Sequence[_Marks]
    ) -> Iterator[TracedFile | TracedDatum]:
        record = decode(datum)
        work = self._past.work(scene, record)
        self._datums += 1
        number = self._datums
        inputs = self._past.inputs(scene, datum)
        for at, one in enumerate(record.inputs):
            inputs[at] = msgspec.structs.replace(inputs[at], files=tuple(marked[one.leaf].within(one.path)))
        outputs = EMPTY if work.outputs is None else work.outputs
        yield TracedDatum(
            number=number,
            id=record.id,
            job=scene.job.ref,
            version=scene.job.version,
            state=work.state,
            run=work.run,
            inputs=tuple(inputs),
            outputs=outputs.count,
        )
        yield from self._tell(commit, self._pfs.maps.range(outputs), number)

    def _tell(self, commit: Commit, entries: Iterator[Entry] | list[Entry], datum: int) -> Iterator[TracedFile]:
        """Numbers and marks files, as many as are wanted."""
        marks = self._marked.setdefault(commit.key, _Marks())
        rest = iter(entries)
        for key, value, weight, _ in islice(rest, min(self._bounds.width, self._bounds.most - self._files)):
            self._files += 1
            path = key.decode()
            marks.numbers[path] = self._files
            yield TracedFile(self._files, commit.repo, commit.branch, commit.id, path, weight, value, datum)
        self._cut = self._cut or next(rest, None) is not None


class _Marks:
    """The files of one commit that a trace has met."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._sorted: list[str] = []

    @property
    def paths(self) -> list[str]:
        """Their paths; sorted, which for texts and for their UTF-8 is the same."""
        if len(self._sorted) != len(self.numbers):
            self._sorted = sorted(self.numbers)
        return self._sorted

    def within(self, path: str) -> list[int]:
        """The numbers of those that an input's path stands for."""
        if not path.endswith("/"):
            return [self.numbers[path]] if path in self.numbers else []
        below = islice(self.paths, bisect_left(self.paths, path), None)
        return [self.numbers[one] for one in takewhile(lambda one: one.startswith(path), below)]


_NONE = _Marks()
