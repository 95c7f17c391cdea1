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
