"""Decoded nodes in memory, bounded by bytes, the least recently used leaving first.

Safe for threads. A node in here is one that was verified when it was read, or one that this process made;
`verify` and fsck therefore go round the cache.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from trunkline.maps.node import Node


class NodeCache:
    """Nodes by address.

    Args:
        capacity: bytes of memory, by estimate (`trunkline.maps.node.footprint`); a larger node is not kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._nodes: OrderedDict[bytes, tuple[Node, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes of memory in use, by estimate."""
        return self._used

    def get(self, address: bytes) -> Node | None:
        """The node, which becomes the most recently used one; None when it is not here."""
        with self._lock:
            found = self._nodes.get(address)
            if found is None:
                return None
            self._nodes.move_to_end(address)
            return found[0]

    def add(self, address: bytes, node: Node, size: int) -> None:
        """Keep a node that takes `size` bytes."""
        if size > self._capacity:
            return
        with self._lock:
            if address in self._nodes:
                return
            self._nodes[address] = (node, size)
            self._used += size
            while self._used > self._capacity:
                _, (_, freed) = self._nodes.popitem(last=False)
                self._used -= freed
