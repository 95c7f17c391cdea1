"""Where files are cut: always at the same places, at few others after a change, and near the average."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.chunking import LOOSE, MIN_CHUNK, NORMAL_CHUNK, STRICT, Chunker, gear
from trunkline.content.codec import MAX_CHUNK
from trunkline.testing.content import noise, parts


def cut(data: bytes, length: int = 1 << 20) -> list[bytes]:
    chunker = Chunker()
    found = [chunk for part in parts(data, length) for chunk in chunker.feed(part)]
    return found + list(chunker.finish())


def by_the_book(data: bytes) -> list[int]:
    """The lengths of the chunks by the words of docs/format.md, a byte at a time."""
    table = gear()
    lengths = []
    while data:
        length = min(MIN_CHUNK, len(data))
        value = 0
        for byte in data[length - 32 : length]:
            value = (2 * value + table[byte]) % 2**32
        while length < min(MAX_CHUNK, len(data)) and value >= (STRICT if length < NORMAL_CHUNK else LOOSE):
            value = (2 * value + table[data[length]]) % 2**32
            length += 1
        lengths.append(length)
        data = data[length:]
    return lengths


TEXT = b"".join(b"%d,%d.%06d,%s\n" % (n, n % 97, n * 7919 % 10**6, b"abc"[: n % 4]) for n in range(250_000))


def test_the_cuts_never_change():
    table = b"".join(word.to_bytes(4, "little") for word in gear())
    assert blake3(table).hexdigest() == "17c8cc61b413dea03c0d1729f96616ed25a76dd1568293d9bd4ddb684f97aa3c"
    assert [len(chunk) for chunk in cut(noise("golden", 16 << 20))] == [
        1477938,
        1027976,
        1406383,
        1061081,
        1766960,
        1182241,
        1075362,
        708224,
        1449362,
        1239503,
        1090468,
        1738362,
        1553356,
    ]
    assert [len(chunk) for chunk in cut(TEXT)] == [1783418, 1495035, 1459657]


@pytest.mark.parametrize("data", [noise("book", 3 << 20), TEXT[: 3 << 20], bytes(700_000)])
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
    assert b"".join(found) == data
    assert found == cut(data)


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


@pytest.mark.parametrize("byte", [0, 65, 255])
def test_content_without_any_place_to_cut(byte):
    chunks = cut(bytes([byte]) * (20 << 20))
    assert [len(chunk) for chunk in chunks] == [MAX_CHUNK, MAX_CHUNK, 4 << 20]


@pytest.mark.parametrize("length", [0, 1, MIN_CHUNK - 1, MIN_CHUNK, MIN_CHUNK + 1])
def test_short_streams(length):
    data = noise("short", length)
    assert cut(data) == ([data] if data else [])
