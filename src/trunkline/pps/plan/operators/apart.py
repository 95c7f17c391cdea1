"""Inputs taken apart: the single elements of what stands inside a join or a group, each of which is keyed by itself.

A part of a join or group that is made of other inputs does not keep its datums: what counts is which elements occur in
them. Invariants: an element is given once, whatever the number of datums that have it, and under its own pfs input, so
that two inputs which match one file are two; `all` and `changed` are those of `Operator`, of datums of one element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from trunkline.pps.plan.operators.base import Elements, Side


class Relation(Protocol):
    """Elements on two sides, each alone in a tuple."""

    def all(self, side: Side) -> Iterator[Elements]:
        """Every element of a side."""
        ...

    def changed(self, side: Side) -> Iterator[Elements]:
        """The elements of a side that the other side does not have in exactly this form."""
        ...


class Together:
    """The elements of all parts: what is in a union or in a group."""

    def __init__(self, parts: Sequence[Relation]) -> None:
        self._parts = parts

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Relation.all`."""
        for part in self._parts:
            yield from part.all(side)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Relation.changed`."""
        for part in self._parts:
            yield from part.changed(side)


class IfAll:
    """The elements of all parts, if no part is empty: what is in a cross."""

    def __init__(self, parts: Sequence[Relation]) -> None:
        self._parts, self._together = parts, Together(parts)

    def all(self, side: Side) -> Iterator[Elements]:
        """As `Relation.all`."""
        if self._complete(side):
            yield from self._together.all(side)

    def changed(self, side: Side) -> Iterator[Elements]:
        """As `Relation.changed`."""
        # First, because to see that a part is empty takes a look into it.
        changes = (part.changed(each) for part in self._parts for each in Side)
        if any(next(one, None) is not None for one in changes) and self._complete(side):
            whole = not self._complete(side.other)
            yield from self._together.all(side) if whole else self._together.changed(side)

    def _complete(self, side: Side) -> bool:
        return all(next(part.all(side), None) is not None for part in self._parts)
