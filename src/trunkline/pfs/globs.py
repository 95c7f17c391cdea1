"""Glob patterns: compiled once, matched against paths, and expanded over a map without reading what cannot match.

The syntax and its meaning are those of release 2.11 (spec 01, section 10): a pattern is anchored at both ends and
equivalent to a backtracking regular expression; `pattern` holds the translation. Invariant: `expand` reads only
keys below the pattern's literal prefix, and, where no token can cross a `/`, only the levels that the
pattern names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import msgspec

from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest
from trunkline.maps import Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import globsyntax
from trunkline.pfs.globmatch import Found, Matcher
from trunkline.pfs.tree import children, is_file_under


class Match(msgspec.Struct, frozen=True):
    """A file or directory that a glob selects.

    Attributes:
        path: absolute; a directory's ends with `/`.
        is_dir: whether it stands for everything below it.
        size: bytes, of all files below for a directory.
        hash: content hash of a file, digest of the key range of a directory.
    """

    path: str
    is_dir: bool
    size: int
    hash: bytes


class Glob:
    """A compiled pattern.

    Raises:
        InvalidRequest: the pattern does not parse; the message shows where.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = paths.clean(pattern)
        parsed = globsyntax.translate(self.pattern)
        try:
            self._regex = Matcher(parsed.regex)
        except re.error as error:
            raise InvalidRequest(f"glob {pattern!r} does not parse: {error}") from None
        self._segments = parsed.segments
        self.literal_prefix = parsed.literal_prefix

    def matches(self, path: str) -> bool:
        """Whether the pattern matches a path (given without trailing slash; the root is `/`)."""
        return self._match(path) is not None

    def captures(self, path: str) -> tuple[str | None, ...]:
        """What the capture groups hold, from group 1; empty if the path does not match."""
        found = self._match(path)
        return () if found is None else found.groups()

    def _match(self, path: str) -> Found | re.Match[str] | None:
        if path == "/" != self.pattern:
            return None  # the root is no entry of itself, though `/*` could match an empty name
        return self._regex.fullmatch(path)

    def expand(self, maps: Maps, root: Root, low: str = "", high: str = "") -> Iterator[Match]:
        """Every file and directory of a map that matches, in path order (a directory sorts with its `/`).

        Args:
            low, high: only paths from the one up to and without the other; an empty end is no end.
        """
        for match in self._from(maps, root, low.encode()):
            if high and match.path >= high:
                return
            if match.path >= low:
                yield match

    def _from(self, maps: Maps, root: Root, start: bytes) -> Iterator[Match]:
        """The same, from where a key comes on; some of what holds it may be there too."""
        if self.pattern == "/":
            return iter((directory(maps, root, "/"),) if root.count else ())
        if self._segments is not None:
            return self._descend(maps, root, start, "/", 0)
        return self._scan(maps, root, start)

    def _descend(self, maps: Maps, root: Root, start: bytes, above: str, level: int) -> Iterator[Match]:
        """Level by level, for patterns whose tokens stay between two slashes."""
        assert self._segments is not None
        last = level == len(self._segments) - 1
        literal, regex = self._segments[level]
        for child in children(maps, root, above, exactly=literal, start=start):
            name = child.path[len(above) :].rstrip("/")
            if regex is not None and regex.fullmatch(name) is None:
                continue
            if last:
                yield Match(child.path, child.is_dir, child.size, child.hash)
            elif child.is_dir:
                yield from self._descend(maps, root, start, child.path, level + 1)

    def _scan(self, maps: Maps, root: Root, start: bytes) -> Iterator[Match]:
        """Every key below the literal prefix, for patterns that may cross a slash."""
        prefix = self.literal_prefix.encode()
        opened = [part for part in paths.ancestors(self.literal_prefix + "x") if part != "/"]
        yield from (
            directory(maps, root, part)
            for part in opened
            if self.matches(part.rstrip("/")) and is_file_under(maps, root, part)
        )
        for key, value, weight, _ in maps.range(root, max(prefix, start), prefix_end(prefix)):
            path = key.decode()
            above = paths.ancestors(path)[1:]
            fresh = [part for part in above if part not in opened]
            opened = above
            yield from (directory(maps, root, part) for part in fresh if self.matches(part.rstrip("/")))
            if self.matches(path):
                yield Match(path, False, weight, value)


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> Glob:
    """The pattern, compiled at its first use."""
    return Glob(pattern)


def directory(maps: Maps, root: Root, path: str) -> Match:
    """A directory with its size and hash; `path` ends with `/`."""
    low = path.encode()
    high = prefix_end(low)
    return Match(path, True, maps.totals(root, low, high).weight, maps.digest(root, low, high))
