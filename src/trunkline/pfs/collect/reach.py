"""From roots to the objects that they need.

Invariant: what is not found out here is not there: a node that is missing or altered is an error, unless the caller
says that the root's row may be gone. Costs the number of distinct nodes, whatever the number of roots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from trunkline.content.entry import slices_of
from trunkline.kernel.errors import Corrupt
from trunkline.maps import Maps, Root
from trunkline.maps.node import Leaf
from trunkline.pfs.holding import FILES, NODES, OPERATIONS
from trunkline.pfs.layers import Operation

CACHE_BYTES = 8 << 20
"""Of decoded nodes. Small: each node is wanted once."""

_decoder = msgspec.msgpack.Decoder(Operation)

ChunkIds = set[bytes]


class Reach:
    """What some roots lead to. Memory: about 130 bytes for each node.

    Attributes:
        nodes: the addresses of all nodes, by the kind of map that they were met in.
    """

    def __init__(self, maps: Maps) -> None:
        self._maps = maps
        self.nodes: dict[str, set[bytes]] = {FILES: set(), OPERATIONS: set(), NODES: set()}

    def follow(self, kind: str, packed: bytes) -> Iterator[ChunkIds]:
        """The chunks that a root needs, a leaf at a time; leaves that were met before are left out.

        Raises:
            Corrupt: a node is missing or altered.
        """
        root = Root.unpack(packed)
        if kind == NODES:
            self._maps.note_nodes(root, self.nodes[kind])
            return
        for leaf in self._maps.leaves(root, self.nodes[kind]):
            yield chunks_of(kind, leaf)

    def has_node(self, address: bytes) -> bool:
        """Whether a node was met."""
        return any(address in seen for seen in self.nodes.values())


def chunks_of(kind: str, leaf: Leaf) -> ChunkIds:
    """The ids of the chunks that the entries of a leaf name.

    Raises:
        Corrupt: an entry is not what the kind says.
    """
    if kind == FILES:
        return {part.chunk for aux in leaf.auxs for part in slices_of(aux)}
    try:
        operations = [_decoder.decode(value) for value in leaf.values]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"an operation of a layer cannot be read ({error}); run pachctl fsck") from error
    return {piece.chunk for one in operations for file in one.parts for piece in file.slices}


class Search:
    """Which roots lead to one chunk, or one node."""

    def __init__(self, maps: Maps, digest: bytes) -> None:
        self._maps, self._digest = maps, digest
        self._known: dict[str, dict[bytes, bool]] = {FILES: {}, OPERATIONS: {}, NODES: {}}
        for known in self._known.values():
            known[digest] = True  # as a node

    def finds(self, kind: str, packed: bytes) -> bool:
        """Whether a root does.

        Raises:
            Corrupt: a node is missing or altered.
        """
        test: Callable[[Leaf], bool] = lambda leaf: kind != NODES and self._digest in chunks_of(kind, leaf)  # noqa: E731
        return self._maps.any_leaf(Root.unpack(packed), self._known[kind], test)
