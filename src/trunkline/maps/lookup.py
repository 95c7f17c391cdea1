"""Reading: one entry, the spans of a key range in either direction, and the totals of a range.

Each costs O(log n) nodes plus, for a range, the leaves that it covers. Nothing is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from trunkline.maps.entry import Entry, Totals
from trunkline.maps.node import Inner, Leaf
from trunkline.maps.root import Root
from trunkline.maps.storage import NodeStore


class Span(NamedTuple):
    """The entries [start, stop) of a leaf."""

    leaf: Leaf
    start: int
    stop: int


def find(store: NodeStore, root: Root, key: bytes) -> Entry | None:
    """The entry under `key`."""
    node = store.top(root)
    while True:
        index = bisect_left(node.keys, key)
        if index == len(node.keys):
            return None
        if isinstance(node, Leaf):
            return node.entry(index) if node.keys[index] == key else None
        assert isinstance(node, Inner)
        node = store.load(node.level - 1, node.addresses[index])


class Near:
    """Look-ups in one map that mostly follow each other: one in the leaf of the last look-up costs no way down.

    Holds one leaf. For one thread at a time.
    """

    def __init__(self, store: NodeStore, root: Root) -> None:
        self._store = store
        self._root = root
        self._leaf = Leaf([], [], [], [])

    def get(self, key: bytes) -> Entry | None:
        """The entry under `key`."""
        leaf = self._leaf_from(key)
        if leaf is None:
            return None
        index = bisect_left(leaf.keys, key)
        return leaf.entry(index) if leaf.keys[index] == key else None

    def any_under(self, prefix: bytes) -> bool:
        """Whether a key begins with `prefix`."""
        leaf = self._leaf_from(prefix)
        return leaf is not None and leaf.keys[bisect_left(leaf.keys, prefix)].startswith(prefix)

    def _leaf_from(self, key: bytes) -> Leaf | None:
        """The leaf of the first key that is not less; None if all are."""
        keys = self._leaf.keys
        if keys and keys[0] <= key <= keys[-1]:
            return self._leaf
        if not self._root.count:
            return None
        node = self._store.top(self._root)
        while isinstance(node, Inner):
            index = bisect_left(node.keys, key)
            if index == len(node.keys):
                return None
            node = self._store.load(node.level - 1, node.addresses[index])
        assert isinstance(node, Leaf)
        self._leaf = node
        return node if key <= node.keys[-1] else None


def spans(store: NodeStore, root: Root, lo: bytes, hi: bytes | None, reverse: bool) -> Iterator[Span]:
    """The leaves of [lo, hi), first to last or last to first, each loaded when it is its turn."""
    if not root.count:
        return
    waiting = [(root.level, root.address)]
    while waiting:
        level, address = waiting.pop()
        node = store.top(root) if address == root.address else store.load(level, address)
        start = bisect_left(node.keys, lo) if lo else 0
        stop = len(node.keys) if hi is None else bisect_left(node.keys, hi, start)
        if isinstance(node, Leaf):
            if start < stop:
                yield Span(node, start, stop)
        elif isinstance(node, Inner):
            # The child after the last whole one may begin before `hi`.
            children = node.addresses[start : stop + 1]
            if not reverse:
                children.reverse()
            waiting.extend((level - 1, child) for child in children)


def entries(span: Span, reverse: bool) -> Iterator[Entry]:
    """The entries of a span."""
    if span.stop - span.start == len(span.leaf.keys):
        columns = span.leaf.columns
    else:
        columns = tuple(column[span.start : span.stop] for column in span.leaf.columns)
    return zip(*map(reversed, columns), strict=True) if reverse else zip(*columns, strict=True)


def totals_below(store: NodeStore, root: Root, key: bytes) -> Totals:
    """What lies before `key`."""
    count = weight = 0
    if not root.count:
        return Totals(0, 0)
    node = store.top(root)
    while True:
        index = bisect_left(node.keys, key)
        weight += sum(node.weights[:index])
        if not isinstance(node, Inner):
            return Totals(count + index, weight)
        count += sum(node.counts[:index])
        if index == len(node.keys):
            return Totals(count, weight)
        node = store.load(node.level - 1, node.addresses[index])
