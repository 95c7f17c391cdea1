"""Makes a relation of one that may give a datum several times: of those with equal keys, the first that `find` gives
counts.

Where two pfs inputs in a join or group agree in name, repo and branch, a file may stand under two join or group keys,
and both may form the same datum. Invariant: as `Operator` has it, whatever the operator below repeats; a datum goes
only when none of those that were equal is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trunkline.pps.plan.operators.base import Elements, Key, Operator, Side


class Once:
    """The datums of an operator that keeps all of its rules but this one: it may give different forms of one datum."""

    def __init__(self, part: Operator, key_of: Callable[[Elements], Key]) -> None:
        self.labels = part.labels
        self._part, self._key_of = part, key_of

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`."""
        return (datum for datum in self._part.all(side) if self._forms(self._key_of(datum), side)[0] == datum)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`; a datum comes when the first form that goes is met or, if none goes, that comes."""
        for seen in Side:
            for datum in self._part.changed(seen):
                key = self._key_of(datum)
                old, new = (self._forms(key, each) for each in Side)
                moved = [form for form in old if form not in new] or [form for form in new if form not in old]
                here, there = (old, new) if side is Side.OLD else (new, old)
                if datum == moved[0] and here and here[0] not in there[:1]:
                    yield here[0]

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`."""
        ends: set[int] = set()
        for end, datum in self._part.find(key, at, side):
            if end not in ends:
                ends.add(end)
                yield end, datum

    def _forms(self, key: Key, side: Side) -> list[Elements]:
        """Everything that a side has under a key."""
        return [datum for end, datum in self._part.find(key, 0, side) if end == len(key)]
