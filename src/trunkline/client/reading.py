"""Sources into a content writer: what is remembered is not read, everything else is read once.

Invariant: a file is remembered by how it was *before* it was read; so a change meanwhile makes it another one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

from trunkline.client.ahead import Ahead, read_small
from trunkline.client.batches import Batches
from trunkline.client.memory import Memory, Stat, is_settled, stat_of
from trunkline.client.sources import File, Folder, Listed, Stream, walk
from trunkline.content.entry import FileEntry
from trunkline.content.packing import PACK_FILE
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest

Progress = Callable[[int, int], None]
"""Told how many more files and bytes are done."""

PART = 1 << 20

WORTH_REMEMBERING = 4 << 20
"""Bytes; a single file that is smaller is read again as quickly as it is looked up."""

_READ = os.O_RDONLY | os.O_CLOEXEC

Known = Pending | FileEntry


class FolderReading:
    """Everything below folders.

    Attributes:
        counts: files, bytes that were read, files that were not.
    """

    def __init__(
        self, writer: ContentWriter, batches: Batches, memory: Memory, ahead: Ahead, progress: Progress
    ) -> None:
        self._writer, self._batches, self._memory, self._progress = writer, batches, memory, progress
        self._ahead = ahead
        self.counts = [0, 0, 0]

    def read(self, folder: Folder, *, skip_unchanged: bool) -> None:
        """Adds the files of a folder.

        Args:
            skip_unchanged: leave out those that are remembered.

        Raises:
            InvalidRequest: something that cannot be read or stored.
        """
        target = paths.as_directory(paths.clean(folder.target))
        looked = time.time_ns()
        for listed in walk(folder.origin):
            self.counts[0] += len(listed.stats)
            if self._memory.unchanged(listed.below, listed.stats):
                self.counts[2] += len(listed.stats)
                if not skip_unchanged:
                    for stat, file in self._memory.files(listed.below).items():
                        self._batches.add(f"{target}{listed.below}{stat[0]}", file)
                self._progress(len(listed.stats), 0)
            else:
                self._read(listed, target, looked, skip_unchanged)
            looked = time.time_ns()

    def _read(self, listed: Listed, target: str, looked: int, skip_unchanged: bool) -> None:
        known = self._memory.files(listed.below)
        learnt: list[tuple[Stat, Known]] = []
        size = 0
        small = (stat for stat in listed.stats if stat[1] < PACK_FILE and stat not in known)
        contents = self._ahead.contents((f"{listed.origin}/{stat[0]}", stat[1]) for stat in small)
        for stat in listed.stats:
            path = f"{target}{listed.below}{stat[0]}"
            file: Known | None = known.get(stat)
            if file is None:
                data = next(contents) if stat[1] < PACK_FILE else None
                file = self._add(f"{listed.origin}/{stat[0]}", data)
                size += file.size
                self._batches.add(path, file)
                if not is_settled(stat, looked):
                    stat = _unsettled(stat)
            else:
                self.counts[2] += 1
                if not skip_unchanged:
                    self._batches.add(path, file)
            learnt.append((stat, file))
        self.counts[1] += size
        self._batches.afterwards(partial(_learn, self._memory, listed.below, learnt))
        self._progress(len(listed.stats), 0)

    def _add(self, path: str, data: bytes | None) -> Pending:
        if data is None:
            return _read_long(self._writer, path, self._progress)
        self._progress(0, len(data))
        return self._writer.add(data)


def _learn(memory: Memory, below: str, learnt: list[tuple[Stat, Known]]) -> None:
    memory.learn(below, [(stat, one if isinstance(one, FileEntry) else one.file()) for stat, one in learnt])


def _unsettled(stat: Stat) -> Stat:
    return stat[0], stat[1], -1, -1, stat[4]


def read_file(
    file: File, writer: ContentWriter, batches: Batches, memory: Memory | None, progress: Progress
) -> tuple[int, int]:
    """Adds one file; says how many bytes were read, and 1 if it was remembered instead.

    Raises:
        InvalidRequest: it cannot be read or stored.
    """
    target = paths.file_path(file.target)
    looked = time.time_ns()
    try:
        stat = stat_of("", os.stat(file.origin))  # noqa: PTH116
    except OSError as error:
        raise _unreadable(file.origin, error) from None
    if memory is None or stat[1] < WORTH_REMEMBERING:
        read = _read(writer, file.origin, stat[1], progress)
        batches.add(target, read)
        progress(1, 0)
        return read.size, 0
    known = memory.files("").get(stat)
    added: Known = known or _read(writer, file.origin, stat[1], progress)
    batches.add(target, added)
    stat = stat if known is not None or is_settled(stat, looked) else _unsettled(stat)
    batches.afterwards(partial(_learn, memory, "", [(stat, added)]))
    progress(1, 0)
    return (added.size, 0) if known is None else (0, 1)


def read_stream(stream: Stream, writer: ContentWriter, batches: Batches, progress: Progress) -> int:
    """Adds a stream; says how many bytes it had.

    Raises:
        InvalidRequest: it cannot be stored. Whatever reading it raises.
    """

    def parts() -> Iterator[bytes]:
        for part in stream.parts:
            progress(0, len(part))
            yield part

    target = paths.file_path(stream.target)
    added = writer.add(parts())
    batches.add(target, added)
    progress(1, 0)
    return added.size


def _read(writer: ContentWriter, path: str, size: int, progress: Progress) -> Pending:
    data = read_small(path, size) if size < PACK_FILE else None
    if data is None:
        return _read_long(writer, path, progress)
    progress(0, len(data))
    return writer.add(data)


def _read_long(writer: ContentWriter, path: str, progress: Progress) -> Pending:
    try:
        descriptor = os.open(path, _READ)
        try:
            return writer.add(_parts(descriptor, progress))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from None


def _parts(descriptor: int, progress: Progress) -> Iterator[memoryview]:
    room = memoryview(bytearray(PART))  # again and again: new memory for each part costs more than the copy
    while count := os.readv(descriptor, [room]):
        yield room[:count]
        progress(0, count)


def _unreadable(path: str, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"{path} cannot be read: {error.strerror}")
