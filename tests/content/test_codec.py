"""The stored form of a chunk: what it looks like, and that nothing else passes for it."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trunkline.content import codec
from trunkline.content.codec import MAX_CHUNK, chunk_id, chunk_key, decode, encode
from trunkline.kernel.errors import Corrupt
from trunkline.testing.content import noise


@given(st.binary(max_size=3000), st.integers(1, 400))
def test_there_and_back(data, repeat):
    plain = data * repeat
    assert decode(chunk_id(plain), encode(plain)) == plain


@pytest.mark.parametrize("length", [0, 1, 100, 64 << 10, (64 << 10) + 1, 1 << 20, MAX_CHUNK])
def test_what_does_not_compress_costs_one_byte(length):
    plain = noise("incompressible", length)
    stored = encode(plain)
    assert stored == bytes([codec.RAW]) + plain
    assert decode(chunk_id(plain), stored) == plain


def test_what_compresses_is_compressed():
    plain = b"".join(b"%d,%d\n" % (n, n * n) for n in range(100_000))
    stored = encode(plain)
    assert stored[0] == codec.ZSTD
    assert len(stored) < len(plain) / 2
    assert decode(chunk_id(plain), stored) == plain


def test_a_chunk_in_which_only_the_middle_compresses():
    plain = noise("ends", 20 << 10) + bytes(200 << 10) + noise("more", 20 << 10)
    assert len(encode(plain)) < len(plain) / 2


def test_ids_and_keys_never_change():
    assert chunk_id(b"trunkline").hex() == "5c563f0dc4b0fab2b1aec9f73d9d5bbd1dd3e6ec8d55f1c937345252e6ac3be3"
    assert chunk_key(bytes(range(32))) == f"chunks/00/{bytes(range(32)).hex()}"


PLAIN = b"the plain bytes " * 100


def frame(data: bytes, **options: bool) -> bytes:
    return bytes([codec.ZSTD]) + zstandard.ZstdCompressor(**options).compress(data)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\x02" + PLAIN,
        b"\x00" + PLAIN[:-1],
        b"\x00" + PLAIN + b"x",
        b"\x00" + bytes(MAX_CHUNK + 1),
        b"\x01",
        b"\x01" + PLAIN,
        frame(PLAIN)[:-3],
        frame(PLAIN) + b"x",
        frame(PLAIN) + frame(b"")[1:],
        frame(PLAIN[:-1]),
        frame(PLAIN, write_content_size=False),
    ],
    ids=lambda stored: f"{len(stored)} bytes, {stored[:6].hex()}",
)
def test_anything_else_is_corrupt_and_named(stored):
    identity = chunk_id(PLAIN)
    with pytest.raises(Corrupt, match=f"^chunk {identity.hex()}: ") as caught:
        decode(identity, stored)
    assert "\n" not in str(caught.value)


@given(st.data())
def test_no_altered_bit_passes(data):
    for stored in (encode(PLAIN), bytes([codec.RAW]) + PLAIN):
        at = data.draw(st.integers(0, len(stored) * 8 - 1))
        altered = bytearray(stored)
        altered[at // 8] ^= 1 << at % 8
        with suppress(Corrupt):
            assert decode(chunk_id(PLAIN), bytes(altered)) == PLAIN


def test_a_bomb_takes_no_memory():
    bomb = frame(bytes(512 << 20))
    just_small_enough = frame(bytes(MAX_CHUNK))
    tracemalloc.start()
    for stored in (bomb, just_small_enough):
        with pytest.raises(Corrupt):
            decode(chunk_id(PLAIN), stored)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MAX_CHUNK + (1 << 20)


def test_no_writer_makes_a_longer_chunk():
    with pytest.raises(ValueError):
        encode(bytes(MAX_CHUNK + 1))
