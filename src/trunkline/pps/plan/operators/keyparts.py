"""What each part of a join may contribute to the datums of one key, as streams: for keys with very many elements.

Where all parts have the key (it is *complete*), a part contributes one of its elements. Where one lacks it, a part
contributes one of its outer elements, or nothing if it has another one or none at all. Of elements that are one file,
the first pfs input counts. Invariant: what a part may contribute is a relation as `Operator` has them, with the empty
datum for nothing, and depends on the two sides of the index alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.pps.plan.operators.base import Element, Elements, Key, Side
from trunkline.pps.plan.operators.index import Index, Span


class KeyParts:
    """One key of an index; `parts` has an operator for each span."""

    def __init__(self, index: Index, spans: Sequence[Span], key: str) -> None:
        self.complete = {side: all(index.has(side, key, span) for span in spans) for side in Side}
        self.parts = [_KeyPart(index, span, key, self.complete) for span in spans]


class _KeyPart:
    def __init__(self, index: Index, span: Span, key: str, complete: dict[Side, bool]) -> None:
        self._index, self._span, self._key, self._complete = index, span, key, complete
        labels = [index.leaves[leaf].label for leaf in range(*span)]
        self.labels = frozenset(labels)
        self._twins = len(self.labels) < len(labels)

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`."""
        for row in self._index.rows(side, self._key, self._span):
            if self._counts(row, side) and not (self._twins and self._find(self._place(row), side) != row):
                yield (row,)
        if self._may_be_absent(side):
            yield ()

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`."""
        if self._complete[side] == self._complete[side.other]:
            places = self._changed_places()
            rows: Iterator[Element | None] = (self._find(place, side) for place in places)
        else:
            rows = (datum[0] for datum in self.all(side) if datum)
        for row in rows:
            if row is not None and self._find(self._place(row), side.other) != row:
                yield (row,)
        if self._may_be_absent(side) and not self._may_be_absent(side.other):
            yield ()

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`."""
        if at < len(key) and key[at][0] in self.labels:
            row = self._find(key[at], side)
            if row is not None:
                yield at + 1, (row,)
        if self._may_be_absent(side):
            yield at, ()

    def _changed_places(self) -> Iterator[tuple[int, str]]:
        """Label and path of each changed row; once, though several pfs inputs have it."""
        for change in self._index.changed(self._key, self._span):
            row = change[Side.NEW] or change[Side.OLD]
            assert row is not None, "a difference has an entry on one side"
            if not (self._twins and self._changed_before(row)):
                yield self._place(row)

    def _changed_before(self, row: Element) -> bool:
        """Whether an earlier pfs input has the same file, and it changed there as well."""
        for leaf in self._leaves_of(self._place(row)[0]):
            if leaf == row.leaf:
                return False
            old, new = (self._index.row(side, self._key, leaf, row.path) for side in Side)
            if old != new:
                return True
        raise AssertionError("a row is of a pfs input of its part")

    def _find(self, place: tuple[int, str], side: Side) -> Element | None:
        """The element of a label and path that counts."""
        label, path = place
        for leaf in self._leaves_of(label):
            if self._complete[side] or self._index.leaves[leaf].outer:
                row = self._index.row(side, self._key, leaf, path)
                if row is not None:
                    return row
        return None

    def _may_be_absent(self, side: Side) -> bool:
        if self._complete[side]:
            return False
        if not self._index.has(side, self._key, self._span):
            return True
        inner = (leaf for leaf in range(*self._span) if not self._index.leaves[leaf].outer)
        return any(self._index.has(side, self._key, (leaf, leaf + 1)) for leaf in inner)

    def _counts(self, row: Element, side: Side) -> bool:
        return self._complete[side] or self._index.leaves[row.leaf].outer

    def _place(self, row: Element) -> tuple[int, str]:
        return self._index.leaves[row.leaf].label, row.path

    def _leaves_of(self, label: int) -> Iterator[int]:
        return (leaf for leaf in range(*self._span) if self._index.leaves[leaf].label == label)
