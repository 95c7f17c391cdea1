"""The two forms of a chunk: plain bytes with an id, and the stored bytes of an object.

Invariant: the id is the BLAKE3-256 of the plain bytes, and what `decode` returns has that hash. The stored
form is one format byte and a body; how it is compressed is no part of the identity.
"""

from __future__ import annotations

import threading

import zstandard
from blake3 import blake3

from trunkline.kernel.errors import Corrupt
from trunkline.objects.keys import hash_key

KIND = "chunks"
"""The first segment of the keys of chunks."""

MAX_CHUNK = 8 << 20
"""Bytes of the plain form of a chunk at the most. Part of the format."""

RAW = 0
"""Format byte: the body is the plain bytes."""

_RAW_BYTE = bytes((RAW,))

ZSTD = 1
"""Format byte: the body is one zstd frame that states its content size."""

LEVEL = 1
SAMPLE = 16 << 10
WORTH = 0.95
"""Compressed only if it takes less than this share of the plain size."""

_thread = threading.local()


class Framed:
    """A copy of plain bytes that has the format byte before them already, so that `encode` needs no further one.

    Attributes:
        plain: the bytes.
        stored: their stored form if they are not compressed.
    """

    __slots__ = ("plain", "stored")

    def __init__(self, plain: memoryview) -> None:
        self.stored = b"".join((_RAW_BYTE, plain))
        self.plain = memoryview(self.stored)[1:]

    def __len__(self) -> int:
        return len(self.plain)


def chunk_id(plain: bytes | memoryview) -> bytes:
    """The id of a chunk: 32 bytes."""
    return blake3(plain).digest()


def chunk_key(identity: bytes) -> str:
    """The key of the object that holds a chunk."""
    return hash_key(KIND, identity)


def encode(chunk: bytes | Framed) -> bytes:
    """The stored form of a chunk: compressed where that helps.

    Raises:
        ValueError: more than `MAX_CHUNK` bytes, which no writer makes.
    """
    plain = chunk.plain if isinstance(chunk, Framed) else chunk
    if len(plain) > MAX_CHUNK:
        raise ValueError(f"a chunk of {len(plain)} bytes")
    if _promising(plain):
        body = _compressor().compress(plain)
        if len(body) < WORTH * len(plain):
            return bytes((ZSTD,)) + body
    return chunk.stored if isinstance(chunk, Framed) else _RAW_BYTE + chunk


HEAD = 32
"""Bytes of a stored chunk from which `plain_length` knows how long the plain bytes are."""


def plain_length(head: bytes, stored: int) -> int:
    """How long a chunk is that begins so and has so many stored bytes; -1 if it is none. Nothing is verified."""
    if head[:1] == bytes((RAW,)):
        return stored - 1
    if head[:1] != bytes((ZSTD,)):
        return -1
    try:
        return int(zstandard.frame_content_size(head[1:]))
    except zstandard.ZstdError:
        return -1


def decode(identity: bytes, stored: bytes) -> bytes:
    """The plain bytes of a chunk, verified.

    Never takes more memory than `MAX_CHUNK` beside the stored bytes, whatever they claim.

    Raises:
        Corrupt: the stored bytes are not those of this chunk.
    """
    return bytes(verified(identity, stored))


def verified(identity: bytes, stored: bytes) -> memoryview:
    """As `decode`, without a copy of what is stored as it is."""
    plain = _plain(identity, stored)
    if blake3(plain).digest() != identity:
        raise altered(identity, "its bytes do not have its hash")
    return plain


def altered(identity: bytes, reason: str) -> Corrupt:
    """The error for a chunk that is not what it was."""
    return Corrupt(
        f"chunk {identity.hex()}: {reason}; the object {chunk_key(identity)} was altered: restore it from a "
        "copy of the store, or remove it and put the content again"
    )


def _plain(identity: bytes, stored: bytes) -> memoryview:
    if len(stored) == 0:
        raise altered(identity, "its object is empty")
    if stored[0] == RAW:
        if len(stored) > MAX_CHUNK + 1:
            raise altered(identity, "it is longer than any chunk")
        return memoryview(stored)[1:]
    if stored[0] != ZSTD:
        raise altered(identity, f"unknown format {stored[0]}")
    body = memoryview(stored)[1:]
    try:
        # The size that the frame states is what the decompressor takes memory for, so it is looked at first.
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= MAX_CHUNK:
            raise altered(identity, "it is longer than any chunk")
        return memoryview(_decompressor().decompress(body, allow_extra_data=False))
    except zstandard.ZstdError:
        raise altered(identity, "its bytes cannot be decompressed") from None


def _promising(plain: bytes | memoryview) -> bool:
    """Whether compression is worth a try, judged by three samples of a long chunk."""
    if len(plain) <= 4 * SAMPLE:
        return True
    middle = len(plain) // 2
    sample = b"".join((plain[:SAMPLE], plain[middle : middle + SAMPLE], plain[-SAMPLE:]))
    return len(_compressor().compress(sample)) < WORTH * len(sample)


def _compressor() -> zstandard.ZstdCompressor:
    # One for each thread: they keep working memory and may not be shared.
    compressor = getattr(_thread, "compressor", None)
    if compressor is None:
        compressor = _thread.compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    decompressor = getattr(_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _thread.decompressor = zstandard.ZstdDecompressor()
    return decompressor
