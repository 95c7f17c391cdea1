"""Folders into a write: what is remembered is not read, the rest is cut into shares and read by the crew.

Invariants: a file is remembered by how it was *before* it was read, so a change meanwhile makes it another one; what
is learnt of a folder is what all of its files came to: while a part is missing, nothing is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from trunkline.client.batches import Batches
from trunkline.client.crew import Crew
from trunkline.client.localfiles import Progress
from trunkline.client.memory import Memory, is_settled, unsettled
from trunkline.client.scanning import Stat
from trunkline.client.shares import Cutter, Piece, ReadPiece
from trunkline.client.sources import Folder
from trunkline.client.walking import Listed, walk
from trunkline.client.writing import Writing
from trunkline.content.entry import FileEntry
from trunkline.kernel import paths

_files = msgspec.msgpack.Decoder(list[FileEntry])


class _Learning:
    """One folder of which some files are read."""

    def __init__(self, listed: Listed, known: dict[Stat, FileEntry], missing: int, looked: int) -> None:
        self._below, self._stats = listed.below, listed.stats
        self._known, self._missing, self._looked = known, missing, looked
        self._read: dict[str, FileEntry] = {}

    def take(self, memory: Memory, piece: Piece, read: ReadPiece) -> None:
        """Takes a piece; remembers the folder when it was the last one."""
        self._missing -= len(piece.stats)
        whole = len(piece.stats) == len(self._stats)
        if not whole:
            names = (stat[0] for stat in piece.stats)
            self._read.update(zip(names, _files.decode(read.files), strict=True))
        if self._missing:
            return
        stats = [self._remembered(stat) for stat in self._stats]
        files = [self._read.get(stat[0]) or self._known[stat] for stat in self._stats] if not whole else read.files
        memory.learn(self._below, stats, files)

    def _remembered(self, stat: Stat) -> Stat:
        return stat if stat in self._known or is_settled(stat, self._looked) else unsettled(stat)


class FolderReading:
    """Everything below folders.

    Attributes:
        counts: files, bytes that were read, files that were not.
    """

    def __init__(self, crew: Crew, batches: Batches, writing: Writing, memory: Memory, progress: Progress) -> None:
        self._crew, self._batches, self._writing = crew, batches, writing
        self._memory, self._progress = memory, progress
        self._waiting: dict[int, tuple[Piece, _Learning]] = {}
        self.counts = [0, 0, 0]

    def read(self, folder: Folder, *, skip_unchanged: bool) -> None:
        """Sends the files of a folder.

        Args:
            skip_unchanged: leave out those that are remembered.

        Raises:
            InvalidRequest: something that cannot be read or stored.
        """
        for share in self._crew.read(self._shares(folder, skip_unchanged)):
            self.counts[1] += share.size
            self._writing.send(share.columns)
            for read in share.pieces:
                piece, learning = self._waiting.pop(read.number)
                learning.take(self._memory, piece, read)

    def _shares(self, folder: Folder, skip_unchanged: bool) -> Iterator[list[Piece]]:
        target = paths.as_directory(paths.clean(folder.target))
        cutter = Cutter()
        looked = time.time_ns()  # folders are looked at ahead of their turn, so later times might be too late
        for listed in walk(folder.origin):
            self.counts[0] += listed.count
            below = f"{target}{listed.below}"
            if not self._memory.unchanged(listed.below, listed.seen):
                yield from self._changed(cutter, listed, below, looked, skip_unchanged)
            elif skip_unchanged:
                self._passed(listed.count)
            else:
                self._known(below, listed.stats, self._memory.files(listed.below))
        if rest := cutter.rest():
            yield rest

    def _changed(
        self, cutter: Cutter, listed: Listed, below: str, looked: int, skip_unchanged: bool
    ) -> Iterator[list[Piece]]:
        known = self._memory.files(listed.below)
        wanted = [stat for stat in listed.stats if stat not in known] if known else listed.stats
        learning = _Learning(listed, known, len(wanted), looked)
        if skip_unchanged:
            self._passed(len(listed.stats) - len(wanted))
        elif known:
            self._known(below, [stat for stat in listed.stats if stat in known], known)
        if not wanted:  # some went
            self._memory.learn(listed.below, listed.stats, [known[stat] for stat in listed.stats])
        for piece, ends in cutter.cut(listed.origin, below, wanted):
            self._waiting[piece.number] = piece, learning
            if ends:
                yield cutter.rest()

    def _known(self, below: str, stats: list[Stat], known: dict[Stat, FileEntry]) -> None:
        for stat in stats:
            self._batches.add(f"{below}{stat[0]}", known[stat])
        self._passed(len(stats))

    def _passed(self, count: int) -> None:
        self.counts[2] += count
        self._progress(count, 0)
