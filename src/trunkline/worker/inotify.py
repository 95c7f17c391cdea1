"""inotify(7), as far as lazy inputs need it: which file is opened, and how often.

The kernel takes events that are alike and follow each other for one. Whoever counts watches the file and its folder:
each opening is told twice then, differently.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

OPENED = 0x20
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
    """Watches folders. For one thread at a time.

    Attributes:
        descriptor: readable when there are events.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        self.descriptor: int = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))

    def add(self, opened: int) -> int:
        """Watches an open file or folder; returns the number that its events have, of no other ever. Raises OSError."""
        path = f"/proc/self/fd/{opened}".encode()
        return _checked(_libc.inotify_add_watch(self.descriptor, path, ctypes.c_uint32(OPENED)))

    def read(self) -> Iterator[tuple[int, int]]:
        """The events that there are: whose (a number), and what happened (a mask)."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            yield number, mask

    def close(self) -> None:
        """Ends it."""
        os.close(self.descriptor)
