"""The index of a join or a group: every element of its parts, sorted by its key, on two sides.

It is a map (key: the join or group key, the pfs input, the path; value: content hash; weight: bytes) that a job
leaves to the one after it. Invariant: a side's map depends on the content of the repos on that side and on the
expression alone, so it may be thrown away and made again; where it was kept, the other side's comes of it by the
changes of the parts, at a cost of O(log n) each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs.captures import Keys
from trunkline.pps.plan.operators.apart import Relation
from trunkline.pps.plan.operators.base import Element, Side
from trunkline.pps.plan.spool import Spool

JOIN_ON, GROUP_BY = 0, 1
"""Which of an element's keys an index is sorted by."""

_LEAF = 4
"""Bytes that name a pfs input."""

Span = tuple[int, int]
"""The pfs inputs of one part: from this one up to and without that one."""


class Leaf(NamedTuple):
    """What an index knows of a pfs input."""

    label: int
    keys: Keys
    outer: bool


class Index:
    """The elements of a join or group on two sides.

    Args:
        which: `JOIN_ON` or `GROUP_BY`.
        leaves: every pfs input of the expression, in order.
    """

    def __init__(self, maps: Maps, which: int, leaves: Sequence[Leaf], roots: Mapping[Side, Root]) -> None:
        self._maps, self._which, self.leaves, self._roots = maps, which, leaves, roots

    def empty(self, side: Side) -> bool:
        """Whether a side has no element."""
        return not self._roots[side].count

    def key_of(self, leaf: int, path: str) -> str:
        """The key that an element has, if there is such an element."""
        keys = self.leaves[leaf].keys.of(path)
        return keys[self._which] if keys else ""

    def by_key(self, side: Side) -> Iterator[tuple[str, Iterator[Element]]]:
        """Each key of a side with its elements, sorted by pfs input and path; to be taken before the next key is."""
        every = (_split(entry) for entry in self._maps.range(self._roots[side]))
        for key, rows in groupby(every, key=itemgetter(0)):
            name = key.decode()
            yield name, (self._element(name, row[1], row[2]) for row in rows)

    def changed_keys(self) -> Iterator[str]:
        """The keys whose elements differ between the sides, each once."""
        differences = self._maps.diff(self._roots[Side.OLD], self._roots[Side.NEW])
        for key, _ in groupby(differences, key=lambda one: one[0].partition(b"\0")[0]):
            yield key.decode()

    def rows(self, side: Side, key: str, span: Span | None = None) -> Iterator[Element]:
        """The elements of a key on one side, sorted by pfs input and path; those of one part if a span is given."""
        for entry in self._maps.range(self._roots[side], *_range(key, span)):
            yield self._element(key, entry[0].partition(b"\0")[2], entry)

    def has(self, side: Side, key: str, span: Span) -> bool:
        """Whether a part has an element of this key."""
        return next(self._maps.range(self._roots[side], *_range(key, span)), None) is not None

    def row(self, side: Side, key: str, leaf: int, path: str) -> Element | None:
        """One element, if that side has it under this key."""
        found = self._maps.get(self._roots[side], row_key(key, leaf, path))
        return None if found is None else self._element(key, found[0].partition(b"\0")[2], found)

    def changed(self, key: str, span: Span) -> Iterator[dict[Side, Element | None]]:
        """The elements of a part's key that differ between the sides."""
        old, new = self._roots[Side.OLD], self._roots[Side.NEW]
        for name, *entries in self._maps.diff(old, new, *_range(key, span)):
            rest = name.partition(b"\0")[2]
            yield {
                side: None if entry is None else self._element(key, rest, entry)
                for side, entry in zip((Side.OLD, Side.NEW), entries, strict=True)
            }

    def _element(self, key: str, rest: bytes, entry: Entry) -> Element:
        leaf, path = int.from_bytes(rest[:_LEAF], "big"), rest[_LEAF:].decode()
        return Element(leaf, path, entry[1], entry[2], self.leaves[leaf].keys.completed(path, self._which, key))


def kept(
    maps: Maps, which: int, parts: Sequence[Relation], old: Root | None, folder: Path | None = None
) -> dict[Side, Root]:
    """The maps of an index on both sides.

    Args:
        which: `JOIN_ON` or `GROUP_BY`.
        parts: the elements that are to be in it, each once.
        old: the map of the OLD side; None if it has to be made again.
        folder: for temporary files.
    """
    if old is None:
        with Spool(folder=folder) as spool:
            for part in parts:
                for (element,) in part.all(Side.OLD):
                    spool.add(_entry(which, element))
            old = maps.build((one[0], one[1], one[2], one[3]) for one in spool.sorted()) if spool.count else EMPTY
    with Spool(folder=folder) as spool:
        for side in Side:
            for part in parts:
                for (element,) in part.changed(side):
                    entry = _entry(which, element)
                    spool.add((entry[0], None if side is Side.OLD else entry))
        new = maps.edit(old, _settled(spool.sorted())) if spool.count else old
    return {Side.OLD: old, Side.NEW: new}


def _settled(changes: Iterator[tuple[bytes, Entry | None]]) -> Iterator[tuple[bytes, Entry | None]]:
    """One change for each element: of one that goes, and comes again otherwise, the latter, which is later."""
    for key, group in groupby(changes, key=itemgetter(0)):
        *_, (_, entry) = group
        yield key, None if entry is None else (entry[0], entry[1], entry[2], entry[3])


def row_key(key: str, leaf: int, path: str) -> bytes:
    """The place of an element in the map; no key holds a NUL."""
    return key.encode() + b"\0" + leaf.to_bytes(_LEAF, "big") + path.encode()


def _entry(which: int, element: Element) -> Entry:
    key = element.keys[which] if element.keys else ""
    return row_key(key, element.leaf, element.path), element.hash, element.size, b""


def _split(entry: Entry) -> tuple[bytes, bytes, Entry]:
    key, _, rest = entry[0].partition(b"\0")
    return key, rest, entry


def _range(key: str, span: Span | None) -> tuple[bytes, bytes | None]:
    stem = key.encode() + b"\0"
    if span is None:
        return stem, prefix_end(stem)
    return stem + span[0].to_bytes(_LEAF, "big"), stem + span[1].to_bytes(_LEAF, "big")
