"""Files of pachd's own machine as sources: `file://` addresses, below folders that the operator allowed.

Invariant: no path leads out of an allowed folder. Each step of it is opened from the folder before and never
through a symbolic link, so nobody can swap a step while it is walked; only ordinary files are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from trunkline.kernel.errors import InvalidRequest, NotFound, PermissionDenied, Refused

_PIECE = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make us wait


def read(path: str, allowed: Sequence[Path]) -> Iterator[bytes]:
    """The bytes of a file.

    Raises:
        PermissionDenied: it lies below no allowed folder.
        NotFound, Refused: it is not there, is no ordinary file, or cannot be read.
    """
    root, steps = _place(path, allowed)
    try:
        folder = _walk(root, steps[:-1])
        try:
            descriptor = os.open(steps[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(f"file://{path} is no ordinary file: give -r for a directory")
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise _told(path, error) from None


def below(path: str, allowed: Sequence[Path]) -> Iterator[str]:
    """The paths of all ordinary files below a folder, relative to it, by name; the empty path if it is a file.

    Raises:
        PermissionDenied: it lies below no allowed folder.
        NotFound, Refused: it is not there or cannot be read; a link or special file lies in it.
    """
    root, steps = _place(path, allowed)
    try:
        above = _walk(root, steps[:-1])
        try:
            if steps and stat.S_ISREG(os.stat(steps[-1], dir_fd=above, follow_symlinks=False).st_mode):
                yield ""
                return
            top = os.open(steps[-1], _FOLDER, dir_fd=above) if steps else os.dup(above)
        finally:
            os.close(above)
        try:
            yield from _files(path, top)
        finally:
            os.close(top)
    except OSError as error:
        raise _told(path, error) from None


def _files(path: str, top: int) -> Iterator[str]:
    for folder, folders, names, descriptor in os.fwalk(".", dir_fd=top, follow_symlinks=False):
        folders.sort()
        for name in sorted([*names, *folders]):
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            relative = os.path.normpath(f"{folder}/{name}")
            if stat.S_ISREG(mode):
                yield relative
            elif not stat.S_ISDIR(mode):
                raise Refused(f"file://{path}/{relative} is a link or a special file: put what it stands for by itself")


def _place(path: str, allowed: Sequence[Path]) -> tuple[Path, list[str]]:
    """The allowed folder that holds a path, and the steps from there."""
    steps = [step for step in path.split("/") if step]
    if not path.startswith("/") or any(step in (".", "..") for step in steps) or "\0" in path:
        raise InvalidRequest(f"file://{path} is no plain absolute path: give file:///folder/file, without '..'")
    for folder in allowed:
        own = [step for step in str(folder).split("/") if step]
        if steps[: len(own)] == own:
            return folder, steps[len(own) :]
    raise PermissionDenied(
        f"file://{path} is not open to callers: name its folder in TRUNKLINE_FILE_SOURCES of pachd, or put it "
        "from your own machine"
    )


def _walk(root: Path, steps: Sequence[str]) -> int:
    """A descriptor of the folder that the steps lead to."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in steps:
        try:
            following = os.open(step, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def _told(path: str, error: OSError) -> NotFound | Refused:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"file://{path} is not there: give a file of pachd's machine")
    return Refused(f"file://{path} cannot be read: {error.strerror}; links are not followed")
