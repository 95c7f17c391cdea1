"""Files in, files out: any sizes and order, in few objects, within bounded memory, through errors."""

from __future__ import annotations

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.chunking import MIN_CHUNK
from trunkline.content.codec import MAX_CHUNK, chunk_id, chunk_key
from trunkline.content.entry import FileEntry, Slice
from trunkline.content.packing import PACK_FILE, PACK_MAX, PACK_MIN
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import Corrupt, InvalidRequest, ObjectMissing, StorageFailed, StorageFull
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.testing.content import noise, parts, read_file, write_file, write_files
from trunkline.testing.objects import FaultyStore, corrupting, failing, full_after

lengths = st.one_of(
    st.integers(0, 100),
    st.integers(0, 100_000),
    st.integers(PACK_FILE - 3, PACK_FILE + 3),
    st.integers(MIN_CHUNK - 3, MIN_CHUNK + 3),
    st.integers(MIN_CHUNK, 4_000_000),
)
files = st.lists(st.tuples(st.integers(0, 3), lengths), max_size=12)


@settings(deadline=None, max_examples=40)
@given(files, st.integers(1000, 3_000_000))
def test_what_was_written_can_be_read(described, part_length):
    contents = [noise(f"file {seed}", length) for seed, length in described]
    store = MemoryStore()
    writer = ContentWriter(store)
    pending = [writer.add(parts(content, part_length)) for content in contents]
    writer.flush()
    for content, each in zip(contents, pending, strict=True):
        file = each.file("tag")
        assert file == FileEntry(len(content), blake3(content).digest(), file.slices, "tag")
        assert (each.size, each.hash) == (file.size, file.hash)
        assert read_file(store, file) == content
        assert all(each.length > 0 for each in file.slices)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2_500_000), st.integers(0, 3_000_000), st.one_of(st.none(), st.integers(0, 3_000_000)))
def test_any_part_of_a_file(size, offset, length):
    store = MemoryStore()
    content = noise("parts of it", size)
    file = write_file(store, content)
    got = b"".join(ContentReader(store).read(file, offset, length))
    assert got == content[offset : None if length is None else offset + length]


def test_a_part_is_read_without_the_other_chunks():
    store = MeteredStore(MemoryStore())
    file = write_file(store, noise("long", 12 << 20))
    assert len(file.slices) > 5
    before = store.counts()["get"].calls
    reader = ContentReader(store)
    middle = sum(each.length for each in file.slices[:3])
    assert b"".join(reader.read(file, middle + 10, 100)) == noise("long", 12 << 20)[middle + 10 : middle + 110]
    assert store.counts()["get"].calls == before + 1
    list(reader.read(file, middle, file.slices[3].length))
    assert store.counts()["get"].calls == before + 1


def test_nothing_is_read_before_it_is_asked_for():
    store = MeteredStore(MemoryStore())
    file = write_file(store, noise("lazy", 3 << 20))
    before = store.counts()["get"].calls
    stream = ContentReader(store).read(file)
    assert store.counts()["get"].calls == before
    next(stream)
    assert store.counts()["get"].calls == before + 1


@pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1)])
def test_a_negative_range(offset, length):
    with pytest.raises(InvalidRequest):
        ContentReader(MemoryStore()).read(FileEntry(0, bytes(32)), offset, length)


def test_five_thousand_small_files_are_few_objects():
    store = MemoryStore()
    contents = [noise(f"small {number}", 1024) for number in range(5000)]
    written = write_files(store, contents)
    assert len(list(store.keys())) <= 8
    assert [read_file(store, file) for file in written[::500]] == contents[::500]
    sizes = {}
    for file in written:
        (part,) = file.slices
        sizes[part.chunk] = max(sizes.get(part.chunk, 0), part.offset + part.length)
    assert all(PACK_MIN <= size <= PACK_MAX for size in list(sizes.values())[:-1])


def test_one_more_small_file_moves_few_packs():
    contents = [noise(f"small {number}", 20_000) for number in range(600)]
    store = MeteredStore(MemoryStore())
    write_files(store, contents)
    first = store.counts()["put_many"].objects
    assert first > 6
    write_files(store, [*contents[:200], b"one more", *contents[200:]])
    assert store.counts()["put_many"].objects - first <= 3
    again = store.counts()["put_many"].objects
    write_files(store, contents)
    assert store.counts()["put_many"].objects == again


def test_equal_small_files_in_a_stream_are_stored_once():
    store = MemoryStore()
    content = noise("the same", 1000)
    written = write_files(store, [content] * 2000 + [b"", b""])
    assert len({file.slices for file in written[:2000]}) == 1
    (key,) = store.keys()
    assert store.size(key) < 1100
    assert written[-1] == FileEntry(0, blake3(b"").digest())


def test_a_long_file_written_again_writes_nothing():
    store = MeteredStore(MemoryStore())
    content = noise("again", 8 << 20)
    first = write_file(store, content)
    before = store.counts()["put_many"].objects
    assert write_file(store, content) == first
    assert store.counts()["put_many"].objects == before


def test_a_small_change_in_a_long_file_writes_little():
    store = MeteredStore(MemoryStore())
    content = noise("a long one", 20_000_000)
    write_file(store, content)
    before = store.counts()["put_many"].objects
    changed = content[:9_000_000] + b"inserted" + content[9_000_000:]
    assert read_file(store, write_file(store, changed)) == changed
    assert store.counts()["put_many"].objects - before <= 3


def test_layout_never_changes():
    contents = [noise(f"layout {number}", 3000 * number) for number in range(120)]
    written = write_files(MemoryStore(), contents)
    borders = [n for n in range(1, 120) if written[n].slices and written[n].slices[0].offset == 0]
    assert borders == [
        1,
        19,
        29,
        39,
        43,
        56,
        65,
        67,
        69,
        73,
        76,
        79,
        89,
        90,
        94,
        96,
        100,
        103,
        104,
        107,
        109,
        113,
        114,
        116,
        118,
    ]


def test_a_stream_is_not_held_in_memory():
    class Sink(MemoryStore):
        def put(self, key: str, data: bytes) -> None:
            super().put(key, b"")

    def stream():
        for number in range(96):
            yield noise(f"part {number}", 1 << 20)

    writer = ContentWriter(Sink())
    writer.add(noise("warm up", PACK_FILE))
    tracemalloc.start()
    assert writer.add(stream()).size == 96 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48 << 20


def test_an_entry_before_the_flush_is_a_mistake():
    writer = ContentWriter(MemoryStore())
    small = writer.add(b"small")
    with pytest.raises(RuntimeError, match="flush"):
        small.file()
    long = writer.add(noise("long", 1 << 20))
    with pytest.raises(RuntimeError, match="flush"):
        long.file()
    writer.flush()
    later = writer.add(b"later")
    assert small.file().size == 5
    assert long.file().size == 1 << 20
    with pytest.raises(RuntimeError, match="flush"):
        later.file()


def test_a_source_that_breaks_does_not_break_the_writer():
    def broken(length):
        yield noise("broken", length)
        raise KeyError("the source broke")

    store = MemoryStore()
    writer = ContentWriter(store)
    first = writer.add(b"first")
    for length in (100, 3 << 20):
        with pytest.raises(KeyError):
            writer.add(broken(length))
    last = writer.add(b"last")
    writer.flush()
    assert read_file(store, first.file()) == b"first"
    assert read_file(store, last.file()) == b"last"


@pytest.mark.parametrize("room", [0, 1, 5])
def test_a_full_store_loses_nothing_and_may_be_tried_again(room):
    inner = MemoryStore()
    before = write_file(inner, noise("before", 2 << 20))
    store = FaultyStore(inner, full_after(room))
    writer = ContentWriter(store)
    contents = [noise(f"file {number}", 300_000) for number in range(30)]
    pending = [writer.add(content) for content in contents]
    for _ in range(2):
        with pytest.raises(StorageFull):
            writer.flush()
        with pytest.raises(RuntimeError):
            pending[-1].file()
    assert read_file(store, before) == noise("before", 2 << 20)
    store.rule = lambda operation, key: None
    writer.flush()
    assert [read_file(inner, each.file()) for each in pending] == contents


def test_a_store_that_fails_in_the_middle_of_a_file():
    inner = MemoryStore()
    store = FaultyStore(inner, failing(StorageFailed("the network"), 1, ["put_many"]))
    writer = ContentWriter(store)
    content = noise("long", 40 << 20)
    with pytest.raises(StorageFailed):
        writer.add(parts(content, 1 << 20))
    again = writer.add(parts(content, 1 << 20))
    writer.flush()
    assert read_file(inner, again.file()) == content


def test_an_altered_chunk_is_named_and_never_handed_out():
    inner = MemoryStore()
    file = write_file(inner, noise("altered", 3 << 20))
    bad = file.slices[1].chunk
    store = FaultyStore(inner, corrupting(lambda key: key == chunk_key(bad), lambda data: data[:-1] + b"?"))
    reader = ContentReader(store)
    stream = reader.read(file)
    assert next(stream) == noise("altered", 3 << 20)[: file.slices[0].length]
    with pytest.raises(Corrupt, match=bad.hex()):
        next(stream)
    store.rule = lambda operation, key: None
    assert b"".join(reader.read(file)) == noise("altered", 3 << 20)


def test_a_missing_chunk_is_named():
    store = MemoryStore()
    file = write_file(store, b"content")
    store.delete(chunk_key(file.slices[0].chunk))
    with pytest.raises(ObjectMissing, match=file.slices[0].chunk.hex()):
        read_file(store, file)


@pytest.mark.parametrize(("offset", "length"), [(0, 6), (5, 1), (3, 3), (-1, 2)])
def test_a_slice_outside_its_chunk(offset, length):
    store = MemoryStore()
    write_file(store, b"12345")
    file = FileEntry(length, bytes(32), (Slice(chunk_id(b"12345"), offset, length),))
    with pytest.raises(Corrupt, match=chunk_id(b"12345").hex()):
        read_file(store, file)


def test_threads_that_want_one_chunk_fetch_it_once():
    inner = MemoryStore()
    file = write_file(inner, noise("wanted", 400_000))
    entered, go = threading.Event(), threading.Event()

    def rule(operation, key):
        if operation == "get":
            entered.set()
            go.wait(20)

    metered = MeteredStore(FaultyStore(inner, rule))
    reader = ContentReader(metered)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(lambda: b"".join(reader.read(file))) for _ in range(4)]
        assert entered.wait(20)
        go.set()
        assert {result.result() for result in results} == {noise("wanted", 400_000)}
    assert metered.counts()["get"].calls == 1


def test_the_cache_of_a_reader_is_bounded():
    store = MeteredStore(MemoryStore())
    file = write_file(store, noise("bounded", 6 << 20))
    reader = ContentReader(store, cache_bytes=MAX_CHUNK // 4)
    for _ in range(2):
        assert sum(len(part) for part in reader.read(file)) == 6 << 20
    assert store.counts()["get"].calls == 2 * len(file.slices)


def test_on_a_disk(tmp_path):
    store = LocalStore(tmp_path)
    contents = [noise(f"disk {number}", 50_000 * number) for number in range(15)]
    written = write_files(store, contents)
    assert [read_file(LocalStore(tmp_path), file) for file in written] == contents
