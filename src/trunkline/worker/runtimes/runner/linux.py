"""The few calls of Linux that Python 3.11 does not offer: namespaces, mounts, process attributes.

Each raises `OSError` with the errno of the call. Constants have the names of the manual pages.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

# Flags of a mount as statvfs tells them, and as mount wants them; those that a remount must repeat.
_KEPT_FLAGS = (
    (os.ST_NOSUID, MS_NOSUID),
    (os.ST_NODEV, MS_NODEV),
    (os.ST_NOEXEC, MS_NOEXEC),
    (os.ST_NOATIME, MS_NOATIME),
    (os.ST_NODIRATIME, MS_NODIRATIME),
    (os.ST_RELATIME, MS_RELATIME),
)
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags: int) -> None:
    """Puts this process (or, for CLONE_NEWPID, its children) into new namespaces."""
    _check(_libc.unshare(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); empty strings stand for null pointers."""
    _check(
        _libc.mount(
            os.fsencode(source) or None,
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            os.fsencode(data) or None,
        )
    )


def bind(source: str, target: str) -> None:
    """Makes a folder or file, with all that is mounted below it, appear at another place too."""
    mount(source, target, "", MS_BIND | MS_REC)


def make_read_only(target: str) -> None:
    """Makes one mount read-only, keeping the flags it has (which an ordinary user may not lift)."""
    has = os.statvfs(target).f_flag
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY
    for told, wanted in _KEPT_FLAGS:
        if has & told:
            flags |= wanted
    mount("", target, "", flags)


def detach(target: str) -> None:
    """Takes a mount, and all below it, out of sight at once."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH))


def pivot_root(new: str, old: str) -> None:
    """Makes a mount the root of this mount namespace and puts the old root elsewhere."""
    call = getattr(_libc, "pivot_root", None)
    if call is not None:
        _check(call(os.fsencode(new), os.fsencode(old)))
        return
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(38, "pivot_root is not known on this machine")
    _check(_libc.syscall(ctypes.c_long(number), os.fsencode(new), os.fsencode(old)))


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one argument."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))
