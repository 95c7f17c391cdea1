"""The group operator: one datum for each key, of all elements of all parts that have this key.

Its elements come in the order of the pfs inputs, and those of one input by path; a file that two inputs of one name,
repo and branch match is there once. Only keys whose elements changed are looked at, and of these all elements, since
all of them are the datum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from trunkline.pps.plan.operators.base import Element, Elements, Key, Side
from trunkline.pps.plan.operators.index import Index, Span


class Group:
    """The datums of a group; `spans` are the pfs inputs of its parts, no two of which share a label."""

    def __init__(self, index: Index, spans: Sequence[Span], key_of: Callable[[Elements], Key]) -> None:
        self._leaves = [leaf for span in spans for leaf in range(*span)]
        self.labels = frozenset(index.leaves[leaf].label for leaf in self._leaves)
        self._index, self._key_of = index, key_of
        self._twins = len(self.labels) < len(self._leaves)

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`, by key."""
        for _, rows in self._index.by_key(side):
            yield self._datum(rows)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`, by key."""
        if self._index.empty(side.other):
            yield from self.all(side)
            return
        for key in self._index.changed_keys():
            here = self._datum(self._index.rows(side, key))
            if here and here != self._datum(self._index.rows(side.other, key)):
                yield here

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`: the first element says which keys its datum can have."""
        if at >= len(key) or key[at][0] not in self.labels:
            return
        label, path = key[at]
        leaves = (leaf for leaf in self._leaves if self._index.leaves[leaf].label == label)
        for name in dict.fromkeys(self._index.key_of(leaf, path) for leaf in leaves):
            datum = self._datum(self._index.rows(side, name))
            if datum and key[at : at + len(datum)] == self._key_of(datum):
                yield at + len(datum), datum

    def _datum(self, rows: Iterable[Element]) -> Elements:
        if not self._twins:
            return tuple(rows)
        places: dict[tuple[int, str], Element] = {}
        for row in rows:
            places.setdefault((self._index.leaves[row.leaf].label, row.path), row)
        return tuple(places.values())
