"""Readers of a store that is far away fetch what they will want next."""

from __future__ import annotations

import threading

import pytest

from trunkline.content.codec import chunk_key
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import ObjectMissing
from trunkline.objects.memory import MemoryStore
from trunkline.testing.content import noise, write_files


class Far(MemoryStore):
    """A store whose first reads all wait until so many have begun."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.begun = threading.Barrier(together)
        self.free = threading.Event()
        self.asked: list[str] = []

    def get(self, key: str) -> bytes:
        self.asked.append(key)
        if not self.free.is_set():
            self.begun.wait(30)
            self.free.set()
        return super().get(key)


def test_what_will_be_wanted_next_is_fetched_meanwhile():
    data = noise("ahead", 12 << 20)
    store = Far(4)
    [file] = write_files(store, [data])
    reader = ContentReader(store, 64 << 20, ahead=3)
    parts = reader.read(file)
    first = next(parts)  # ends only if four reads are under way at once
    assert first + b"".join(parts) == data
    assert len(store.asked) == len(set(store.asked)) == len({part.chunk for part in file.slices})


def test_nothing_behind_the_wanted_end_is_fetched_ahead():
    data = noise("ahead", 12 << 20)
    store = Far(1)
    [file] = write_files(store, [data])
    reader = ContentReader(store, 64 << 20, ahead=50)
    length = file.slices[0].length + 1
    assert b"".join(reader.read(file, 0, length)) == data[:length]
    assert len(store.asked) == 2


def test_a_chunk_that_is_missing_ahead_is_told_when_it_is_wanted():
    data = noise("ahead", 12 << 20)
    store = Far(1)
    [file] = write_files(store, [data])
    store.delete(chunk_key(file.slices[2].chunk))
    parts = ContentReader(store, 64 << 20, ahead=5).read(file)
    next(parts)
    next(parts)
    with pytest.raises(ObjectMissing, match=file.slices[2].chunk.hex()):
        next(parts)
