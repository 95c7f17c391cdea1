"""The cross operator: every combination of one datum of each part, its elements in the order of the parts.

A combination has changed if one of its parts has. Each is given once, under the first part that changed:
unchanged × … × unchanged × Δ × all × … × all. What is walked is what is given, because the other side never takes
part; and nothing is walked when one factor is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trunkline.pps.plan.operators.base import Elements, Key, Operator, Side

REMEMBERED = 4096
"""Datums of a factor that are kept to be gone through again; a longer factor is read again."""

KNOWN_CHANGES = 100_000
"""Changed datums of a part that are held in memory; with more, each datum is looked up on the other side."""


class Cross:
    """The product of its parts; no two parts share a label."""

    def __init__(self, parts: Sequence[Operator], labels_of: Callable[[Elements], Key]) -> None:
        self.labels = frozenset().union(*(part.labels for part in parts))
        self._parts = parts
        self._key = labels_of

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Operator.all`."""
        yield from _product([_Factor(_every(part, side)) for part in self._parts])

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Operator.changed`."""
        for at, part in enumerate(self._parts):
            delta = _Factor(_changes(part, side))
            if delta.empty:
                continue
            after = [_Factor(_every(one, side)) for one in self._parts[at + 1 :]]
            if any(factor.empty for factor in after):
                continue
            before = [_Factor(self._unchanged(one, side)) for one in self._parts[:at]]
            yield from _product([*before, delta, *after])

    def find(self, key: Key, at: int, side: Side) -> Iterator[tuple[int, Elements]]:
        """As `Operator.find`: each part in turn finds its share of the key."""
        yield from self._find(key, at, side, 0)

    def _find(self, key: Key, at: int, side: Side, part: int) -> Iterator[tuple[int, Elements]]:
        if part == len(self._parts):
            yield at, ()
            return
        for middle, head in self._parts[part].find(key, at, side):
            for end, tail in self._find(key, middle, side, part + 1):
                yield end, head + tail

    def _unchanged(self, part: Operator, side: Side) -> Callable[[], Iterator[Elements]]:
        """The datums of a part that both sides have in the same form."""
        known: set[Elements] = set()
        for changed in part.changed(side):
            known.add(changed)
            if len(known) > KNOWN_CHANGES:
                return lambda: self._looked_up(part, side)
        if not known:
            return _every(part, side)
        return lambda: (datum for datum in part.all(side) if datum not in known)

    def _looked_up(self, part: Operator, side: Side) -> Iterator[Elements]:
        for datum in part.all(side):
            key = self._key(datum)
            if any(end == len(key) and other == datum for end, other in part.find(key, 0, side.other)):
                yield datum


def _every(part: Operator, side: Side) -> Callable[[], Iterator[Elements]]:
    return lambda: part.all(side)


def _changes(part: Operator, side: Side) -> Callable[[], Iterator[Elements]]:
    return lambda: part.changed(side)


class _Factor:
    """A stream that can be gone through many times; a short one is read once."""

    def __init__(self, source: Callable[[], Iterator[Elements]]) -> None:
        self._source = source
        self._head: list[Elements] = []
        rest = source()
        for datum in rest:
            self._head.append(datum)
            if len(self._head) > REMEMBERED:
                break
        self._whole = len(self._head) <= REMEMBERED

    @property
    def empty(self) -> bool:
        """Whether the stream has nothing."""
        return not self._head

    def __iter__(self) -> Iterator[Elements]:
        return iter(self._head) if self._whole else self._source()


def _product(factors: Sequence[_Factor]) -> Iterator[Elements]:
    if any(factor.empty for factor in factors):
        return
    if len(factors) == 1:
        yield from factors[0]
        return
    for head in factors[0]:
        for tail in _tails(factors, 1):
            yield head + tail


def _tails(factors: Sequence[_Factor], at: int) -> Iterator[Elements]:
    if at == len(factors) - 1:
        yield from factors[at]
        return
    for head in factors[at]:
        for tail in _tails(factors, at + 1):
            yield head + tail
