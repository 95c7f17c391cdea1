"""The pfs operator: the files and directories of one repo that a glob matches, each a datum of one element.

Its change comes from the difference of two maps, read in key order below the glob's literal prefix. A directory is
met through the first changed file below it. Where no token of the glob can cross a `/`, what lies below a matched
directory is jumped over, so that a directory of a million changed files costs no more than one of two.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.kernel import paths
from trunkline.maps import Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import globsyntax
from trunkline.pfs.captures import Keys
from trunkline.pfs.globs import Glob
from trunkline.pps.plan.operators.base import Element, Elements, Key, Side

PATIENCE = 64
"""Changed files below one settled directory that are read past before the rest of it is jumped over."""


class Matches:
    """A glob over the content of one repo; `keys` are those of its matches."""

    def __init__(self, maps: Maps, leaf: int, label: int, glob: Glob, keys: Keys, old: Root, new: Root) -> None:
        self.labels = frozenset((label,))
        self._maps, self._leaf, self._label, self._glob, self._keys = maps, leaf, label, glob, keys
        self._roots = {Side.OLD: old, Side.NEW: new}
        segments = globsyntax.translate(glob.pattern).segments
        self._levels = None if segments is None else len(segments)

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`, in path order."""
        for match in self._glob.expand(self._maps, self._roots[side]):
            yield (self._element(match.path, match.hash, match.size),)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`, in path order."""
        here, there = self._roots[side], self._roots[side.other]
        if not here.count or here.digest == there.digest:
            return
        if self._glob.pattern == "/" or not there.count:
            yield from self.all(side)
        elif self._levels is None:
            yield from self._changed_anywhere(side)
        else:
            yield from self._changed_at(self._levels, side)

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`; a look-up of one path."""
        if at < len(key) and key[at][0] == self._label:
            element = self._look_up(key[at][1], self._roots[side])
            if element is not None:
                yield at + 1, (element,)

    def _look_up(self, path: str, root: Root) -> Element | None:
        if (self._glob.pattern != "/") if path == "/" else not self._glob.matches(path.removesuffix("/")):
            return None
        if path.endswith("/"):
            return self._directory(path, root)
        entry = self._maps.get(root, path.encode())
        return None if entry is None else self._file(path, entry)

    def _changed_anywhere(self, side: Side) -> Iterator[Elements]:
        """For globs that may match at any depth: each changed file, and each directory that holds one."""
        opened: list[str] = []
        low, high = self._range()
        for path, entry in self._differences(side, low, high):
            above = paths.ancestors(path)[1:]
            known = sum(1 for ours, theirs in zip(above, opened, strict=False) if ours == theirs)
            opened = above
            for folder in above[known:]:
                if self._glob.matches(folder[:-1]):
                    yield from _one(self._directory(folder, self._roots[side]))
            if entry is not None and self._glob.matches(path):
                yield (self._file(path, entry),)

    def _changed_at(self, levels: int, side: Side) -> Iterator[Elements]:
        """For globs that match at one depth: a file there, or the directory there that holds the file."""
        low, high = self._range()
        jump: bytes | None = low
        while jump is not None:
            low, jump = jump, None
            settled, patience = "", PATIENCE
            for path, entry in self._differences(side, low, high):
                parts = path.split("/", levels + 1)
                if len(parts) == levels + 1:
                    if entry is not None and self._glob.matches(path):
                        yield (self._file(path, entry),)
                elif len(parts) == levels + 2:
                    folder = "/".join(parts[:-1]) + "/"
                    if folder == settled:
                        patience -= 1
                        if not patience:
                            jump = prefix_end(folder.encode())
                            break
                        continue
                    settled, patience = folder, PATIENCE
                    if self._glob.matches(folder[:-1]):
                        yield from _one(self._directory(folder, self._roots[side]))

    def _range(self) -> tuple[bytes, bytes | None]:
        low = self._glob.literal_prefix.encode()
        return low, prefix_end(low)

    def _differences(self, side: Side, low: bytes, high: bytes | None) -> Iterator[tuple[str, Entry | None]]:
        """Each changed path with its entry on one side."""
        differences = self._maps.diff(self._roots[Side.OLD], self._roots[Side.NEW], low, high)
        for key, old, new in differences:
            yield key.decode(), (old if side is Side.OLD else new)

    def _file(self, path: str, entry: Entry) -> Element:
        return self._element(path, entry[1], entry[2])

    def _element(self, path: str, content: bytes, size: int) -> Element:
        return Element(self._leaf, path, content, size, self._keys.of(path))

    def _directory(self, path: str, root: Root) -> Element | None:
        """The directory, if it has a file; one that has a changed file differs by its digest for certain."""
        low = path.encode()
        high = prefix_end(low)
        totals = self._maps.totals(root, low, high)
        if not totals.count:
            return None
        return self._element(path, self._maps.digest(root, low, high), totals.weight)


def _one(element: Element | None) -> Iterator[Elements]:
    if element is not None:
        yield (element,)
