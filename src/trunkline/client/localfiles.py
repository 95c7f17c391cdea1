"""Bytes of local files: small ones at once, long ones in parts.

Invariant: whatever cannot be read is an `InvalidRequest` that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel.errors import InvalidRequest

Progress = Callable[[int, int], None]
"""Told how many more files and bytes are done."""

PART = 1 << 20

_READ = os.O_RDONLY | os.O_CLOEXEC


def read_small(path: str, size: int) -> bytes | None:
    """A file's content; None if it is longer than it was.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        descriptor = os.open(path, _READ)
        try:
            data = os.read(descriptor, size + 1)
            while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
                data += more  # some network file systems hand out less than they were asked for
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from None
    return data if len(data) <= size else None


def add_long(writer: ContentWriter, path: str, progress: Progress) -> Pending:
    """Adds a file of any length to a writer.

    Raises:
        InvalidRequest: it cannot be read.
        StorageFull, StorageFailed: it could not be stored.
    """
    try:
        descriptor = os.open(path, _READ)
        try:
            return writer.add(_parts(descriptor, progress))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from None


def _parts(descriptor: int, progress: Progress) -> Iterator[memoryview]:
    room = memoryview(bytearray(PART))  # again and again: new memory for each part costs more than the copy
    while count := os.readv(descriptor, [room]):
        yield room[:count]
        progress(0, count)


def unreadable(path: str, error: OSError) -> InvalidRequest:
    """The error for a path that the system does not let us read."""
    return InvalidRequest(f"{path} cannot be read: {error.strerror}")
