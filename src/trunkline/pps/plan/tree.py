"""Builds the operator tree of an input expression over two versions of the repos that it reads.

Invariant: the tree knows maps and paths only; which commits are meant was settled by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import NotBuilt
from trunkline.maps import Maps, Root
from trunkline.pfs import globs
from trunkline.pps import inputs
from trunkline.pps.plan.operators.base import Elements, Key, Operator
from trunkline.pps.plan.operators.cross import Cross
from trunkline.pps.plan.operators.matches import Matches
from trunkline.pps.plan.operators.union import Union
from trunkline.pps.spec import Input


def build(maps: Maps, given: Input, old: Sequence[Root], new: Sequence[Root]) -> Operator:
    """The relation of an input's datums.

    Args:
        maps: where the roots live.
        given: a completed input.
        old, new: for each of its pfs inputs, in order, the content of the repo on that side; EMPTY for none.

    Raises:
        NotBuilt: a kind of input that has no operator.
    """
    return _Building(maps, given, old, new).operator(given)


class _Building:
    def __init__(self, maps: Maps, whole: Input, old: Sequence[Root], new: Sequence[Root]) -> None:
        self._maps, self._old, self._new = maps, old, new
        numbers: dict[tuple[str, str, str], int] = {}
        self._labels = [
            numbers.setdefault((leaf.name, leaf.repo, leaf.branch), len(numbers)) for leaf in inputs.leaves(whole)
        ]
        self._next = 0

    def operator(self, given: Input) -> Operator:
        """The operator of one input; leaves are numbered in the order in which they are met."""
        found = inputs.leaf_of(given)
        if found is not None:
            leaf = self._next
            self._next += 1
            glob = globs.compiled(found.glob)
            return Matches(self._maps, leaf, self._labels[leaf], glob, self._old[leaf], self._new[leaf])
        if given.cross:
            return Cross([self.operator(part) for part in given.cross], self._key)
        if given.union:
            return Union([self.operator(part) for part in given.union], self._key)
        raise NotBuilt("this kind of input has no datums yet: use pfs, cross and union")

    def _key(self, datum: Elements) -> Key:
        return tuple((self._labels[element.leaf], element.path) for element in datum)
