"""The tree that user code sees as /pfs: emptied without following anything, filled with nothing that escapes.

Invariants: what user code left, symbolic links above all, is never followed; a path from a commit leads to
below its input's folder or is refused; after `empty` nothing is left, whatever its owner and mode. All of it holds
while user code is alive and changes the tree.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from trunkline.kernel.errors import Corrupt, StorageFailed, StorageFull, TrunklineError
from trunkline.worker.inside import allow, open_inside

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEP = 64
_MOST_SPARE = 64
_SWOLLEN = 64 << 10


class Tree:
    """A folder that belongs to the worker, with content that user code may change at will.

    Folders are not removed but put aside and used again, because removing one makes some disks wait for
    milliseconds, and every datum needs a few.

    Attributes:
        root: the folder; another one beside it takes what is put aside.
        owner: uid and gid that everything made here gets; none: the worker's own.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.owner: tuple[int, int] | None = None
        self._made: set[str] = set()
        self._aside = root.with_name(f"{root.name}-spare")
        self._spare: list[Path] = []
        self._number = 0
        self._top = -1
        with failures("prepare", str(root)):
            for folder in (root, self._aside):
                shutil.rmtree(folder, ignore_errors=True)
            self._aside.mkdir(parents=True, mode=0o700)
            root.mkdir()

    def empty(self, keep: str = "") -> None:
        """Removes everything in the folder, and makes the folder if need be. Raises StorageFailed.

        Args:
            keep: the name of a folder in it that stays as it is, if it is there.
        """
        self._made.clear()
        with failures("empty", str(self.root)):
            if self._top >= 0:
                os.close(self._top)
            self._top = -1
            top = self.opened()
            self._reset(top)
            kept = keep if _is_folder(keep, top) else ""
            while _has_entries(top, kept):
                self._empty(top, top, 0, kept)
            if kept:
                self._made.add(kept)

    def folder(self, path: str) -> None:
        """Makes a folder (`in/a/b`), with those above it, unless it is there."""
        if path in self._made or not path:
            return
        above, _, name = path.rpartition("/")
        self.folder(above)
        parent = open_inside(self.opened(), above or ".", os.O_PATH | os.O_DIRECTORY)
        try:
            if self._spare:
                os.rename(self._spare.pop(), name, dst_dir_fd=parent)
            else:
                os.mkdir(name, dir_fd=parent)
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        finally:
            os.close(parent)
        try:
            self._reset(descriptor)
        finally:
            os.close(descriptor)
        self._made.add(path)

    def file(self, path: str) -> int:
        """Makes a file and the folders above it; returns a descriptor for writing, the caller's to close."""
        above, _, _ = path.rpartition("/")
        self.folder(above)
        descriptor = open_inside(self.opened(), path, _NEW_FILE, 0o644)
        if self.owner is not None:
            os.fchown(descriptor, *self.owner)
        return descriptor

    def pipe(self, path: str, watch: Callable[[int], int]) -> tuple[int, int, int]:
        """Makes a named pipe and the folders above it.

        Args:
            watch: called with the pipe before anybody else can open it.

        Returns:
            Its ends for reading and for writing, the caller's to close, and what `watch` returned.
        """
        above, _, name = path.rpartition("/")
        self.folder(above)
        parent = open_inside(self.opened(), above or ".", os.O_PATH | os.O_DIRECTORY)
        try:
            return self.pipe_in(parent, name, watch)
        finally:
            os.close(parent)

    def pipe_in(self, folder: int, name: str, watch: Callable[[int], int]) -> tuple[int, int, int]:
        """As `pipe`, in an open folder; replaces what is there."""
        place = self._aside / "pipe"
        place.unlink(missing_ok=True)
        os.mkfifo(place, 0o644)
        if self.owner is not None:
            os.chown(place, *self.owner)
        reading = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            writing = os.open(place, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                number = watch(reading)
                os.rename(place, name, dst_dir_fd=folder)
            except BaseException:
                os.close(writing)
                raise
        except BaseException:
            os.close(reading)
            raise
        return reading, writing, number

    def opened(self) -> int:
        """A descriptor of the folder, until it is emptied again."""
        if self._top < 0:
            self._top = self._open()
        return self._top

    def _open(self) -> int:
        with contextlib.suppress(OSError):
            return os.open(self.root, _FOLDER)
        if self.root.is_dir() and not self.root.is_symlink():
            self.root.chmod(stat.S_IRWXU)
        else:
            # Without a namespace, user code can take away the folder itself.
            self.root.unlink(missing_ok=True)
            self.root.mkdir(parents=True)
        return os.open(self.root, _FOLDER)

    def _reset(self, folder: int) -> None:
        os.fchmod(folder, 0o755)
        if self.owner is not None or os.geteuid() == 0:
            os.fchown(folder, *(self.owner or (os.geteuid(), os.getegid())))

    def _empty(self, folder: int, top: int, depth: int, keep: str = "") -> None:
        with os.scandir(folder) as found:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found if entry.name != keep]
        for name, is_folder in entries:
            if not is_folder:
                _insist(folder, partial(os.unlink, name, dir_fd=folder))
            elif depth >= _DEEP:
                # Deeper than this it is moved up and dealt with later, so that no depth exhausts anything.
                _insist(folder, partial(_move_up, name, folder, top))
            else:
                self._remove(name, folder, top, depth)

    def _remove(self, name: str, folder: int, top: int, depth: int) -> None:
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except PermissionError:
            allow(folder, name, stat.S_IRWXU)
            inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            os.fchmod(inner, stat.S_IRWXU)
            self._empty(inner, top, depth + 1)
            again = len(self._spare) < _MOST_SPARE and _is_plain(inner)
        finally:
            os.close(inner)
        if not again:
            _insist(folder, partial(os.rmdir, name, dir_fd=folder))
            return
        self._number += 1
        spare = self._aside / str(self._number)
        _insist(folder, partial(os.rename, name, spare, src_dir_fd=folder))
        self._spare.append(spare)


def inside(name: str, path: str) -> str:
    """The place in the tree of a file of an input: `in/a/b` for the input `in` and the path `/a/b`.

    Raises:
        Corrupt: the path would lead elsewhere; no commit can have such a file.
    """
    parts = path.split("/")[1:]
    if not path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise Corrupt(f"input {name!r} has a file {path!r}, which no commit can have; run pachctl fsck")
    return f"{name}{path}"


@contextlib.contextmanager
def failures(action: str, what: str) -> Iterator[None]:
    """Turns every `OSError` inside into the error of a full disk, or of one that does not work."""
    try:
        yield
    except OSError as error:
        raise failure(error, action, what) from None


def failure(error: OSError, action: str, what: str) -> TrunklineError:
    """The error to raise instead of the operating system's."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"cannot {action} {what}: {reason}; free some space in the scratch folder")
    return StorageFailed(f"cannot {action} {what}: {reason}")


def _has_entries(folder: int, keep: str) -> bool:
    with os.scandir(folder) as found:
        return any(entry.name != keep for entry in found)


def _is_folder(name: str, folder: int) -> bool:
    if not name:
        return False
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _is_plain(folder: int) -> bool:
    """Whether an emptied folder is as good as new: no attributes of its own, not swollen by many names."""
    try:
        return os.fstat(folder).st_size <= _SWOLLEN and not os.listxattr(folder)
    except OSError:
        return False


def _move_up(name: str, folder: int, top: int) -> None:
    allow(folder, name, stat.S_IRWXU)
    number = 0
    while True:
        try:
            os.rename(name, f".moved-{number}", src_dir_fd=folder, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            number += 1
        else:
            return


def _insist(folder: int, action: Callable[[], None]) -> None:
    """Does it; if the folder's mode forbids it, changes the mode first."""
    try:
        action()
    except PermissionError:
        os.fchmod(folder, stat.S_IRWXU)
        action()
