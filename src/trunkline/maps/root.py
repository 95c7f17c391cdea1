"""The root that names a map.

A `Root` is a value: equal content (aux included) gives an equal root, and `Root.digest` alone compares
content without aux. It is small enough for a catalog row: a map of one small leaf carries its node with it,
so that small maps cost no object.
"""

from __future__ import annotations

from typing import Final

import msgspec

from trunkline.kernel.errors import Corrupt
from trunkline.maps.codec import node_digest
from trunkline.maps.node import empty_node

_VERSION: Final = b"\x01"


class Root(msgspec.Struct, frozen=True, array_like=True):
    """The name of a map.

    Attributes:
        digest: 32 bytes that cover every key, value and weight, and nothing else.
        count: entries.
        weight: sum of the entries' weights.
        level: of the top node; 0 is a leaf.
        address: BLAKE3 of the plain top node; empty for the empty map.
        inline: the plain top node when it is a small leaf, else empty (the node is an object then).
    """

    digest: bytes
    count: int
    weight: int
    level: int
    address: bytes
    inline: bytes

    def pack(self) -> bytes:
        """The root as bytes, for a catalog row or a message."""
        return _VERSION + _encoder.encode(self)

    @classmethod
    def unpack(cls, data: bytes) -> Root:
        """The root that `pack` made.

        Raises:
            Corrupt: the bytes are no root of a version known here.
        """
        if data[:1] != _VERSION:
            raise Corrupt("map root: unknown version; read it with the trunkline that wrote it")
        try:
            return _decoder.decode(data[1:])
        except msgspec.MsgspecError as error:
            raise Corrupt(f"map root: {error}; restore the catalog from a copy") from error


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Root)

EMPTY: Final = Root(node_digest(empty_node(0)), 0, 0, 0, b"", b"")
"""The map of no entries. Its digest is that of a leaf with none, which is never stored."""
