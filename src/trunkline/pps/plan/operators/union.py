"""The union operator: the datums of all its parts, those with equal keys being one.

Where several parts have a key, the first of them in order gives the datum; so what a union holds depends on its
parts alone. A key vanishes only when no part has it any more, and it changes when the first part that has it does:
each changed key of any part is looked up in the others, and given once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trunkline.pps.plan.operators.base import Elements, Key, Operator, Side


class Union:
    """The sum of its parts, which may overlap."""

    def __init__(self, parts: Sequence[Operator], key_of: Callable[[Elements], Key]) -> None:
        self.labels = frozenset().union(*(part.labels for part in parts))
        self._parts = parts
        self._key = key_of
        self._rivals = [
            [other for other in parts if other is not part and other.labels & part.labels] for part in parts
        ]
        """For each part, those that may have keys of its own."""

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`, part by part."""
        for at, part in enumerate(self._parts):
            earlier = [other for other in self._parts[:at] if other in self._rivals[at]]
            for datum in part.all(side):
                key = self._key(datum) if earlier else ()
                if not any(_exactly(other, key, side) is not None for other in earlier):
                    yield datum

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`."""
        for at, part in enumerate(self._parts):
            if not self._rivals[at]:
                yield from part.changed(side)
                continue
            for seen in Side:
                for datum in part.changed(seen):
                    yield from self._settled(at, self._key(datum), seen, side)

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`; of several parts that find the same stretch, the first counts."""
        ends: set[int] = set()
        for part in self._parts:
            for end, datum in part.find(key, at, side):
                if end not in ends:
                    ends.add(end)
                    yield end, datum

    def _settled(self, at: int, key: Key, seen: Side, side: Side) -> Iterator[Elements]:
        """The datum of a key on one side, if it changed and nobody else gives it.

        A changed key is given by the first part in which it changed; there, when it is met on the OLD side, or on
        the NEW side if the part did not have it before.
        """
        part = self._parts[at]
        if seen is Side.NEW and _exactly(part, key, Side.OLD) is not None:
            return
        for other in self._parts[:at]:
            if _exactly(other, key, Side.OLD) != _exactly(other, key, Side.NEW):
                return
        here, there = self._first(key, side), self._first(key, side.other)
        if here is not None and here != there:
            yield here

    def _first(self, key: Key, side: Side) -> Elements | None:
        found = (_exactly(part, key, side) for part in self._parts)
        return next((datum for datum in found if datum is not None), None)


def _exactly(part: Operator, key: Key, side: Side) -> Elements | None:
    """The datum of a part with this key as a whole."""
    return next((datum for end, datum in part.find(key, 0, side) if end == len(key)), None)
