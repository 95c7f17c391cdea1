"""Nodes as bytes: the plain form that is hashed, and the packed form that is stored.

Plain node: magic and version (4 bytes), level (1), length of the identity section (4, big-endian),
identity, aux. Both sections are MessagePack of columns. digest = BLAKE3 of tag, level and identity; address
= BLAKE3 of the plain node. Packed: a format byte, then the plain node as it is or zstd-compressed.

Invariant: equal columns give equal plain bytes, whichever version of a compressor is at hand; so
compression has no say in any hash.
"""

from __future__ import annotations

import struct
import threading
from typing import Any, Final

import msgspec
import zstandard
from blake3 import blake3

from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.maps.node import Inner, Leaf, Node
from trunkline.objects.keys import LARGEST_OBJECT, hash_key

_MAGIC: Final = b"TKM\x01"
_HEADER: Final = struct.Struct(">4sBI")
_DIGEST_TAG: Final = b"trunkline map node 1\x00"
_RAW: Final = b"\x00"
_ZSTD: Final = b"\x01"
_ZSTD_LEVEL: Final = 1
_LONGEST_PLAIN: Final = 512 << 20  # bytes; bounds what a damaged frame header can make us allocate

_encoder: Final = msgspec.msgpack.Encoder()
_leaf_identity: Final = msgspec.msgpack.Decoder(tuple[list[bytes], list[bytes], list[int]])
_inner_identity: Final = msgspec.msgpack.Decoder(tuple[list[bytes], list[bytes], list[int], list[int]])
_last_column: Final = msgspec.msgpack.Decoder(list[bytes])


class _Compressors(threading.local):
    """zstd contexts serve one thread at a time."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd: Final = _Compressors()


def object_key(address: bytes) -> str:
    """Where the store keeps the node."""
    return hash_key("nodes", address)


def damaged(address: bytes, reason: str) -> Corrupt:
    """The error for a node that is there but not what it was."""
    return Corrupt(
        f"map node {address.hex()} is damaged: {reason}; run pachctl fsck to see what needs it, "
        "then restore the object store from a copy"
    )


def node_digest(node: Node) -> bytes:
    """The digest of the node's identity."""
    return _digest(node.level, _encoder.encode(node.columns[:-1]))


def encode(node: Node) -> tuple[bytes, bytes]:
    """The node's digest and its plain bytes."""
    identity = _encoder.encode(node.columns[:-1])
    header = _HEADER.pack(_MAGIC, node.level, len(identity))
    return _digest(node.level, identity), b"".join((header, identity, _encoder.encode(node.columns[-1])))


def _digest(level: int, identity: bytes) -> bytes:
    return blake3(_DIGEST_TAG + bytes((level,))).update(identity).digest()


def address_of(plain: bytes) -> bytes:
    """The address of a plain node."""
    return blake3(plain).digest()


def pack(plain: bytes) -> bytes:
    """The stored form of a plain node.

    Raises:
        InvalidRequest: no store would take it, or no reader; a node is as long as its entries make it.
    """
    compressed = _zstd.compress(plain)
    packed = _ZSTD + compressed if len(compressed) < len(plain) else _RAW + plain
    if len(packed) > LARGEST_OBJECT or len(plain) > _LONGEST_PLAIN:
        raise InvalidRequest(
            f"map node of {len(plain)} bytes is too long to be stored: keep the values and aux of entries small"
        )
    return packed


def unpack(packed: bytes, address: bytes) -> bytes:
    """The plain node that `pack` was given, verified.

    Raises:
        Corrupt: the bytes are not those of the node at `address`.
    """
    form, body = packed[:1], packed[1:]
    if form == _RAW:
        plain = body
    elif form == _ZSTD:
        plain = _decompressed(body, address)
    else:
        raise damaged(address, "unknown form of storage")
    verify(plain, address)
    return plain


def verify(plain: bytes, address: bytes) -> None:
    """Raises `Corrupt` unless the plain node is the one of that address."""
    if address_of(plain) != address:
        raise damaged(address, "its bytes have another hash")


def _decompressed(body: bytes, address: bytes) -> bytes:
    try:
        if zstandard.get_frame_parameters(body).content_size > _LONGEST_PLAIN:
            raise damaged(address, "it claims an impossible length")
        plain: bytes = _zstd.decompress(body)
    except zstandard.ZstdError as error:
        raise damaged(address, "it does not decompress") from error
    return plain


def decode(plain: bytes, level: int, address: bytes) -> Node:
    """The node, given its verified plain bytes and the level that its parent (or root) says.

    Raises:
        Corrupt: another version or level, or columns that do not fit; whoever wrote it was not this code.
    """
    if len(plain) < _HEADER.size:
        raise damaged(address, "it is too short")
    magic, own_level, length = _HEADER.unpack_from(plain)
    if magic != _MAGIC:
        raise damaged(address, "it is no map node of a version known here")
    if own_level != level:
        raise damaged(address, f"it is of level {own_level} where level {level} is needed")
    body = memoryview(plain)[_HEADER.size :]
    try:
        columns = _columns(level, body[:length], body[length:])
    except msgspec.MsgspecError as error:
        raise damaged(address, str(error)) from error
    if not columns[0] or len({len(column) for column in columns}) != 1:
        raise damaged(address, "its columns do not fit each other")
    return Inner(level, *columns) if level else Leaf(*columns)


def _columns(level: int, identity: memoryview, last: memoryview) -> tuple[list[Any], ...]:
    decoder: msgspec.msgpack.Decoder[Any] = _inner_identity if level else _leaf_identity
    return *decoder.decode(identity), _last_column.decode(last)
