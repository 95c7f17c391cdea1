"""Builds the operator tree of an input expression over two versions of the repos that it reads.

Invariant: the tree knows maps and paths only; which commits are meant was settled by the caller. The indexes of joins
and groups are brought up to date while the tree is built; a tree names them in an order that depends on the
expression alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trunkline.maps import Maps, Root
from trunkline.pfs import globs
from trunkline.pfs.captures import Keys
from trunkline.pps import inputs
from trunkline.pps.plan.operators.apart import IfAll, Relation, Together
from trunkline.pps.plan.operators.base import Elements, Key, Operator, Side
from trunkline.pps.plan.operators.cross import Cross
from trunkline.pps.plan.operators.group import Group
from trunkline.pps.plan.operators.index import GROUP_BY, JOIN_ON, Index, Leaf, Span, kept
from trunkline.pps.plan.operators.join import Join, Joined
from trunkline.pps.plan.operators.matches import Matches
from trunkline.pps.plan.operators.once import Once
from trunkline.pps.plan.operators.union import Union
from trunkline.pps.spec import Input


class Tree(NamedTuple):
    """The relation of an input's datums, and the indexes of its joins and groups on the NEW side."""

    operator: Operator
    indexes: tuple[Root, ...]


def build(
    maps: Maps,
    given: Input,
    old: Sequence[Root],
    new: Sequence[Root],
    indexes: Sequence[Root] | None = None,
    folder: Path | None = None,
) -> Tree:
    """The relation of an input's datums.

    Args:
        maps: where the roots live.
        given: a completed input.
        old, new: for each of its pfs inputs, in order, the content of the repo on that side; EMPTY for none.
        indexes: those of the tree that was built with `old` as its NEW side; None if they have to be made again.
        folder: for temporary files.
    """
    building = _Building(maps, given, (old, new), indexes, folder)
    operator = building.operator(given)
    return Tree(operator, tuple(building.indexes))


class _Building:
    def __init__(
        self,
        maps: Maps,
        whole: Input,
        sides: tuple[Sequence[Root], Sequence[Root]],
        kept_indexes: Sequence[Root] | None,
        folder: Path | None,
    ) -> None:
        self._maps, self._sides, self._kept, self._folder = maps, sides, kept_indexes, folder
        self.indexes: list[Root] = []
        numbers: dict[tuple[str, str, str], int] = {}
        self._globs, self._leaves = [], []
        for leaf in inputs.leaves(whole):
            label = numbers.setdefault((leaf.name, leaf.repo, leaf.branch), len(numbers))
            glob = globs.compiled(leaf.glob)
            self._globs.append(glob)
            self._leaves.append(Leaf(label, Keys(glob, leaf.join_on, leaf.group_by), leaf.outer_join))
        self._next = 0

    def operator(self, given: Input) -> Operator:
        """The operator of one input; leaves are numbered in the order in which they are met."""
        if inputs.leaf_of(given) is not None:
            return self._matches()
        if given.cross:
            return Cross([self.operator(part) for part in given.cross], self._key)
        if given.union:
            return Union([self.operator(part) for part in given.union], self._key)
        if given.join:
            return self._once(Join(*self._index(JOIN_ON, given.join), self._key), given)
        return self._once(Group(*self._index(GROUP_BY, given.group), self._key), given)

    def _once(self, made: Operator, given: Input) -> Operator:
        return made if len(made.labels) == sum(1 for _ in inputs.leaves(given)) else Once(made, self._key)

    def _apart(self, given: Input) -> Relation:
        """The elements of one input that stands inside a join or group."""
        if inputs.leaf_of(given) is not None:
            return self._matches()
        if given.join:
            return Joined(*self._index(JOIN_ON, given.join))
        parts = [self._apart(part) for part in inputs.parts(given)]
        return IfAll(parts) if given.cross else Together(parts)

    def _matches(self) -> Matches:
        at = self._next
        self._next += 1
        leaf, (old, new) = self._leaves[at], self._sides
        return Matches(self._maps, at, leaf.label, self._globs[at], leaf.keys, old[at], new[at])

    def _index(self, which: int, given: Sequence[Input]) -> tuple[Index, list[Span]]:
        """The index of a join or group, and the pfs inputs of its parts."""
        parts, spans = [], []
        for part in given:
            first = self._next
            parts.append(self._apart(part))
            spans.append((first, self._next))
        place = len(self.indexes)
        old = self._kept[place] if self._kept is not None and place < len(self._kept) else None
        roots = kept(self._maps, which, parts, old, self._folder)
        self.indexes.append(roots[Side.NEW])
        return Index(self._maps, which, self._leaves, roots), spans

    def _key(self, datum: Elements) -> Key:
        return tuple((self._leaves[element.leaf].label, element.path) for element in datum)
