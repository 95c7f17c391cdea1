"""inotify(7), as far as lazy inputs need it: who opens and closes files for reading, folder by folder."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

OPENED = 0x20
CLOSED_UNWRITTEN = 0x10
OVERFLOW = 0x4000

_EVENT = struct.Struct("iIII")
_READ = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "inotify")
    return result


class Inotify:
    """Watches folders. For one thread, but for `add` before the first `read`.

    Attributes:
        descriptor: readable when there are events.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        self.descriptor: int = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))

    def add(self, folder: int) -> int:
        """Watches an open folder; returns the number that its events have. Raises OSError."""
        path = f"/proc/self/fd/{folder}".encode()
        return _checked(_libc.inotify_add_watch(self.descriptor, path, ctypes.c_uint32(OPENED | CLOSED_UNWRITTEN)))

    def read(self) -> Iterator[tuple[int, int, str]]:
        """The events that there are: number of the folder, what happened (a mask), name in the folder."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length

    def close(self) -> None:
        """Ends it."""
        os.close(self.descriptor)
