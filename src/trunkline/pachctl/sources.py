"""What put-file reads, and under which path each source is stored; the rules of 1.7.

No source is opened here. Invariant: no two sources of one call have the same target, and everything that can be
known to fail is refused before the first byte is sent.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from trunkline.kernel.errors import InvalidRequest

STDIN = "-"
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


class Source(NamedTuple):
    """One thing to store.

    Attributes:
        origin: a local path, a URL that the server reads, or `-` for standard input.
        target: the path in the repo.
        is_folder: the origin is a folder, and what is below it goes below the target.
    """

    origin: str
    target: str
    is_folder: bool = False

    @property
    def is_url(self) -> bool:
        """Whether the server fetches it."""
        return is_url(self.origin)


def is_url(origin: str) -> bool:
    """Whether a source has a scheme."""
    return _URL.match(origin) is not None


def split_list(words: Iterable[str]) -> list[str]:
    """`-f a,b -f c` as three sources; a file whose name has a comma is one."""
    found: list[str] = []
    for word in words:
        one = "," not in word or is_url(word) or Path(word).exists()
        found.extend([word] if one else [part for part in word.split(",") if part])
    return found


Naming = Callable[[str, str | None, bool], str]
"""Where a source goes: of the source, the PATH of the command line if there was one, and whether there are several."""


def resolve(
    origins: Sequence[str], path: str | None, *, recursive: bool, naming: Naming | None = None
) -> Iterator[Source]:
    """Each source with its target, in the order given; of several, directories as the files below them.

    Args:
        origins: files, directories, URLs or `-`; at least one.
        path: the PATH of the command line, or `None` if there was none.
        recursive: whether directories may be given.
        naming: the rule for targets; that of 1.7 unless given.

    Raises:
        InvalidRequest: a source that is not there or cannot be stored; a target that comes twice.
    """
    several = len(origins) > 1
    pairs = [(origin, (naming or _target)(origin, path, several)) for origin in origins]
    for origin, _ in pairs:
        _check(origin, recursive)
    given = (Source(origin, target, _is_folder(origin)) for origin, target in pairs)
    return _without_repeats(expanded(given)) if several else given


def expanded(sources: Iterable[Source]) -> Iterator[Source]:
    """The same with folders as the files below them.

    Raises:
        InvalidRequest: something below a folder that cannot be stored.
    """
    return (found for source in sources for found in _expand(source))


def _target(origin: str, path: str | None, several: bool) -> str:
    """Where a source goes: PATH, PATH/source with several sources, or the source as it was given."""
    if path == "":
        raise InvalidRequest("path () invalid: a file needs a path that is not empty")
    if origin == STDIN:
        if path is None:
            raise InvalidRequest("no filename specified: give a PATH when the data comes from standard input")
        return path
    if path is not None and not several:
        return posixpath.join(path, _name(origin)) if path.endswith("/") else path
    own = _own_path(origin)
    if own == ".." or own.startswith("../"):
        raise InvalidRequest(f"{origin} has no place of its own in a repo: give a PATH for it")
    return own if path is None else posixpath.join(path, own.lstrip("/"))


def _own_path(origin: str) -> str:
    """A source as a path: the path of a URL, a local path without detours; empty for the folder we are in."""
    if is_url(origin):
        return urlsplit(origin).path
    own = posixpath.normpath(origin)
    return "" if own == "." else own


def _name(origin: str) -> str:
    own = _own_path(origin)
    return "" if Path(own).is_dir() and not is_url(origin) else posixpath.basename(own.rstrip("/"))


def _check(origin: str, recursive: bool) -> None:
    if is_url(origin):
        return
    if origin == STDIN:
        if recursive:
            raise InvalidRequest("cannot set -r and read from stdin (must also set -f or -i)")
        return
    path = Path(origin)
    if not path.exists():
        raise InvalidRequest(f"{origin} doesn't exist")
    if path.is_dir() and not recursive:
        raise InvalidRequest(f"{origin} is a directory: give -r to put everything below it")
    if not os.access(path, os.R_OK):
        raise InvalidRequest(f"{origin} cannot be read: permission denied")


def _is_folder(origin: str) -> bool:
    return not is_url(origin) and origin != STDIN and Path(origin).is_dir()


def _expand(source: Source) -> Iterator[Source]:
    if not source.is_folder:
        yield source
        return
    origin, target, _ = source
    for folder, below, names in os.walk(origin, onerror=_refuse_folder):
        below.sort()
        _refuse_links(folder, below)
        relative = posixpath.relpath(folder, origin)
        prefix = target if relative == "." else posixpath.join(target, relative)
        for name in sorted(names):
            full = posixpath.join(folder, name)
            if not os.path.isfile(full):  # noqa: PTH113 - a million Path objects would be slow
                raise InvalidRequest(f"{full} is neither a file nor a directory: it cannot be stored")
            yield Source(full, posixpath.join(prefix, name))


def _refuse_links(folder: str, below: Iterable[str]) -> None:
    for name in below:
        full = posixpath.join(folder, name)
        if os.path.islink(full):  # noqa: PTH114
            raise InvalidRequest(f"{full} is a link to a directory and is not followed: put it by itself")


def _refuse_folder(error: OSError) -> None:
    raise InvalidRequest(f"{error.filename} cannot be read: {error.strerror}")


def _without_repeats(sources: Iterable[Source]) -> Iterator[Source]:
    """All sources, looked at before the first is stored."""
    listed = list(sources)
    seen: set[str] = set()
    for source in listed:
        clean = "/" + source.target.strip("/")
        if clean in seen:
            raise InvalidRequest(f"multiple files put with the path {source.target}, aborting; nothing has been put")
        seen.add(clean)
    return iter(listed)
