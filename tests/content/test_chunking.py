"""Where files are cut: always at the same places, at few others after a change, and near the average."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.chunking import MIN_CHUNK, Chunker
from trunkline.content.codec import MAX_CHUNK
from trunkline.testing.content import noise, parts


def cut(data: bytes, length: int = 1 << 20) -> list[bytes]:
    chunker = Chunker()
    found = [chunk for part in parts(data, length) for chunk in chunker.feed(part)]
    return [bytes(chunk.plain) for chunk in (*found, *chunker.finish())]


def by_the_book(data: bytes) -> list[int]:
    """The lengths of the chunks by the words of docs/format.md, a byte at a time."""
    lengths = []
    while data:
        length = min(MIN_CHUNK, len(data))
        while length < min(MAX_CHUNK, len(data)) and not is_cut(data[length - 32 : length]):
            length += 1
        lengths.append(length)
        data = data[length:]
    return lengths


def is_cut(window: bytes) -> bool:
    a, b, c, d = struct.unpack("<4I", window[16:])
    if ((a * 0x9E3779B1 + b) * 0x85EBCA6B + c * 0x9E3779B1 + d) * 0x9E3779B1 % 2**32 < 2**32 - 2**22:
        return False
    value = 0
    for word in struct.unpack("<4Q", window):
        value = (value + word) * 0x9E3779B97F4A7C15 % 2**64
    return value >= 2**64 - 2**54


TEXT = b"".join(b"%d,%d.%06d,%s\n" % (n, n % 97, n * 7919 % 10**6, b"abc"[: n % 4]) for n in range(250_000))


def test_the_cuts_never_change():
    assert [len(chunk) for chunk in cut(noise("golden", 16 << 20))] == [
        1196211,
        1402832,
        1069198,
        1287030,
        1642512,
        1099326,
        2871044,
        1028041,
        2022467,
        1756714,
        837862,
        563979,
    ]
    assert [len(chunk) for chunk in cut(TEXT)] == [859621, 846136, 1142573, 807819, 1081961]


@pytest.mark.parametrize("data", [noise("book", 3 << 20), TEXT[: 3 << 20], bytes(900_000)])
def test_the_cuts_are_those_of_the_document(data):
    assert [len(chunk) for chunk in cut(data)] == by_the_book(data)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 5 << 20), st.lists(st.integers(1, 2 << 20), min_size=1, max_size=5))
def test_the_parts_in_which_bytes_arrive_do_not_matter(length, sizes):
    data = noise("parts", length)
    chunker = Chunker()
    found = []
    at = turn = 0
    while at < length:
        size = sizes[turn % len(sizes)]
        found += chunker.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    found += chunker.finish()
    assert b"".join(chunk.plain for chunk in found) == data
    assert [bytes(chunk.plain) for chunk in found] == cut(data)


@pytest.mark.parametrize("where", [0, 1, 6_000_000, 19_999_999])
def test_an_insertion_makes_few_new_chunks(where):
    data = noise("insertion", 20_000_000)
    before = set(cut(data))
    after = cut(data[:where] + b"a few more bytes" + data[where:])
    assert len([chunk for chunk in after if chunk not in before]) <= 3
    assert len(after) > 8


def test_sizes():
    chunks = [len(chunk) for chunk in cut(noise("sizes", 64 << 20))]
    assert 1 << 20 < sum(chunks) / len(chunks) < 2 << 20
    assert all(MIN_CHUNK <= length <= MAX_CHUNK for length in chunks[:-1])


@pytest.mark.parametrize("letters", [b"ACGT", b"01", b"\0\xff", b"0123456789"])
def test_content_of_few_letters_is_cut_like_any_other(letters):
    drawn = noise("letters", 16 << 20)
    data = drawn.translate(bytes(letters[byte % len(letters)] for byte in range(256)))
    chunks = cut(data)
    assert 1 << 20 < len(data) / len(chunks) < 3 << 20
    assert len(set(cut(b"more" + data)) - set(chunks)) <= 3


@pytest.mark.parametrize("byte", [0, 65, 127, 128, 255])
def test_content_without_any_place_to_cut(byte):
    chunks = cut(bytes([byte]) * (20 << 20))
    assert [len(chunk) for chunk in chunks] == [MAX_CHUNK, MAX_CHUNK, 4 << 20]


@pytest.mark.parametrize("length", [0, 1, MIN_CHUNK - 1, MIN_CHUNK, MIN_CHUNK + 1])
def test_short_streams(length):
    data = noise("short", length)
    assert cut(data) == ([data] if data else [])
