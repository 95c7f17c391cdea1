"""Appending: the same bytes at the price of the new ones, and hashes that can be relied on."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.append import MOST_SHORT, READ_AGAIN, SHORT, Shortened, coalesce, join
from trunkline.content.entry import FileEntry, Slice
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.testing.content import noise, read_file, write_file, write_files


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=8), st.booleans())
def test_joined_files_have_the_bytes_of_all(sizes, together):
    store = MemoryStore()
    reader = ContentReader(store)
    contents = [noise(f"append {n}", size) for n, size in enumerate(sizes)]
    files = write_files(store, contents) if together else [write_file(store, each) for each in contents]
    joined = files[0]
    for each in files[1:]:
        joined = join(joined, each, reader)
    whole = b"".join(contents)
    assert read_file(store, joined) == whole
    assert joined.size == len(whole)
    if joined.size <= READ_AGAIN:
        assert joined.hash == blake3(whole).digest()


def test_the_price_does_not_depend_on_the_old_file():
    store = MeteredStore(MemoryStore())
    old, new = write_file(store, noise("old", 20 << 20)), write_file(store, b"new")
    before = store.counts()
    joined = join(old, new, ContentReader(store))
    assert store.counts() == before
    assert joined.slices == old.slices + new.slices


def test_the_hash_of_a_long_joined_file_follows_what_was_joined():
    store = MemoryStore()
    reader = ContentReader(store)
    old, new, other = write_files(store, [noise("old", 2 << 20), b"new", b"other"])
    joined = join(old, new, reader)
    assert joined.hash == join(old, new, reader).hash
    assert joined.hash != join(old, other, reader).hash
    assert joined.hash != join(new, old, reader).hash
    assert joined.hash != blake3(noise("old", 2 << 20) + b"new").digest()


def test_the_hash_of_a_joined_file_never_changes():
    reader = ContentReader(MemoryStore())
    joined = join(FileEntry(READ_AGAIN, bytes(32)), FileEntry(3, bytes(range(32))), reader)
    assert joined.hash.hex() == "e88892200567c9620ce30d6f7102843fc5a9702f804556285d0052f6f8bc5f5f"


def test_an_empty_side_changes_nothing_but_the_tag():
    store = MemoryStore()
    reader = ContentReader(store)
    empty, full = write_files(store, [b"", b"full"])
    new = FileEntry(empty.size, empty.hash, empty.slices, "late")
    assert join(full, new, reader) == FileEntry(full.size, full.hash, full.slices, "late")
    assert join(empty, full, reader) == full


def test_neighbours_in_one_chunk_become_one_slice():
    a, b = bytes(32), bytes(range(32))
    given_slices = [Slice(a, 0, 5), Slice(a, 5, 2), Slice(b, 7, 1), Slice(b, 9, 1), Slice(a, 7, 3)]
    assert coalesce(given_slices) == (Slice(a, 0, 7), Slice(b, 7, 1), Slice(b, 9, 1), Slice(a, 7, 3))
    assert coalesce([]) == ()


@pytest.mark.parametrize("start", [0, 3 << 20])
def test_many_small_appends_keep_a_short_entry(start):
    store = MeteredStore(MemoryStore())
    reader = ContentReader(store)
    file = write_file(store, noise("start", start))
    content = noise("start", start)
    appends = 4 * MOST_SHORT
    for number in range(appends):
        line = b"%d\n" % number * 200
        file = join(file, write_file(store, line), reader)
        content += line
        if Shortened.needed(file):
            writer = ContentWriter(store)
            shortened = Shortened(file, reader, writer)
            writer.flush()
            assert (shortened.file().size, shortened.file().hash) == (file.size, file.hash)
            file = shortened.file("tag")
            assert file.tag == "tag"
    assert read_file(store, file) == content
    assert len(file.slices) <= MOST_SHORT + 5
    # Each time at most one short chunk of the old bytes is written again, beside what was appended.
    rounds = appends // MOST_SHORT
    assert store.counts()["put_many"].bytes < len(content) + rounds * (SHORT + len(content) - start)
