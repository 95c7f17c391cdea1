"""What a map needs: the objects its nodes are in, and the aux of its entries, which leads on to the chunks.

Both take a set of what was seen before, so that many maps cost what they do not share. The callers are garbage
collection and fsck; what an aux means is theirs to know.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.maps import codec
from trunkline.maps.node import Inner
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
