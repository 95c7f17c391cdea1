"""What fsck finds: missing, altered and misplaced bytes, each chunk looked at once."""

from __future__ import annotations

import pytest

from trunkline.content.check import Seen, check_file, check_hash
from trunkline.content.codec import chunk_id, chunk_key, encode
from trunkline.content.entry import FileEntry, Slice
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import StorageFailed
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.testing.content import noise, write_files
from trunkline.testing.objects import FaultyStore, failing


def test_sound_files_have_no_problems_and_each_chunk_is_read_once():
    store = MeteredStore(MemoryStore())
    files = write_files(store, [noise(f"sound {n}", 30_000 * n) for n in range(40)])
    seen: Seen = {}
    assert [problem for file in files for problem in check_file(store, file, seen)] == []
    assert store.counts()["get"].calls == len(set(store.keys())) == len(seen)
    reader = ContentReader(store)
    assert [problem for file in files for problem in check_hash(reader, file)] == []


def test_every_file_of_a_missing_chunk_is_told():
    store = MemoryStore()
    files = write_files(store, [b"one", b"two"])
    store.delete(chunk_key(files[0].slices[0].chunk))
    seen: Seen = {}
    for file in files:
        (problem,) = check_file(store, file, seen)
        assert file.slices[0].chunk.hex() in problem
        assert "missing" in problem


def test_an_altered_chunk_is_told_once_for_a_file():
    store = MemoryStore()
    (file,) = write_files(store, [b"one"])
    key = chunk_key(file.slices[0].chunk)
    store.delete(key)
    store.put(key, encode(b"two"))
    twice = FileEntry(6, file.hash, file.slices * 2)
    (problem,) = check_file(store, twice, {})
    assert "altered" in problem


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (FileEntry(6, bytes(32), (Slice(chunk_id(b"12345"), 0, 6),)), "it has 5"),
        (FileEntry(2, bytes(32), (Slice(chunk_id(b"12345"), -1, 2),)), "it has 5"),
        (FileEntry(0, bytes(32), (Slice(chunk_id(b"12345"), 2, 0),)), "it has 5"),
        (FileEntry(4, bytes(32), (Slice(chunk_id(b"12345"), 0, 5),)), "its size is 4"),
        (FileEntry(5, bytes(31), (Slice(chunk_id(b"12345"), 0, 5),)), "its hash has 31 bytes"),
        (FileEntry(5, bytes(32), (Slice(b"short", 0, 5),)), "chunk id has 5 bytes"),
    ],
)
def test_entries_that_cannot_be(file, words):
    store = MemoryStore()
    write_files(store, [b"12345"])
    (problem,) = check_file(store, file, {})
    assert words in problem


def test_a_misplaced_slice_is_found_by_its_hash():
    store = MemoryStore()
    one, two = write_files(store, [b"11111", b"22222"])
    crossed = FileEntry(5, one.hash, two.slices)
    assert list(check_file(store, crossed, {})) == []
    assert list(check_hash(ContentReader(store), crossed)) == ["its bytes do not have its hash"]


def test_a_store_that_cannot_be_read_says_nothing_about_files():
    inner = MemoryStore()
    (file,) = write_files(inner, [b"one"])
    store = FaultyStore(inner, failing(StorageFailed("the network"), 1, ["get"]))
    seen: Seen = {}
    with pytest.raises(StorageFailed):
        list(check_file(store, file, seen))
    assert list(check_file(store, file, seen)) == []
