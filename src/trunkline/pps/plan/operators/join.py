"""The join operator: for each key, every combination of one element of each part that has this key.

If a part lacks the key, the combinations keep only the elements of outer inputs, and those that keep none are no
datums. Either way the datums of a key are a product: of what each part may contribute, which is one of its elements
or, where one that is not outer falls away, nothing. So the change of a key is that of a cross, and only the keys
whose elements changed are looked at. A key with few elements is worked out in memory; one with many is a cross of
streams (`keyparts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, product

from trunkline.pps.plan.operators.base import Element, Elements, Key, Side
from trunkline.pps.plan.operators.cross import Cross
from trunkline.pps.plan.operators.index import Index, Span
from trunkline.pps.plan.operators.keyparts import KeyParts

FEW = 1_000
"""Elements of one key that are worked with in memory."""

Choices = dict[tuple[int, str] | None, Elements]
"""What a part may contribute to a datum, by label and path; None is for nothing."""


class Join:
    """The datums of a join; `spans` are the pfs inputs of its parts, no two of which share a label."""

    def __init__(self, index: Index, spans: Sequence[Span], key_of: Callable[[Elements], Key]) -> None:
        self.labels = frozenset(index.leaves[leaf].label for first, end in spans for leaf in range(first, end))
        self._index, self._spans, self._key_of = index, spans, key_of
        self._part = {leaf: at for at, span in enumerate(spans) for leaf in range(*span)}

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`, by key."""
        for key, rows in self._index.by_key(side):
            few = _few(rows)
            datums = self._cross(key).all(side) if few is None else _product(map(_every, self._choices(few)))
            yield from filter(None, datums)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`, by key."""
        if self._index.empty(side.other):
            yield from self.all(side)
            return
        for key in self._index.changed_keys():
            here, there = (_few(self._index.rows(one, key)) for one in (side, side.other))
            if here is None or there is None:
                datums = self._cross(key).changed(side)
            else:
                datums = _difference(self._choices(here), self._choices(there))
            yield from filter(None, datums)

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`: the first element says under which keys its datum can be."""
        if at >= len(key) or key[at][0] not in self.labels:
            return
        label, path = key[at]
        leaves = (leaf for leaf in self._part if self._index.leaves[leaf].label == label)
        for name in dict.fromkeys(self._index.key_of(leaf, path) for leaf in leaves):
            yield from ((end, datum) for end, datum in self._cross(name).find(key, at, side) if datum)

    def _cross(self, key: str) -> Cross:
        return Cross(KeyParts(self._index, self._spans, key).parts, self._key_of)

    def _choices(self, rows: list[Element]) -> list[Choices]:
        """What each part may contribute to the datums of a key with these elements."""
        by_part: list[list[Element]] = [[] for _ in self._spans]
        for row in rows:
            by_part[self._part[row.leaf]].append(row)
        leaves = self._index.leaves
        if all(by_part):
            return [_by_place((leaves[row.leaf].label, row) for row in part) for part in by_part]
        found = []
        for part in by_part:
            outer = [(leaves[row.leaf].label, row) for row in part if leaves[row.leaf].outer]
            found.append(_by_place(outer))
            if len(outer) < len(part) or not part:
                found[-1][None] = ()
        return found


class Joined:
    """The elements that occur in the datums of a join: what it is when it stands inside a join or group."""

    def __init__(self, index: Index, spans: Sequence[Span]) -> None:
        self._index, self._spans = index, spans

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Relation.all`, by key."""
        for key, _ in self._index.by_key(side):
            yield from self._of_key(key, side)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Relation.changed`, by key."""
        for key in self._index.changed_keys():
            here, there = (self._complete(key, one) for one in (side, side.other))
            if here == there:
                changed = (one[side] for span in self._spans for one in self._index.changed(key, span))
                yield from ((row,) for row in changed if row is not None and (here or self._outer(row)))
                continue
            for (row,) in self._of_key(key, side):
                same = self._index.row(side.other, key, row.leaf, row.path) == row
                if not (same and (there or self._outer(row))):
                    yield (row,)

    def _of_key(self, key: str, side: Side) -> Iterator[Elements]:
        complete = self._complete(key, side)
        return ((row,) for row in self._index.rows(side, key) if complete or self._outer(row))

    def _complete(self, key: str, side: Side) -> bool:
        return all(self._index.has(side, key, span) for span in self._spans)

    def _outer(self, row: Element) -> bool:
        return self._index.leaves[row.leaf].outer


def _few(rows: Iterator[Element]) -> list[Element] | None:
    """The elements of a key; None if they are too many."""
    found = list(islice(rows, FEW + 1))
    return found if len(found) <= FEW else None


def _by_place(rows: Iterator[tuple[int, Element]] | list[tuple[int, Element]]) -> Choices:
    """Of elements that are one file, the first counts."""
    found: Choices = {}
    for label, row in rows:
        found.setdefault((label, row.path), (row,))
    return found


def _every(choices: Choices) -> list[Elements]:
    return list(choices.values())


def _difference(here: list[Choices], there: list[Choices]) -> Iterator[Elements]:
    """The combinations of the one that the other lacks, each under the first part in which they differ."""
    same = [[datum for place, datum in one.items() if other.get(place) == datum] for one, other in _zipped(here, there)]
    for at, (one, other) in enumerate(_zipped(here, there)):
        delta = [datum for place, datum in one.items() if other.get(place) != datum]
        if delta:
            yield from _product([*same[:at], delta, *map(_every, here[at + 1 :])])


def _zipped(here: list[Choices], there: list[Choices]) -> Iterator[tuple[Choices, Choices]]:
    return zip(here, there, strict=True)


def _product(factors: Iterator[list[Elements]] | list[list[Elements]]) -> Iterator[Elements]:
    return (tuple(chain.from_iterable(chosen)) for chosen in product(*factors))
