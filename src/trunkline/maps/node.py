"""Nodes in memory: parallel columns, one item per position.

A leaf's items are entries, an inner node's items are its children. The last column is the one outside the
node's identity (aux bytes, or the children's addresses); all others make up the digest. Nodes are filled by
the builder and never altered once they are sealed; caches and threads share them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trunkline.maps.entry import Entry

_ITEM_OVERHEAD = 160  # bytes per item in CPython: four list slots, the headers of three byte strings, an integer


class Ref(msgspec.Struct, frozen=True):
    """A node as its parent sees it: what is below it, and where it is."""

    key: bytes  # the last key below
    digest: bytes
    count: int
    weight: int
    address: bytes


class Node:
    """What leaves and inner nodes have in common: columns, of which the first holds the (last) keys."""

    __slots__ = ("columns", "keys", "level", "weights")

    def __init__(self, level: int, columns: tuple[list[Any], ...]) -> None:
        self.level = level
        self.columns = columns
        self.keys: list[bytes] = columns[0]
        self.weights: list[int] = columns[-2]

    def take(self, other: Node, start: int, stop: int) -> None:
        """Append the items [start, stop) of a node of the same level."""
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            mine += theirs[start:stop]

    def weight(self) -> int:
        """Sum of the weights of all entries below."""
        return sum(self.weights)

    def count(self) -> int:
        """Number of entries below."""
        raise NotImplementedError

    def same(self, start: int, other: Node, other_start: int, length: int) -> bool:
        """Whether `length` items from the two positions are the same in identity."""
        raise NotImplementedError


class Leaf(Node):
    """The entries between two boundaries."""

    __slots__ = ("auxs", "values")

    def __init__(self, keys: list[bytes], values: list[bytes], weights: list[int], auxs: list[bytes]) -> None:
        super().__init__(0, (keys, values, weights, auxs))
        self.values = values
        self.auxs = auxs

    def count(self) -> int:
        return len(self.keys)

    def entry(self, index: int) -> Entry:
        """The entry at `index`."""
        return self.keys[index], self.values[index], self.weights[index], self.auxs[index]

    def same(self, start: int, other: Node, other_start: int, length: int) -> bool:
        if not isinstance(other, Leaf):
            return False
        stop, other_stop = start + length, other_start + length
        return (
            self.keys[start:stop] == other.keys[other_start:other_stop]
            and self.values[start:stop] == other.values[other_start:other_stop]
            and self.weights[start:stop] == other.weights[other_start:other_stop]
        )


class Inner(Node):
    """The children between two boundaries of their level."""

    __slots__ = ("addresses", "counts", "digests")

    def __init__(
        self,
        level: int,
        keys: list[bytes],
        digests: list[bytes],
        counts: list[int],
        weights: list[int],
        addresses: list[bytes],
    ) -> None:
        super().__init__(level, (keys, digests, counts, weights, addresses))
        self.digests = digests
        self.counts = counts
        self.addresses = addresses

    def count(self) -> int:
        return sum(self.counts)

    def child(self, index: int) -> Ref:
        """The child at `index`."""
        return Ref(
            self.keys[index],
            self.digests[index],
            self.counts[index],
            self.weights[index],
            self.addresses[index],
        )

    def append(self, ref: Ref) -> None:
        """Append a child (while the node is being filled)."""
        self.keys.append(ref.key)
        self.digests.append(ref.digest)
        self.counts.append(ref.count)
        self.weights.append(ref.weight)
        self.addresses.append(ref.address)

    def same(self, start: int, other: Node, other_start: int, length: int) -> bool:
        if not isinstance(other, Inner):
            return False
        # A digest covers everything below its child, so the other columns need no look.
        return self.digests[start : start + length] == other.digests[other_start : other_start + length]


def empty_node(level: int) -> Node:
    """A node of `level` with no items yet."""
    return Inner(level, [], [], [], [], []) if level else Leaf([], [], [], [])


def footprint(node: Node, plain_size: int) -> int:
    """About how many bytes of memory the decoded node takes."""
    return plain_size + _ITEM_OVERHEAD * len(node.keys)
