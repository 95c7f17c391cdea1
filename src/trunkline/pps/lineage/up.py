"""What a file was made from: its datum, the inputs of that, their datums, and so on to files that no pipeline made.

Breadth first, so that what is near comes first if there is too much. Cost: a look-up in a commit and one in a datum map
for each file, whatever else these hold. Invariant: a file, and a datum of a job, is told once, however many ways lead
to it; so the trace of anything ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from trunkline.kernel.errors import Cancelled, NotFound
from trunkline.maps import Entry
from trunkline.maps.keys import prefix_end
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps.lineage.past import Past, Scene
from trunkline.pps.lineage.values import Bounds, TracedDatum, TracedFile, TracedInput, TraceEnd
from trunkline.pps.plan.records import decode

Told = TracedFile | TracedDatum | TraceEnd

GONE = "its commit was deleted, or its content forgotten"


class _Place(msgspec.Struct, frozen=True):
    """A file that is to be told. `entry` is None where nobody looked yet."""

    number: int
    level: int
    commit: Commit
    path: str
    size: int
    hash: bytes
    entry: Entry | None


class Upward:
    """One trace.

    Args:
        pfs: the versioned file system.
        bounds: how much is wanted.
        alive: whether anybody still listens.
    """

    def __init__(self, pfs: Pfs, bounds: Bounds, alive: Callable[[], bool] = lambda: True) -> None:
        self._pfs, self._bounds, self._alive = pfs, bounds, alive
        self._past = Past(pfs)
        self._numbers: dict[tuple[int, str], int] = {}
        self._datums: dict[tuple[int, bytes], int] = {}
        self._queue: deque[_Place] = deque()
        self._cut = False

    def trace(self, commit: Commit, path: str) -> Iterator[Told]:
        """Tells of a file, or of the files below a directory, and of everything that they came from.

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
        if entry is not None:
            self._number(commit, path, entry[2], entry[1], 0, entry)
        else:
            self._below(commit, path if path == "/" else f"{path}/", 0)
        if not self._queue:
            raise NotFound(f"file {path} not found in repo {commit.repo} at commit {commit.id}")
        while self._queue:
            if not self._alive():
                raise Cancelled("the caller went away")
            yield from self._tell(self._queue.popleft())
        yield TraceEnd(len(self._numbers), len(self._datums), self._cut)

    def _tell(self, place: _Place) -> Iterator[Told]:
        commit, note = place.commit, ""
        told = TracedFile(
            place.number, commit.repo, commit.branch, commit.id, place.path, place.size, place.hash, 0, ""
        )
        if self._bounds.depth and place.level >= self._bounds.depth:
            yield told
            return
        entry = place.entry or self._entry(place)
        found = None if entry is None else self._past.maker(commit, place.path.encode(), entry)
        if entry is None:
            note = GONE
        if found is None:
            yield msgspec.structs.replace(told, note=note)
            return
        scene, datum = found
        known = self._datums.get((scene.job.key, datum[0]))
        number = known or len(self._datums) + 1
        yield msgspec.structs.replace(told, datum=number)
        if known is None:
            self._datums[scene.job.key, datum[0]] = number
            yield self._datum(number, scene, datum, place.level + 1)

    def _entry(self, place: _Place) -> Entry | None:
        root = self._past.content(place.commit)
        return None if root is None else self._pfs.maps.get(root, place.path.encode())

    def _datum(self, number: int, scene: Scene, datum: Entry, level: int) -> TracedDatum:
        record = decode(datum)
        work = self._past.work(scene, record)
        return TracedDatum(
            number=number,
            id=record.id,
            job=scene.job.ref,
            version=scene.job.version,
            state=work.state,
            run=work.run,
            inputs=self._inputs(scene, datum, level),
            outputs=0 if work.outputs is None else work.outputs.count,
        )

    def _inputs(self, scene: Scene, datum: Entry, level: int) -> tuple[TracedInput, ...]:
        """The inputs with their files numbered; single files before directories, which may use up what is left."""
        found = self._past.inputs(scene, datum)
        leaves = [one.leaf for one in decode(datum).inputs]
        for folders in (False, True):
            for at, one in enumerate(found):
                commit = scene.commits[leaves[at]]
                if one.path.endswith("/") is folders and commit is not None:
                    found[at] = self._with_files(one, commit, level)
        return tuple(found)

    def _with_files(self, one: TracedInput, commit: Commit, level: int) -> TracedInput:
        if one.path.endswith("/"):
            files, more = self._below(commit, one.path, level)
        else:
            number = self._number(commit, one.path, one.size, one.hash, level, None)
            files, more = ([number], 0) if number else ([], 1)
        return msgspec.structs.replace(one, files=tuple(files), more=more)

    def _below(self, commit: Commit, folder: str, level: int) -> tuple[Sequence[int], int]:
        """Numbers the files below a directory; and how many are not numbered."""
        root = self._past.content(commit)
        if root is None:
            return [], 0
        low = folder.encode()
        high = prefix_end(low)
        count = self._pfs.maps.totals(root, low, high).count
        numbers = []
        for entry in islice(self._pfs.maps.range(root, low, high), self._bounds.width):
            number = self._number(commit, entry[0].decode(), entry[2], entry[1], level, entry)
            if not number:
                break
            numbers.append(number)
        self._cut = self._cut or len(numbers) < count
        return numbers, count - len(numbers)

    def _number(self, commit: Commit, path: str, size: int, digest: bytes, level: int, entry: Entry | None) -> int:
        """The number of a file, which is told in its turn if it is a new one; 0 if there are too many."""
        known = self._numbers.get((commit.key, path))
        if known is not None:
            return known
        if len(self._numbers) >= self._bounds.most:
            self._cut = True
            return 0
        number = self._numbers[commit.key, path] = len(self._numbers) + 1
        self._queue.append(_Place(number, level, commit, path, size, digest, entry))
        return number
