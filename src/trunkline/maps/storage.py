"""Reading nodes from the object store and writing them to it.

Reading: from the cache, or verified from the store. Writing: nodes gather into groups of a few MiB, each
durable before the next, children no later than their parents; so a root is returned only when everything
below it is safe. Which nodes there are is the builder's business.
"""

from __future__ import annotations

from typing import Protocol

from trunkline.kernel.errors import Corrupt, ObjectMissing
from trunkline.maps import codec
from trunkline.maps.cache import NodeCache
from trunkline.maps.node import Node, Ref, footprint
from trunkline.maps.root import Root
from trunkline.maps.shape import Shape
from trunkline.objects.fresh import get_fresh
from trunkline.objects.protocol import ObjectStore

_GROUP_BYTES = 16 << 20  # packed
_GROUP_NODES = 1024
_LEAST_ENTRY = 7  # bytes that the shortest entry takes in a plain leaf


class NodeStore:
    """The nodes of all maps in one object store. Safe for threads."""

    def __init__(self, objects: ObjectStore, cache_bytes: int, shape: Shape) -> None:
        self.objects = objects
        self.shape = shape
        self.cache = NodeCache(cache_bytes)

    def load(self, level: int, address: bytes) -> Node:
        """The node at `address`.

        Raises:
            ObjectMissing: the store has no such node.
            Corrupt: its bytes are not what they were.
        """
        node = self.cache.get(address)
        if node is None:
            node = self._remember(level, address, self.read(address))
        elif node.level != level:
            raise codec.damaged(address, f"it is of level {node.level} where level {level} is needed")
        return node

    def top(self, root: Root) -> Node:
        """The top node of a map that is not empty."""
        if not root.inline:
            return self.load(root.level, root.address)
        node = self.cache.get(root.address)
        if node is None:
            codec.verify(root.inline, root.address)
            node = self._remember(root.level, root.address, root.inline)
        return node

    def read(self, address: bytes, *, fresh: bool = False) -> bytes:
        """The plain bytes at `address`, from the store and verified; with `fresh`, past every cache of it.

        What does not match is read once more: a cache, or the way from the medium, may have been at fault.
        """
        packed = self._packed(address, fresh)
        try:
            return codec.unpack(packed, address)
        except Corrupt:
            if fresh:
                raise
        return codec.unpack(self._packed(address, True), address)

    def _packed(self, address: bytes, fresh: bool) -> bytes:
        key = codec.object_key(address)
        try:
            return get_fresh(self.objects, key) if fresh else self.objects.get(key)
        except ObjectMissing as error:
            raise ObjectMissing(
                f"map node {address.hex()} is missing from the object store; run pachctl fsck to see what "
                "needs it, then restore the object store from a copy"
            ) from error

    def remembered(self, address: bytes) -> bytes | None:
        """The packed bytes of a node that a cache has: in memory, or one of the store's; None if none has it."""
        node = self.cache.get(address)
        try:
            plain = self.read(address) if node is None else codec.encode(node)[1]
        except Corrupt:
            return None
        return codec.pack(plain) if codec.address_of(plain) == address else None

    def _remember(self, level: int, address: bytes, plain: bytes) -> Node:
        node = codec.decode(plain, level, address)
        self.cache.add(address, node, footprint(node, len(plain)))
        return node


class Sink(Protocol):
    """Where a builder's finished nodes go."""

    def seal(self, node: Node) -> Ref:
        """Take a node that will not change any more."""
        ...

    def flush_if_full(self) -> None:
        """A point at which no node that may turn out to be superfluous is waiting."""
        ...


class Hasher:
    """A sink that only computes digests; the digest stands in for the address, too."""

    def seal(self, node: Node) -> Ref:
        """As `Sink.seal`."""
        digest = codec.node_digest(node)
        return Ref(node.keys[-1], digest, node.count(), node.weight(), digest)

    def flush_if_full(self) -> None:
        """As `Sink.flush_if_full`: nothing waits here."""


class Writer:
    """A sink that stores the nodes of one new map."""

    def __init__(self, store: NodeStore) -> None:
        self._store = store
        self._waiting: list[tuple[int, str, bytes]] = []
        self._bytes = 0

    def seal(self, node: Node) -> Ref:
        """As `Sink.seal`.

        Raises:
            InvalidRequest: the entries make a node that is too long to be stored.
        """
        digest, plain = codec.encode(node)
        address = codec.address_of(plain)
        packed = codec.pack(plain)
        self._waiting.append((node.level, codec.object_key(address), packed))
        self._bytes += len(packed)
        # Cached before it is durable: nothing names it but the root that is not returned yet.
        self._store.cache.add(address, node, footprint(node, len(plain)))
        return Ref(node.keys[-1], digest, node.count(), node.weight(), address)

    def flush_if_full(self) -> None:
        """As `Sink.flush_if_full`: a full group is made durable."""
        if self._bytes >= _GROUP_BYTES or len(self._waiting) >= _GROUP_NODES:
            self._flush()

    def finish(self, level: int, ref: Ref, node: Node) -> Root:
        """The root of the map whose top node is `node`, durable.

        Nodes above `level` were sealed when the last entry seemed not to be the last; they are dropped.
        """
        inline = self._inline(node)
        self._waiting = [] if inline else [item for item in self._waiting if item[0] <= level]
        self._flush()
        return Root(ref.digest, ref.count, ref.weight, level, ref.address, inline)

    def _inline(self, node: Node) -> bytes:
        limit = self._store.shape.inline
        if node.level or len(node.keys) * _LEAST_ENTRY > limit:
            return b""
        plain = codec.encode(node)[1]
        return plain if len(plain) <= limit else b""

    def _flush(self) -> None:
        if self._waiting:
            self._store.objects.put_many((key, packed) for _, key, packed in self._waiting)
        self._waiting = []
        self._bytes = 0
