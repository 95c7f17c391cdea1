"""What a map needs: the objects its nodes are in, and its leaves, whose entries lead on to the chunks.

Everything takes what was seen before, so that many maps cost what they do not share. The callers are garbage
collection and fsck; what an entry means is theirs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trunkline.kernel.errors import Corrupt
from trunkline.maps import codec
from trunkline.maps.node import Inner, Leaf
from trunkline.maps.root import Root
from trunkline.maps.storage import NodeStore


def reachable(store: NodeStore, root: Root, seen: set[str] | None) -> Iterator[str]:
    """The object keys of all nodes; leaves are named by their parents and not read.

    Args:
        store: where the nodes are.
        root: of the map.
        seen: keys that are neither entered nor named again; those named are added to it.
    """
    if not root.count or root.inline:
        return
    waiting = [(root.level, root.address)]
    while waiting:
        level, address = waiting.pop()
        key = codec.object_key(address)
        if seen is not None:
            if key in seen:
                continue
            seen.add(key)
        yield key
        if level:
            node = store.load(level, address)
            assert isinstance(node, Inner)
            waiting.extend((level - 1, child) for child in reversed(node.addresses))


def leaf_auxs(store: NodeStore, root: Root, seen: set[str]) -> Iterator[list[bytes]]:
    """The aux column of every leaf whose object key is not in `seen`; keys of all nodes are added to it."""
    if root.inline:
        yield store.top(root).columns[-1]
        return
    if not root.count:
        return
    waiting = [(root.level, root.address)]
    while waiting:
        level, address = waiting.pop()
        key = codec.object_key(address)
        if key in seen:
            continue
        seen.add(key)
        node = store.load(level, address)
        if isinstance(node, Inner):
            waiting.extend((level - 1, child) for child in reversed(node.addresses))
        else:
            yield node.columns[-1]


def leaves(store: NodeStore, root: Root, seen: set[bytes]) -> Iterator[Leaf]:
    """The leaves whose addresses are not in `seen`; addresses of all nodes that are objects are added to it."""
    if root.inline:
        top = store.top(root)
        assert isinstance(top, Leaf), "only a leaf is inline"
        yield top
        return
    waiting = [(root.level, root.address)] if root.count else []
    while waiting:
        level, address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        node = store.load(level, address)
        if isinstance(node, Inner):
            waiting.extend((level - 1, child) for child in reversed(node.addresses))
        else:
            assert isinstance(node, Leaf)
            yield node


def note_nodes(store: NodeStore, root: Root, seen: set[bytes]) -> None:
    """Adds the addresses of all nodes that are objects to `seen`; leaves are not read."""
    waiting = [(root.level, root.address)] if root.count and not root.inline else []
    while waiting:
        level, address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        if level:
            node = store.load(level, address)
            assert isinstance(node, Inner)
            waiting.extend((level - 1, child) for child in node.addresses)


def any_leaf(store: NodeStore, root: Root, known: dict[bytes, bool], test: Callable[[Leaf], bool]) -> bool:
    """Whether a leaf passes a test; `known` remembers it for nodes, from one map to the next."""

    def below(level: int, address: bytes) -> bool:
        found = known.get(address)
        if found is None:
            node = store.load(level, address)
            if isinstance(node, Inner):
                found = any(below(level - 1, child) for child in node.addresses)
            else:
                assert isinstance(node, Leaf)
                found = test(node)
            known[address] = found
        return found

    if root.inline:
        top = store.top(root)
        assert isinstance(top, Leaf), "only a leaf is inline"
        return test(top)
    return bool(root.count) and below(root.level, root.address)


def broken(store: NodeStore, root: Root, seen: set[bytes]) -> Iterator[tuple[bytes, Corrupt]]:
    """The nodes that cannot be read from the store, with why; each is read once more after the caller had it."""
    waiting = [(root.level, root.address)] if root.count and not root.inline else []
    while waiting:
        level, address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        try:
            node = codec.decode(store.read(address, fresh=True), level, address)
        except Corrupt as error:
            yield address, error
            try:
                node = codec.decode(store.read(address, fresh=True), level, address)
            except Corrupt:
                continue
        if isinstance(node, Inner):
            waiting.extend((level - 1, child) for child in reversed(node.addresses))
