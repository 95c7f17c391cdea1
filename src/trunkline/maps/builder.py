"""Growing the canonical tree from the left, out of new entries and of subtrees that exist.

Invariant: the finished tree depends on its entries alone. One node per level is open; an item is added to
it, and if the shape says that a node ends after the item's key, the node is sealed and becomes an item one
level up. A whole subtree may be taken over only where no lower node is open and where it ends because of
its last key, not because its map ended there; `ready` and `Shape.closed` are how the cursor asks. The top
is the lowest level with a single node.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.maps.entry import Entry, entry_aux, entry_key, entry_value, entry_weight
from trunkline.maps.node import Inner, Leaf, Node, Ref, empty_node
from trunkline.maps.storage import NodeStore, Sink


class Builder:
    """Builds one tree; its items must come in the order of their keys."""

    def __init__(self, store: NodeStore, sink: Sink) -> None:
        self._store = store
        self._sink = sink
        self._ends = store.shape.ends
        self._open: list[Node] = [empty_node(0)]
        self._sealed: list[tuple[bytes, Node]] = []  # per level: the last sealed node and its address

    def add(self, entry: Entry) -> None:
        """Add one entry."""
        for column, part in zip(self._open[0].columns, entry, strict=True):
            column.append(part)
        if self._ends(0, entry[0]):
            self._close(0)

    def add_many(self, entries: Sequence[Entry]) -> None:
        """Add entries (a few thousand at a time: four columns of them are made)."""
        keys = list(map(entry_key, entries))
        values, weights = list(map(entry_value, entries)), list(map(entry_weight, entries))
        run = Leaf(keys, values, weights, list(map(entry_aux, entries)))
        start = 0
        for last in self._store.shape.leaf_ends(keys):
            self._open[0].take(run, start, last + 1)
            self._close(0)
            start = last + 1
        self._open[0].take(run, start, len(keys))

    def ready(self, level: int) -> bool:
        """Whether no node of `level` or below is open, so that whole nodes of `level` may follow."""
        return not any(node.keys for node in self._open[: level + 1])

    def take(self, node: Node, start: int, stop: int) -> None:
        """Add the items [start, stop) of a node of another tree.

        Only its last item can be one that a node ends after, since that tree is canonical too.
        """
        level = node.level
        self._at(level).take(node, start, stop)
        if stop == len(node.keys) and self._ends(level, node.keys[-1]):
            self._close(level)

    def finish(self) -> tuple[int, Ref, Node] | None:
        """The level, reference and content of the top node; None when nothing was added."""
        for level in range(len(self._open) - 1):
            if self._open[level].keys:
                self._seal(level)
        level = len(self._open) - 1
        last = self._open[level]
        if not last.keys:
            return None
        if isinstance(last, Inner) and len(last.keys) == 1:
            level, ref = level - 1, last.child(0)
        else:
            ref = self._seal(level)
        return self._lowest(level, ref)

    def _lowest(self, level: int, ref: Ref) -> tuple[int, Ref, Node]:
        """Step down while there is a single child: the top is the lowest level with one node."""
        while True:
            node = self._content(level, ref)
            if not isinstance(node, Inner) or len(node.keys) > 1:
                return level, ref, node
            level, ref = level - 1, node.child(0)

    def _content(self, level: int, ref: Ref) -> Node:
        if level < len(self._sealed):
            address, node = self._sealed[level]
            if address == ref.address:
                return node
        return self._store.load(level, ref.address)

    def _close(self, level: int) -> None:
        """Seal the open node of `level` and of every level above it that ends after the same key."""
        self._sink.flush_if_full()
        while True:
            key = self._seal(level).key
            level += 1
            if not self._ends(level, key):
                return

    def _seal(self, level: int) -> Ref:
        node = self._open[level]
        self._open[level] = empty_node(level)
        ref = self._sink.seal(node)
        while len(self._sealed) <= level:
            self._sealed.append((b"", node))
        self._sealed[level] = (ref.address, node)
        parent = self._at(level + 1)
        assert isinstance(parent, Inner)
        parent.append(ref)
        return ref

    def _at(self, level: int) -> Node:
        while len(self._open) <= level:
            self._open.append(empty_node(len(self._open)))
        return self._open[level]
