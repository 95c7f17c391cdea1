"""Two maps side by side: what differs, and their union. Subtrees that both have are skipped unread.

Both cursors go forward together. Where their next items have equal digests the items are the same content,
so both go past; where not, the coarser one is opened, until two entries stand side by side. After a
difference the two trees fall into step again at the next boundary they share, and `rise` brings them back
to the largest nodes they share.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from trunkline.kernel.errors import InvalidRequest
from trunkline.maps.builder import Builder
from trunkline.maps.cursor import Cursor
from trunkline.maps.entry import Difference, Entry
from trunkline.maps.node import Leaf, Node
from trunkline.maps.root import Root
from trunkline.maps.storage import NodeStore


def diff(store: NodeStore, old: Root, new: Root, lo: bytes, hi: bytes | None) -> Iterator[Difference]:
    """The differing entries of [lo, hi) in the order of their keys."""
    if old.digest == new.digest:
        return
    a, b = Cursor(store, old), Cursor(store, new)
    if lo:
        a.seek(lo)
        b.seek(lo)
    while not (a.done or b.done):
        if same := _settle(a, b):
            passed = a.node.keys[a.index + same - 1]
            a.advance(same)
            b.advance(same)
            if hi is not None and passed >= hi:
                return
            continue
        old_key, new_key = a.key, b.key
        if hi is not None and min(old_key, new_key) >= hi:
            return
        if old_key == new_key:
            yield old_key, a.entry(), b.entry()
            a.advance()
            b.advance()
        elif old_key < new_key:
            yield from ((entry[0], entry, None) for entry in _entries_before(a, _lower(new_key, hi)))
        else:
            yield from ((entry[0], None, entry) for entry in _entries_before(b, _lower(old_key, hi)))
    yield from ((entry[0], entry, None) for entry in _rest(a, hi))
    yield from ((entry[0], None, entry) for entry in _rest(b, hi))


def merge(store: NodeStore, left: Root, right: Root, into: Builder, resolve: Callable[[Entry, Entry], Entry]) -> None:
    """Feed the builder the union; entries of equal identity are the left one's."""
    a, b = Cursor(store, left), Cursor(store, right)
    while not (a.done or b.done):
        if same := _settle(a, b):
            passed = a.node.keys[a.index + same - 1]
            at_end = a.ends_after(same)
            b.advance(same)
            a.copy(into, passed, through=True, final=at_end and b.done)
        elif a.key == b.key:
            into.add(_resolved(resolve, a.entry(), b.entry()))
            a.advance()
            b.advance()
        elif a.key < b.key:
            a.copy(into, b.key)
        else:
            b.copy(into, a.key)
    a.copy(into, None, final=True)
    b.copy(into, None, final=True)


def _resolved(resolve: Callable[[Entry, Entry], Entry], left: Entry, right: Entry) -> Entry:
    entry = resolve(left, right)
    if entry[0] != left[0]:
        raise InvalidRequest(f"merge of key {left[0]!r} was resolved to key {entry[0]!r}: the key must stay")
    return entry


def _settle(a: Cursor, b: Cursor) -> int:
    """Open both until their next items are of one level, and equal or entries; says how many are equal."""
    while True:
        while a.level == b.level and a.can_rise_with(b):
            a.rise()
            b.rise()
        if a.level == b.level:
            same = _common(a.node, a.index, b.node, b.index)
            if same or not a.level:
                return same
            a.descend()
            b.descend()
        elif a.level > b.level:
            a.descend()
        else:
            b.descend()


def _common(a: Node, start: int, b: Node, other_start: int) -> int:
    """How many items from the two positions on are the same: galloping, so that slices are compared in C."""
    limit = min(len(a.keys) - start, len(b.keys) - other_start)
    same, step, growing = 0, 1, True
    while same < limit and step:
        length = min(step, limit - same)
        if a.same(start + same, b, other_start + same, length):
            same += length
            step = step * 2 if growing else step
        else:
            growing = False
            step = length // 2
    return same


def _lower(key: bytes, hi: bytes | None) -> bytes:
    return key if hi is None else min(key, hi)


def _entries_before(cursor: Cursor, stop: bytes | None) -> Iterator[Entry]:
    """The entries before `stop` in the cursor's leaf, and past them."""
    leaf, start = cursor.node, cursor.index
    assert isinstance(leaf, Leaf)
    end = len(leaf.keys) if stop is None else bisect_left(leaf.keys, stop, start)
    yield from zip(*(column[start:end] for column in leaf.columns), strict=True)
    if end > start:
        cursor.advance(end - start)


def _rest(cursor: Cursor, hi: bytes | None) -> Iterator[Entry]:
    while not cursor.done:
        while cursor.level:
            cursor.descend()
        if hi is not None and cursor.key >= hi:
            return
        yield from _entries_before(cursor, hi)
