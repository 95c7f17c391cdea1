"""A place in a tree that moves forward and loads no node before it must.

The place is a stack of nodes with an index each, the top node's item being the next one; an item at index 0
may just as well be seen as the whole node that it begins (`rise`), and an inner item as what it holds
(`descend`). Copying into a builder hands over the largest subtrees that the builder can take, which is what
makes edits cost what changed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from trunkline.maps.builder import Builder
from trunkline.maps.entry import Entry
from trunkline.maps.node import Inner, Leaf, Node
from trunkline.maps.root import Root
from trunkline.maps.storage import NodeStore


class Cursor:
    """Starts before the first item of the map's top node."""

    def __init__(self, store: NodeStore, root: Root) -> None:
        self._store = store
        self._nodes: list[Node] = [store.top(root)] if root.count else []
        self._at: list[int] = [0] if root.count else []

    @property
    def done(self) -> bool:
        """Whether nothing follows."""
        return not self._nodes

    @property
    def node(self) -> Node:
        """The node whose item is next."""
        return self._nodes[-1]

    @property
    def index(self) -> int:
        """The next item's place in its node."""
        return self._at[-1]

    @property
    def level(self) -> int:
        """The level of the node whose item is next."""
        return self._nodes[-1].level

    @property
    def key(self) -> bytes:
        """The last key of the next item; at level 0, the key of the next entry."""
        return self._nodes[-1].keys[self._at[-1]]

    def entry(self) -> Entry:
        """The next entry (at level 0 only)."""
        leaf = self._nodes[-1]
        assert isinstance(leaf, Leaf)
        return leaf.entry(self._at[-1])

    def advance(self, items: int = 1) -> None:
        """Go past so many items of this node, and out of every node that ends there."""
        self._at[-1] += items
        while self._nodes and self._at[-1] == len(self._nodes[-1].keys):
            self._leave()

    def descend(self) -> None:
        """From before an inner item to before its first item."""
        node = self._nodes[-1]
        assert isinstance(node, Inner)
        self._nodes.append(self._store.load(node.level - 1, node.addresses[self._at[-1]]))
        self._at.append(0)

    def rise(self) -> None:
        """From before the first item of a node to before the node itself."""
        self._nodes.pop()
        self._at.pop()

    def seek(self, key: bytes) -> None:
        """Forward to before the first entry with that key or a greater one."""
        while self._nodes and self._nodes[-1].keys[-1] < key:
            self._leave()
        if self._nodes:
            self._at[-1] = bisect_left(self._nodes[-1].keys, key, self._at[-1])
            while self.level:
                self.descend()
                self._at[-1] = bisect_left(self._nodes[-1].keys, key)

    def seek_end(self) -> None:
        """Forward to the end."""
        self._nodes.clear()
        self._at.clear()

    def ends_after(self, items: int) -> bool:
        """Whether nothing follows so many items of this node."""
        return all(
            at == len(node.keys) - 1 for node, at in zip(self._nodes[:-1], self._at[:-1], strict=True)
        ) and self._at[-1] + items == len(self._nodes[-1].keys)

    def can_rise_with(self, other: Cursor) -> bool:
        """Whether both are at the start of nodes of the same content, below their parents."""
        if self._at[-1] or other._at[-1] or min(len(self._nodes), len(other._nodes)) < 2:
            return False
        return self._nodes[-2].same(self._at[-2], other._nodes[-2], other._at[-2], 1)

    def copy(self, into: Builder, stop: bytes | None, *, through: bool = False, final: bool = False) -> None:
        """Copy what comes before `stop` (None: everything) and go past it.

        Args:
            into: takes the entries, as subtrees where it can.
            stop: exclusive; afterwards the next item is the first entry from there on.
            through: `stop` is the last key of an item here and is copied as well; nothing after it is loaded.
            final: nothing will be added after this, so that the last node of a level may be taken as it is.
        """
        find = bisect_right if through else bisect_left
        while self._nodes:
            self._rise_to_copy(into, stop, through, final)
            node, start = self._nodes[-1], self._at[-1]
            end = len(node.keys) if stop is None else find(node.keys, stop, start)
            if node.level:
                if end == len(node.keys) and not (final or self._closed(node, node.level - 1)):
                    end -= 1
                if end == start or not into.ready(node.level - 1):
                    self.descend()
                    continue
            elif end == start:
                return
            into.take(node, start, end)
            self.advance(end - start)
            if through and node.keys[end - 1] == stop:
                return

    def _rise_to_copy(self, into: Builder, stop: bytes | None, through: bool, final: bool) -> None:
        """Rise while the whole of this node can be copied as one item."""
        while len(self._nodes) > 1 and self._at[-1] == 0:
            node = self._nodes[-1]
            last = node.keys[-1]
            if stop is not None and not (last < stop or (through and last == stop)):
                return
            if not into.ready(node.level) or not (final or self._closed(node, node.level)):
                return
            self.rise()

    def _closed(self, node: Node, level: int) -> bool:
        return self._store.shape.closed(level, node.keys[-1])

    def _leave(self) -> None:
        self.rise()
        if self._at:
            self._at[-1] += 1
