"""One object on its way into a folder: written under a private name, synchronised, then linked to its place.

Invariant: the place never shows a part of the object, and an object that is there is never replaced.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Temporary:
    """A file in the working folder that is not visible yet. Raises `OSError`; the store translates."""

    def __init__(self, working: Path, place: Path, key: str, data: bytes) -> None:
        """Writes the bytes; nothing is durable yet."""
        self.place = place
        self.key = key
        self._path = working / f"{os.getpid()}-{uuid.uuid4().hex}"
        self._descriptor = _create(self._path)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BaseException:
            self.discard()
            raise

    def finish(self, sync: Callable[[int], None]) -> None:
        """Makes the bytes durable and closes the file."""
        sync(self._descriptor)
        self._close()

    def publish(self) -> None:
        """Gives the file its name, unless an object of that name is there already."""
        try:
            os.link(self._path, self.place)
        except FileExistsError:
            if not self.place.is_file():
                raise  # a folder of that name: nothing is stored, and nobody may believe so
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A file system without hard links. A rename may replace an object that came meanwhile; both hold
            # the same bytes, since every key is a hash of what it names.
            if not self.place.exists():
                self._path.rename(self.place)
                return
        self._path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Removes whatever is left."""
        # An error is under way already, and a sweep will find what cannot be removed now.
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._path.unlink()

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _create(path: Path) -> int:
    # Nobody may change an object, so the file is born without the right to write it.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o444)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)  # somebody tidied the working folder away
        return os.open(path, flags, 0o444)
