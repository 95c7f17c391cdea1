"""One look at a folder: its files as they are now, and the folders in it. What is looked at is not opened.

Invariant: files and folders come in the order of their names, and files as bytes that are equal if and only if no file
came, went or changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from trunkline.kernel.errors import InvalidRequest

Stat = tuple[str, int, int, int, int]
"""A file as a folder shows it: name, size, time of modification and of change (nanoseconds), inode."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Stat])


class Seen(NamedTuple):
    """What a folder holds.

    Attributes:
        files: how many it has.
        stats: its files; see `stats_of`.
        folders: the names of the folders in it.
    """

    files: int
    stats: bytes
    folders: list[str]


def stats_of(seen: bytes | msgspec.Raw) -> list[Stat]:
    """The files that were seen."""
    return _decoder.decode(seen)


def seen_of(stats: Iterable[Stat]) -> bytes:
    """Files as they would be seen."""
    return _encoder.encode(list(stats))


def look(path: str) -> Seen:
    """Looks at a folder.

    Raises:
        InvalidRequest: something that is neither a file nor a folder, or a link to a folder; a file whose name is not
            Unicode; or what cannot be read.
    """
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
                # No function for this: the line runs for every file there is.
                stats.append((entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    except OSError as error:
        raise InvalidRequest(f"{error.filename or path} cannot be read: {error.strerror}") from None
    stats.sort()
    folders.sort()
    try:
        return Seen(len(stats), seen_of(stats), folders)
    except UnicodeEncodeError:
        raise InvalidRequest(f"path ({path!r}) invalid: a name in it is not valid Unicode") from None


def _odd(entry: os.DirEntry[str]) -> InvalidRequest:
    if entry.is_dir():
        return InvalidRequest(f"{entry.path} is a link to a directory and is not followed: put it by itself")
    return InvalidRequest(f"{entry.path} is neither a file nor a directory: it cannot be stored")
