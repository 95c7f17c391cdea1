"""Opens what lies below a folder that user code may change at the same time, and nothing that lies elsewhere.

Invariant: no symbolic link is followed, in no part of a path, whenever it was put there; so user code that is alive
while the worker fills or reads /pfs cannot lead it out of there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_OPENAT2 = 437  # the same on every architecture
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_HOW = struct.Struct("QQQ")
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class _Kernel:
    """What is known of the kernel. It may lack the call, or a container's filter may forbid it."""

    has_openat2 = True


def open_inside(top: int, path: str, flags: int, mode: int = 0) -> int:
    """Opens a relative path below an open folder; the folder itself as `.`.

    Raises:
        OSError: as open(2); a symbolic link anywhere in the path is ELOOP or ENOTDIR.
    """
    flags |= os.O_CLOEXEC
    how = _HOW.pack(flags, mode if flags & os.O_CREAT else 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH)
    while _Kernel.has_openat2:
        found = _libc.syscall(
            ctypes.c_long(_OPENAT2), ctypes.c_int(top), os.fsencode(path), how, ctypes.c_size_t(len(how))
        )
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        _Kernel.has_openat2 = number != errno.ENOSYS
        if number in (errno.ENOSYS, errno.EPERM):
            break
        if number != errno.EAGAIN:  # that one says that something was renamed meanwhile
            raise OSError(number, os.strerror(number), path)
    return _step_by_step(top, path, flags, mode)


def _step_by_step(top: int, path: str, flags: int, mode: int) -> int:
    """The same without the kernel's help."""
    *above, name = path.split("/")
    folder = os.dup(top)
    try:
        for each in above:
            if each != ".":
                inner = os.open(each, _STEP, dir_fd=folder)
                os.close(folder)
                folder = inner
        return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=folder)
    finally:
        os.close(folder)


def allow(top: int, path: str, mode: int) -> None:
    """Changes the mode of a file or folder below an open folder, as `open_inside` finds it."""
    found = open_inside(top, path, os.O_PATH)
    try:
        os.chmod(f"/proc/self/fd/{found}", mode)  # noqa: PTH101 - the file that is open, whatever its name is now
    finally:
        os.close(found)
