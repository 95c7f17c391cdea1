"""Whether the nodes of a map are what they should be.

The walk goes round the cache: a check must see what the store holds now. Every rule of the format is checked, so a
tree that passes is the one canonical tree of its entries. What to do about a problem is left to fsck and its user.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import lt

import msgspec

from trunkline.kernel.errors import Corrupt
from trunkline.maps import codec
from trunkline.maps.node import Inner, Node, Ref
from trunkline.maps.root import EMPTY, Root
from trunkline.maps.storage import NodeStore


class Place(msgspec.Struct, frozen=True):
    """A node as its parent sees it, and whether the map ends with it."""

    level: int
    ref: Ref
    last: bool


class Check:
    """One walk over a map.

    Args:
        store: where the nodes are.
        root: of the map.
        sound: places below which everything was found right before and is not looked at again; grows.
    """

    def __init__(self, store: NodeStore, root: Root, sound: set[Place]) -> None:
        self._store = store
        self._root = root
        self._sound = sound
        self._before: bytes | None = None  # the last key of the nodes to the left

    def problems(self) -> Iterator[str]:
        """Everything that is wrong, in words, from left to right; nothing for a sound map."""
        root = self._root
        if not root.count:
            if root != EMPTY:
                yield "map root: it has no entries but is not the empty map"
            return
        try:
            top = self._read(root.level, root.address)
        except Corrupt as error:
            yield str(error)
            return
        yield from (f"map node {root.address.hex()}: {problem}" for problem in self._top_problems(top))
        ref = Ref(top.keys[-1], root.digest, root.count, root.weight, root.address)
        yield from self._subtree(Place(root.level, ref, last=True))

    def _subtree(self, place: Place) -> Iterator[str]:
        if place in self._sound:
            self._before = place.ref.key
            return
        found = False
        for problem in self._subtree_problems(place):
            found = True
            yield problem
        if not (found or self._root.inline):  # an inline node proves nothing about the store
            self._sound.add(place)

    def _subtree_problems(self, place: Place) -> Iterator[str]:
        try:
            node = self._read(place.level, place.ref.address)
        except Corrupt as error:
            yield str(error)
            self._before = place.ref.key
            return
        name = place.ref.address.hex()
        yield from (f"map node {name}: {problem}" for problem in self._node_problems(node, place))
        if isinstance(node, Inner):
            end = len(node.keys) - 1
            for index in range(end + 1):
                child = Place(node.level - 1, node.child(index), place.last and index == end)
                yield from self._subtree(child)
        else:
            self._before = node.keys[-1]

    def _read(self, level: int, address: bytes) -> Node:
        """The node from the store itself, whatever the cache holds."""
        if self._root.inline and address == self._root.address:
            codec.verify(self._root.inline, address)
            return codec.decode(self._root.inline, level, address)
        return codec.decode(self._store.read(address, fresh=True), level, address)

    def _node_problems(self, node: Node, place: Place) -> Iterator[str]:
        ref, keys = place.ref, node.keys
        if codec.node_digest(node) != ref.digest:
            yield "its digest is not the one it is known by"
        if node.count() != ref.count or node.weight() != ref.weight:
            found = f"{node.count()} entries of weight {node.weight()}"
            yield f"it holds {found}, not {ref.count} of weight {ref.weight}"
        if keys[-1] != ref.key:
            yield f"its last key is {keys[-1]!r}, not {ref.key!r}"
        if not all(map(lt, keys, islice(keys, 1, None))):
            yield "its keys are out of order"
        if self._before is not None and keys[0] <= self._before:
            yield f"its first key {keys[0]!r} does not come after {self._before!r}, the last before it"
        ends = self._store.shape.ends
        if any(ends(node.level, key) for key in islice(node.keys, len(node.keys) - 1)):
            yield "it goes on after a key that ends a node"
        if not place.last and not ends(node.level, node.keys[-1]):
            yield "it ends after a key that ends no node"

    def _top_problems(self, node: Node) -> Iterator[str]:
        if node.level and len(node.keys) == 1:
            yield "it is the top of the map but has a single child"
        fits = not node.level and len(codec.encode(node)[1]) <= self._store.shape.inline
        if fits != bool(self._root.inline):
            yield "it should be kept inside the root" if fits else "it should not be kept inside the root"
