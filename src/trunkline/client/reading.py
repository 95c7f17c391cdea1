"""Single files and streams into a content writer: what is remembered is not read, everything else is read once.

Invariant: a file is remembered by how it was *before* it was read; so a change meanwhile makes it another one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial

from trunkline.client.batches import Batches
from trunkline.client.localfiles import Progress, add_long, read_small, unreadable
from trunkline.client.memory import Memory, is_settled, stat_of, unsettled
from trunkline.client.scanning import Stat
from trunkline.client.sources import File, Stream
from trunkline.content.entry import FileEntry
from trunkline.content.packing import PACK_FILE
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel import paths

WORTH_REMEMBERING = 4 << 20
"""Bytes; a single file that is smaller is read again as quickly as it is looked up."""

Known = Pending | FileEntry


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
        raise unreadable(file.origin, error) from None
    if memory is None or stat[1] < WORTH_REMEMBERING:
        read = _read(writer, file.origin, stat[1], progress)
        batches.add(target, read)
        progress(1, 0)
        return read.size, 0
    known = memory.files("").get(stat)
    added: Known = known or _read(writer, file.origin, stat[1], progress)
    batches.add(target, added)
    stat = stat if known is not None or is_settled(stat, looked) else unsettled(stat)
    batches.afterwards(partial(_learn, memory, stat, added))
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
        return add_long(writer, path, progress)
    progress(0, len(data))
    return writer.add(data)


def _learn(memory: Memory, stat: Stat, added: Known) -> None:
    memory.learn("", [stat], [added if isinstance(added, FileEntry) else added.file()])
