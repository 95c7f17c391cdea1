"""Making a map out of another one: bulk build, batches of changes, and key ranges on their own.

Each streams its input and copies what lies between the changes as whole subtrees, so that the cost is that
of the changes times a logarithm. Input out of order is refused, because a tree of it would be no map.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import lt
from typing import Any, TypeVar

from trunkline.kernel.errors import InvalidRequest
from trunkline.maps.builder import Builder
from trunkline.maps.cursor import Cursor
from trunkline.maps.entry import Change, Entry, entry_key
from trunkline.maps.keys import joined_ranges
from trunkline.maps.root import Root
from trunkline.maps.storage import NodeStore

_BATCH = 4096
_Keyed = TypeVar("_Keyed", bound=tuple[Any, ...])


def build(into: Builder, entries: Iterable[Entry]) -> None:
    """Feed the builder a sorted stream."""
    for _, batch in _sorted_batches(entries):
        into.add_many(batch)


def cut(store: NodeStore, root: Root, into: Builder, lo: bytes, hi: bytes | None) -> None:
    """Feed the builder the key range [lo, hi)."""
    cursor = Cursor(store, root)
    if lo:
        cursor.seek(lo)
    cursor.copy(into, hi, final=hi is None)


class Edit:
    """One pass over a map: ranges dropped, changes put in between, the rest copied."""

    def __init__(
        self, store: NodeStore, root: Root, into: Builder, remove: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        self._old = Cursor(store, root)
        self._into = into
        self._ranges = joined_ranges(remove)
        self._ranges.reverse()

    def run(self, changes: Iterable[Change]) -> None:
        """Apply everything, up to the end of the map."""
        for keys, batch in _sorted_batches(changes):
            _check_puts(batch)
            start = 0
            while start < len(keys):
                stop = self._drop_ranges(keys[start])
                end = len(keys) if stop is None else bisect_left(keys, stop, start)
                self._apply(keys, batch, start, end)
                start = end
        self._drop_ranges(None)
        self._old.copy(self._into, None, final=True)

    def _drop_ranges(self, before: bytes | None) -> bytes | None:
        """Go past the ranges that begin at or before the key (None: all); says where the next one begins."""
        while self._ranges:
            lo, hi = self._ranges[-1]
            if before is not None and lo > before:
                return lo
            self._ranges.pop()
            self._old.copy(self._into, lo)
            if hi is None:
                self._old.seek_end()
            else:
                self._old.seek(hi)
        return None

    def _apply(self, keys: list[bytes], changes: list[Change], start: int, stop: int) -> None:
        """Apply the changes [start, stop), those without an old entry in between as one run."""
        old, into = self._old, self._into
        while start < stop:
            old.copy(into, keys[start])
            end = stop if old.done else bisect_right(keys, old.key, start, stop)
            puts = [entry for _, entry in changes[start:end] if entry is not None]
            if len(puts) > 1:
                into.add_many(puts)
            elif puts:
                into.add(puts[0])
            if not old.done and old.key == keys[end - 1]:
                old.advance()
            start = end


def _sorted_batches(items: Iterable[_Keyed]) -> Iterator[tuple[list[bytes], list[_Keyed]]]:
    """The items in lists, beside their keys.

    Raises:
        InvalidRequest: a key is not greater than the one before it.
    """
    source = iter(items)
    before: list[bytes] = []
    while batch := list(islice(source, _BATCH)):
        keys = list(map(entry_key, batch))
        if not all(map(lt, chain(before, keys), keys[1 - len(before) :])):
            raise _out_of_order(before + keys)
        before = keys[-1:]
        yield keys, batch


def _out_of_order(keys: list[bytes]) -> InvalidRequest:
    left, right = next((a, b) for a, b in pairwise(keys) if a >= b)
    return InvalidRequest(f"map keys must ascend: {right!r} comes after {left!r}; sort the input")


def _check_puts(changes: list[Change]) -> None:
    for key, entry in changes:
        if entry is not None and entry[0] != key:
            raise InvalidRequest(f"map change for key {key!r} puts {entry[0]!r}: give both the same key")
