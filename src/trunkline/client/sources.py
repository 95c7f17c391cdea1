"""What is put: single files, folders as everything below them, and streams; each with its place in the repo.

No source is opened here but folders. Invariant: a folder's files come in the order of their names, so that the same
folder always makes the same packs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trunkline.client.memory import Stat
from trunkline.kernel.errors import InvalidRequest


class File(NamedTuple):
    """A local file.

    Attributes:
        origin: its path.
        target: its path in the repo.
    """

    origin: str
    target: str


class Folder(NamedTuple):
    """Everything below a local folder.

    Attributes:
        origin: its path.
        target: the directory in the repo.
    """

    origin: str
    target: str


class Stream(NamedTuple):
    """Bytes from anywhere, read once.

    Attributes:
        parts: of any size.
        target: the path in the repo.
    """

    parts: Iterable[bytes]
    target: str


Source = File | Folder | Stream


class Listed(NamedTuple):
    """One folder of a source.

    Attributes:
        origin: its path.
        below: its path below the source, empty or ending with a slash.
        stats: its files, by name.
    """

    origin: str
    below: str
    stats: list[Stat]


def walk(origin: str) -> Iterator[Listed]:
    """A folder and those below it, each before what is in it.

    Raises:
        InvalidRequest: something that is neither a file nor a folder, or a link to a folder; or what cannot be read.
    """
    waiting = [(origin, "")]
    while waiting:
        path, below = waiting.pop()
        stats: list[Stat] = []
        folders: list[str] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                        continue
                    if not entry.is_file():
                        raise _odd(entry)
                    status = entry.stat()
                    # As `stat_of`, without the call: this line runs for every file there is.
                    stats.append((entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
        except OSError as error:
            raise InvalidRequest(f"{error.filename or path} cannot be read: {error.strerror}") from None
        stats.sort()
        folders.sort(reverse=True)
        yield Listed(path, below, stats)
        waiting.extend((f"{path.rstrip('/')}/{name}", f"{below}{name}/") for name in folders)


def _odd(entry: os.DirEntry[str]) -> InvalidRequest:
    if entry.is_dir():
        return InvalidRequest(f"{entry.path} is a link to a directory and is not followed: put it by itself")
    return InvalidRequest(f"{entry.path} is neither a file nor a directory: it cannot be stored")
