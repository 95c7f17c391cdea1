"""Reading the files of a commit: inspect, list, walk, glob, read, compare.

A view is a root and nothing else, so it never changes while it is read. Order is everywhere by path, bytewise,
where a directory's path ends with `/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.content.entry import from_entry
from trunkline.content.reader import ContentReader
from trunkline.kernel import paths
from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.maps import Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import globs, tree
from trunkline.pfs.tree import Node

MOST_PER_PAGE = 100_000


class View:
    """The files below one root."""

    def __init__(self, maps: Maps, reader: ContentReader, root: Root) -> None:
        self.maps, self.reader, self.root = maps, reader, root

    def find(self, path: str) -> Node | None:
        """The file or directory at a path, with or without trailing slash; None if there is none."""
        return tree.find(self.maps, self.root, paths.clean(path))

    def children(self, path: str, *, marker: str = "", number: int = 0, reverse: bool = False) -> Iterator[Node]:
        """What is directly below a directory; for a file, the file; nothing for a missing path.

        Raises:
            InvalidRequest: `number` and `reverse` do not go together, or the page is too large.
        """
        _check_page(number, reverse)
        found = self.find(path)
        if found is None:
            return iter(())
        if not found.is_dir:
            return iter((found,))
        if reverse:
            return self._last_children(found.path, marker, number)
        child = _child_with(found.path, marker)
        after = child or (marker if marker > found.path else None)
        return _first(tree.children(self.maps, self.root, found.path, after=after), number)

    def _last_children(self, above: str, marker: str, number: int) -> Iterator[Node]:
        """The last children before the marker, in descending order, jumping over directories."""
        low = above.encode()
        child = _child_with(above, marker)
        high = prefix_end(child.encode()) if child else _end_before(low, marker)
        for _ in range(number):
            entry = next(self.maps.range(self.root, low, high, reverse=True), None)
            if entry is None:
                return
            slash = entry[0].find(b"/", len(low))
            if slash < 0:
                yield Node(entry[0].decode(), False, entry[2], entry[1], entry[3])
                high = entry[0]
            else:
                high = entry[0][: slash + 1]
                yield tree.folder(self.maps, self.root, high.decode())

    def walk(self, path: str, *, marker: str = "", number: int = 0, reverse: bool = False) -> Iterator[Node]:
        """A directory and everything below it, directories included; nothing for a missing path.

        Raises:
            InvalidRequest: `number` and `reverse` do not go together, or the page is too large.
        """
        _check_page(number, reverse)
        found = self.find(path)
        if found is None:
            return iter(())
        if not found.is_dir:
            return iter((found,))
        if reverse:
            return _first(self._walk_back(found, marker), number)
        return _first(self._walk_on(found, marker.encode() + b"\0" if marker else b""), number)

    def walk_between(self, path: str, low: str, high: str) -> Iterator[Node]:
        """What `walk` gives, as far as it is not before `low` and comes before `high`; an empty end is no end."""
        found = self.find(path)
        if found is None:
            return iter(())
        if not found.is_dir:
            return iter((found,) if found.path >= low and (not high or found.path < high) else ())
        return self._walk_on(found, low.encode(), high.encode() or None)

    def _walk_on(self, above: Node, begin: bytes, end: bytes | None = None) -> Iterator[Node]:
        """Everything from a key on and up to another one, each directory before what it holds."""
        low = above.path.encode()
        if low >= begin and (end is None or low < end):
            yield above
        told: list[str] = []
        for entry in self.maps.range(self.root, max(low, begin), prefix_end(low)):
            holding = _between(above.path, entry[0].decode())
            for folder in holding:
                key = folder.encode()
                if folder not in told and key >= begin and (end is None or key < end):
                    yield tree.folder(self.maps, self.root, folder)
            if end is not None and entry[0] >= end:  # only now: a directory may come before it, and its files behind
                return
            told = holding
            yield Node(entry[0].decode(), False, entry[2], entry[1], entry[3])

    def _walk_back(self, above: Node, marker: str) -> Iterator[Node]:
        """Everything that comes before the marker, last first, each directory after what it holds."""
        low = above.path.encode()
        begun = [folder for folder in _between(above.path, marker) if self._folder(folder) is not None]
        for entry in self.maps.range(self.root, low, _end_before(low, marker), reverse=True):
            holding = _between(above.path, entry[0].decode())
            yield from (
                tree.folder(self.maps, self.root, folder) for folder in reversed(begun) if folder not in holding
            )
            begun = holding
            yield Node(entry[0].decode(), False, entry[2], entry[1], entry[3])
        yield from (tree.folder(self.maps, self.root, folder) for folder in reversed(begun))
        if not marker or above.path < marker:
            yield above

    def glob(self, pattern: str, low: str = "", high: str = "") -> Iterator[Node]:
        """Every file and directory that a pattern matches, and that lies in a range of paths; see `Glob.expand`.

        Raises:
            InvalidRequest: the pattern does not parse.
        """
        near = self.maps.near(self.root)
        for match in globs.compiled(pattern).expand(self.maps, self.root, low, high):
            if match.is_dir:
                yield Node(match.path, True, match.size, match.hash)
            else:
                entry = near.get(match.path.encode())
                if entry is not None:
                    yield Node(match.path, False, match.size, match.hash, entry[3])

    def files_between(self, low: str, high: str) -> Iterator[Node]:
        """Every file whose path is not before `low` and comes before `high`; an empty end is no end."""
        for key, value, weight, aux in self.maps.range(self.root, low.encode(), high.encode() or None):
            yield Node(key.decode(), False, weight, value, aux)

    def read(self, node: Node, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a file, in pieces, from an offset on.

        Raises:
            Corrupt: what the store holds is not what was written; the message names the file.
        """
        file = from_entry((node.path.encode(), node.hash, node.size, node.aux))
        try:
            yield from self.reader.read(file, min(offset, node.size))
        except Corrupt as error:
            raise type(error)(f"file {node.path} cannot be read: {error}") from error

    def diff(self, path: str, older: View, older_path: str) -> Iterator[tuple[Node | None, Node | None]]:
        """Pairs (new, old) that differ below two paths, directories before what they hold.

        Between the same paths this costs what differs; between others, what the directories that differ list.
        """
        new, old = self.find(path), older.find(older_path)
        if _same(new, old):
            return
        yield new, old
        if paths.clean(path) == paths.clean(older_path):
            yield from self._changes(paths.as_directory(paths.clean(path)), older)
        else:
            yield from self._diff_below(new, older, old)

    def _changes(self, above: str, older: View) -> Iterator[tuple[Node | None, Node | None]]:
        """The files that differ below a directory of both views, each after the directories that hold it."""
        low = above.encode()
        told: list[str] = []
        for key, was, now in self.maps.diff(older.root, self.root, low, prefix_end(low)):
            holding = _between(above, key.decode())
            for folder in holding:
                if folder not in told:
                    yield self._folder(folder), older._folder(folder)
            told = holding
            yield _file(now), _file(was)

    def _folder(self, path: str) -> Node | None:
        exists = tree.is_file_under(self.maps, self.root, path)
        return tree.folder(self.maps, self.root, path) if exists else None

    def _diff_below(self, new: Node | None, older: View, old: Node | None) -> Iterator[tuple[Node | None, Node | None]]:
        mine = tree.children(self.maps, self.root, new.path) if new and new.is_dir else iter(())
        theirs = tree.children(older.maps, older.root, old.path) if old and old.is_dir else iter(())
        strip_new = len(new.path) if new else 0
        strip_old = len(old.path) if old else 0
        for left, right in _merge(mine, strip_new, theirs, strip_old):
            if not _same(left, right):
                yield left, right
                yield from self._diff_below(left, older, right)


def _merge(
    mine: Iterator[Node], strip_new: int, theirs: Iterator[Node], strip_old: int
) -> Iterator[tuple[Node | None, Node | None]]:
    """Pairs two sorted listings by relative path."""
    left, right = next(mine, None), next(theirs, None)
    while left is not None or right is not None:
        here = None if left is None else left.path[strip_new:]
        there = None if right is None else right.path[strip_old:]
        if there is None or (here is not None and here.encode() < there.encode()):
            yield left, None
            left = next(mine, None)
        elif here is None or there.encode() < here.encode():
            yield None, right
            right = next(theirs, None)
        else:
            yield left, right
            left, right = next(mine, None), next(theirs, None)


def _file(entry: Entry | None) -> Node | None:
    return None if entry is None else Node(entry[0].decode(), False, entry[2], entry[1], entry[3])


def _end_before(low: bytes, marker: str) -> bytes | None:
    """The end of a directory's keys (which begin at `low`), or the marker if that comes first."""
    end = prefix_end(low)
    before = marker.encode()
    return before if before and (end is None or before < end) else end


def _same(new: Node | None, old: Node | None) -> bool:
    if new is None or old is None:
        return new is old
    return new.is_dir == old.is_dir and new.hash == old.hash and new.size == old.size


def _child_with(above: str, marker: str) -> str:
    """The directory directly below `above` in which the marker lies, as no child of `above` does; or nothing."""
    slash = marker.find("/", len(above)) + 1
    return marker[:slash] if marker.startswith(above) and 0 < slash < len(marker) else ""


def _between(above: str, path: str) -> list[str]:
    """The directories below `above` that hold the path, from the top down."""
    return [folder for folder in paths.ancestors(path) if folder.startswith(above) and folder != above]


def _first(nodes: Iterator[Node], number: int) -> Iterator[Node]:
    if number == 0:
        yield from nodes
        return
    for _, node in zip(range(number), nodes, strict=False):
        yield node


def _check_page(number: int, reverse: bool) -> None:
    if number > MOST_PER_PAGE:
        raise InvalidRequest(f"cannot return more than {MOST_PER_PAGE} files at a time")
    if number < 0 or (reverse and number == 0):
        raise InvalidRequest("number must be > 0 when reverse is true")
