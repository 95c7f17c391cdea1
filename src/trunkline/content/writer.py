"""Bytes in, file entries out: a stream of files is hashed, cut or packed, and stored once.

A file below `PACK_FILE` shares a chunk with its neighbours; a longer one is cut by its content. Memory is
bounded by a few chunks, whatever the length of the stream.
Invariant: an entry can be had only after a `flush` that succeeded, so what an entry names is durable. Chunks
that were written for files which came to nothing are garbage, and harm nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Protocol

from blake3 import blake3

from trunkline.content.chunking import Chunker
from trunkline.content.codec import Framed, chunk_id
from trunkline.content.entry import FileEntry, Slice
from trunkline.content.outbox import GROUP_BYTES, Outbox
from trunkline.content.packing import PACK_FILE, Pack, Place
from trunkline.objects.presence import Sink
from trunkline.objects.protocol import ObjectStore

REPEATS = 1 << 14
"""Small files whose places are remembered, so that equal ones in one stream are stored once."""


HASHED_AHEAD = 3
"""Chunks that may wait to be hashed."""


class _Placed(Protocol):
    def slices(self) -> tuple[Slice, ...] | None: ...


class Pending:
    """A file that was added to a writer.

    Attributes:
        size: bytes.
        hash: BLAKE3-256 of the content.
    """

    __slots__ = ("_number", "_placed", "_writer", "hash", "size")

    def __init__(self, writer: ContentWriter, size: int, digest: bytes, placed: _Placed) -> None:
        self._writer = writer
        self._number = writer.added
        self._placed = placed
        self.size = size
        self.hash = digest

    def file(self, tag: str = "") -> FileEntry:
        """The entry of the file, once the writer was flushed.

        Args:
            tag: who wrote it; travels with the entry.

        Raises:
            RuntimeError: not flushed yet; a mistake in the calling code.
        """
        slices = self._placed.slices()
        if slices is None or self._number > self._writer.durable:
            raise RuntimeError("flush the writer before asking for a file's entry")
        return FileEntry(size=self.size, hash=self.hash, slices=slices, tag=tag)


class ContentWriter:
    """Writes files one after the other. For one thread at a time; several writers may share a store.

    Attributes:
        added: how many files were begun.
        durable: how many of them the last successful `flush` covers.
    """

    def __init__(self, store: ObjectStore | Sink, group_bytes: int = GROUP_BYTES) -> None:
        """Args:
        store: takes the chunks.
        group_bytes: that wait in memory, and as many that are being stored; a disk likes more at once.
        """
        self._outbox = Outbox(store, group_bytes)
        self._pack = Pack()
        self._places: dict[bytes, Place] = {}
        self._chunker: Chunker | None = None
        self._hashing: ThreadPoolExecutor | None = None  # made by the first long file
        self.added = 0
        self.durable = 0

    def add(self, parts: Iterable[bytes | memoryview] | bytes) -> Pending:
        """Adds a file.

        Args:
            parts: the content, in parts of any size; each is done with before the next one is asked for.

        Raises:
            StorageFull, StorageFailed: the store did not take a group of chunks; the file was not added.
            Whatever `parts` raises: the file was not added; the writer can be used on.
        """
        self.added += 1
        if isinstance(parts, bytes) and len(parts) < PACK_FILE:
            return self._add_small(parts)
        stream: Iterator[bytes | memoryview] = iter((parts,)) if isinstance(parts, bytes) else iter(parts)
        head = bytearray()
        for part in stream:
            if len(head) + len(part) >= PACK_FILE:
                return self._add_long(chain((bytes(head), part), stream))
            head += part
        return self._add_small(bytes(head))

    def flush(self) -> None:
        """Makes everything that was added durable; ends the pack.

        Raises:
            StorageFull, StorageFailed: not everything could be stored; it may be tried again.
        """
        self._end_pack()
        self._outbox.flush()
        self.durable = self.added

    def part(self) -> None:
        """Lets what comes next be stored as if by another writer: in other packs, even where it was here before.

        Raises:
            StorageFull, StorageFailed: a group of chunks could not be stored; it may be tried again.
        """
        self._end_pack()
        self._places.clear()

    def _add_small(self, data: bytes) -> Pending:
        digest = blake3(data).digest()
        if not data:
            return Pending(self, 0, digest, _Parts(()))
        place = self._places.get(digest)
        if place is None:
            if not self._pack.fits(len(data)):
                self._end_pack()
            place = self._pack.add(data)
            self._places[digest] = place
            if len(self._places) > REPEATS:
                del self._places[next(iter(self._places))]
            if self._pack.ends_after(digest, len(data)):
                self._end_pack()
        return Pending(self, len(data), digest, place)

    def _add_long(self, parts: Iterator[bytes | memoryview]) -> Pending:
        # Cutting and hashing take turns on one processor, and go side by side on two.
        chunker = self._chunker = self._chunker or Chunker()
        chunker.reset()
        hashing = self._hashing = self._hashing or ThreadPoolExecutor(1, thread_name_prefix="hashing")
        hasher = blake3()

        def hashed(chunk: Framed) -> bytes:
            hasher.update(chunk.plain)
            return chunk_id(chunk.plain)

        slices: list[Slice] = []
        waiting: deque[tuple[Framed, Future[bytes]]] = deque()
        for chunk in chain(chain.from_iterable(map(chunker.feed, parts)), _last(chunker)):
            waiting.append((chunk, hashing.submit(hashed, chunk)))
            if len(waiting) > HASHED_AHEAD:
                slices.append(self._store(*waiting.popleft()))
        slices += [self._store(*each) for each in waiting]
        size = sum(each.length for each in slices)
        return Pending(self, size, hasher.digest(), _Parts(tuple(slices)))

    def _store(self, chunk: Framed, identity: Future[bytes]) -> Slice:
        return Slice(self._outbox.add(chunk, identity.result()), 0, len(chunk))

    def _end_pack(self) -> None:
        if len(self._pack):
            # The old pack stays current if the store fails here, so that a second try finds it.
            content = self._pack.content()
            self._pack.close(self._outbox.add(content, chunk_id(content)))
            self._pack = Pack()


def _last(chunker: Chunker) -> Iterator[Framed]:
    yield from chunker.finish()  # not asked before everything was fed


class _Parts:
    """Where a long file lies: in chunks of its own."""

    __slots__ = ("_slices",)

    def __init__(self, slices: tuple[Slice, ...]) -> None:
        self._slices = slices

    def slices(self) -> tuple[Slice, ...] | None:
        return self._slices
