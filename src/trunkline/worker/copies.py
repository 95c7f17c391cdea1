"""A cache of whole files beside the staging folder, so that a file staged for many datums is decoded once.

Small files stay in memory; larger ones lie on the disk and are cloned (where the file system can) or copied
inside the kernel. Invariants: what is staged is a copy that user code may change; a cached file is only ever
written whole; and the cache stays below its bound, the least recently used going first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from trunkline.content.entry import FileEntry
from trunkline.content.reader import ContentReader
from trunkline.objects.lru import ByteLru

SMALL = 64 << 10
"""Bytes up to which a file is kept in memory."""

_MEMORY = 16 << 20
_REMEMBERED = 4096
_FICLONE = 0x40049409
_PART = 16 << 20


class Copies:
    """Writes files of commits into files of the staging folder. For one thread."""

    def __init__(self, reader: ContentReader, folder: Path, capacity: int) -> None:
        """Args:
        reader: reads what is not in the cache.
        folder: for the cached files, on the file system of the staging folder; emptied first.
        capacity: bytes on the disk at the most.
        """
        self._reader = reader
        self._folder = folder
        self._capacity = capacity
        self._small: ByteLru[bytes] = ByteLru(_MEMORY)
        self._held: OrderedDict[bytes, int] = OrderedDict()
        self._size = 0
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._clones = _can_clone(folder)

    def write(self, file: FileEntry, target: int) -> None:
        """Writes a file's content to an empty, open file.

        Raises:
            Corrupt: a chunk is missing or altered.
            StorageFailed: the store cannot be read.
            OSError: the target, or the cache, cannot be written.
        """
        if file.size <= SMALL:
            _write_all(target, [self._content(file)])
        elif file.hash in self._held or (self._wanted(file) and self._fetch(file)):
            self._held.move_to_end(file.hash)
            source = os.open(self._place(file), os.O_RDONLY | os.O_CLOEXEC)
            try:
                _copy(source, target, file.size, clone=self._clones)
            finally:
                os.close(source)
        else:
            _write_all(target, self._reader.read(file))

    def _content(self, file: FileEntry) -> bytes:
        content = self._small.get(file.hash)
        if content is None:
            content = b"".join(self._reader.read(file))
            self._small.put(file.hash, content)
        return content

    def _wanted(self, file: FileEntry) -> bool:
        """Whether the cache is to take it: at once if that costs nothing, else when it is asked for again."""
        if file.size > self._capacity:
            return False
        seen = file.hash in self._seen
        self._seen[file.hash] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return seen or self._clones

    def _fetch(self, file: FileEntry) -> bool:
        """Takes a file into the cache; false if there is no room on the disk."""
        while self._size + file.size > self._capacity:
            old, size = self._held.popitem(last=False)
            self._size -= size
            (self._folder / old.hex()).unlink(missing_ok=True)
        place = self._place(file)
        target = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(target, self._reader.read(file))
        except BaseException as error:
            place.unlink()
            if isinstance(error, OSError):
                return False
            raise
        finally:
            os.close(target)
        self._held[file.hash] = file.size
        self._size += file.size
        return True

    def _place(self, file: FileEntry) -> Path:
        return self._folder / file.hash.hex()


def _write_all(target: int, parts: Iterable[bytes]) -> None:
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(target, rest) :]


def _copy(source: int, target: int, size: int, *, clone: bool) -> None:
    if clone:
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError:
            pass  # not between these two files; a copy will do
        else:
            return
    done = 0
    while done < size:
        copied = os.sendfile(target, source, done, min(size - done, _PART))
        if copied == 0:
            raise OSError(5, "the cached file is shorter than it was")
        done += copied


def _can_clone(folder: Path) -> bool:
    """Whether the file system can make two files share their blocks."""
    one, other = folder / ".one", folder / ".other"
    one.write_bytes(b"x" * 4096)
    try:
        with one.open("rb") as source, other.open("wb") as target:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    else:
        return True
    finally:
        one.unlink()
        other.unlink(missing_ok=True)
