"""Where nodes end: a hash of the key and the level decides, and nothing else.

Invariant: `Shape.ends` depends on no position, size or neighbour. All that the map promises (one root per
content, key ranges that are maps, cheap diffs) rests on it. The standard shape is part of the storage
format; other shapes exist so that tests can grow tall trees from few entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count, repeat

from xxhash import xxh3_64_intdigest

_SPACE = 1 << 64
_FIRST_SEED = 0x7472756E6B6C696E  # "trunklin"
_SEED_STEP = 0x9E3779B97F4A7C15  # odd and far from regular, so that the levels' decisions are independent
_SEEDS = tuple((_FIRST_SEED + level * _SEED_STEP) % _SPACE for level in range(256))


class Shape:
    """How large nodes are on average, and up to which size a map of one leaf travels inside its root.

    Args:
        leaf: a leaf ends after one key in `leaf` (at least 2).
        inner: an inner node ends after one child in `inner` (at least 2).
        inline: bytes; a one-leaf map whose plain node is no longer than this is kept inside its `Root`.
    """

    __slots__ = ("_below", "inline")

    def __init__(self, leaf: int, inner: int, inline: int) -> None:
        if leaf < 2 or inner < 2:
            raise ValueError("a node must end less often than after every key, or the tree never narrows")
        self.inline = inline
        self._below = (_SPACE // leaf, *repeat(_SPACE // inner, 255))

    def ends(self, level: int, key: bytes) -> bool:
        """Whether a node of `level` ends after `key`."""
        return xxh3_64_intdigest(key, _SEEDS[level]) < self._below[level]

    def closed(self, level: int, key: bytes) -> bool:
        """Whether nodes end after `key` at `level` and at every level below it.

        So it is after every node that has a right neighbour; after the last of a level it need not be.
        """
        return all(self.ends(below, key) for below in range(level + 1))

    def leaf_ends(self, keys: Sequence[bytes]) -> list[int]:
        """The positions in `keys` after which a leaf ends; all of it runs in C, 0.1 µs a key."""
        hashes = map(xxh3_64_intdigest, keys, repeat(_SEEDS[0]))
        return list(compress(count(), map(self._below[0].__gt__, hashes)))


STANDARD = Shape(leaf=512, inner=128, inline=4096)
