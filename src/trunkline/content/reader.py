"""File entries in, bytes out: any part of a file, from the chunks that hold it and no others.

Invariant: no byte is handed out that was not verified as part of its chunk. Chunks are kept decoded, up to a
number of bytes, and one that several threads want at once is fetched once. From a store that is far away, the chunks
that a reader will want next are fetched while it uses the present one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from trunkline.content.codec import altered, chunk_key, decode
from trunkline.content.entry import FileEntry, Slice
from trunkline.kernel.errors import Corrupt, InvalidRequest, ObjectMissing, TrunklineError
from trunkline.objects.fresh import get_fresh
from trunkline.objects.lru import ByteLru
from trunkline.objects.protocol import ObjectStore


class ContentReader:
    """Reads files. Thread-safe."""

    def __init__(self, store: ObjectStore, cache_bytes: int = 64 << 20, ahead: int = 0) -> None:
        """Args:
        store: where the chunks are.
        cache_bytes: plain bytes of chunks to keep; room for those that are fetched ahead, too.
        ahead: how many chunks to fetch before they are wanted; 0 for none, which is best where a chunk is near.
        """
        self._store = store
        self._cache: ByteLru[bytes] = ByteLru(cache_bytes)
        self._lock = threading.Lock()
        self._fetching: dict[bytes, Future[bytes]] = {}
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(ahead, thread_name_prefix="ahead") if ahead else None

    def read(self, file: FileEntry, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a file, in parts of at most one chunk.

        Args:
            offset: where to begin; at or behind the end there is nothing.
            length: bytes at the most; None for all.

        Raises:
            InvalidRequest: a negative offset or length.
            Corrupt: a chunk is missing (`ObjectMissing`) or altered; the message names it.
            StorageFailed: the store cannot be read.
        """
        if offset < 0 or (length is not None and length < 0):
            raise InvalidRequest(f"offset {offset} and length {length} of a file: give numbers that are not negative")
        end = file.size if length is None else min(file.size, offset + length)
        return self._parts(file, offset, end)

    def chunk(self, identity: bytes) -> bytes:
        """The plain bytes of a chunk.

        Raises:
            Corrupt: missing (`ObjectMissing`) or altered.
            StorageFailed: the store cannot be read.
        """
        plain = self._cache.get(identity)
        if plain is not None:
            return plain
        with self._lock:
            future = self._fetching.get(identity)
            mine = future is None
            if future is None:
                future = self._fetching[identity] = Future()
        return self._fetch(identity, future) if mine else future.result()

    def remembered(self, identity: bytes) -> bytes | None:
        """The plain bytes of a chunk, if they are in memory."""
        return self._cache.get(identity)

    def _parts(self, file: FileEntry, offset: int, end: int) -> Iterator[bytes]:
        start = 0  # of the slice, within the file
        announced = 0  # slices up to here are fetched, or somebody is at it
        for number, part in enumerate(file.slices):
            if start >= end:
                return
            stop = start + part.length
            if stop > offset:
                announced = self._announce(file.slices, max(announced, number + 1), number, end - stop)
                yield self._cut(part, max(offset - start, 0), min(end, stop) - start)
            start = stop

    def _announce(self, slices: Sequence[Slice], announced: int, present: int, room: int) -> int:
        """Begins to fetch what will be wanted next, and answers up to where; `room` bytes follow the present slice."""
        last = min(present + 1 + self._ahead, len(slices))
        room -= sum(part.length for part in slices[present + 1 : announced])
        while self._pool is not None and announced < last and room > 0:
            part = slices[announced]
            if self._cache.get(part.chunk) is None:
                self._pool.submit(self._quietly, part.chunk)
            announced, room = announced + 1, room - part.length
        return announced

    def _quietly(self, identity: bytes) -> None:
        with suppress(TrunklineError):  # whoever wants the chunk asks for it once more, and is told
            self.chunk(identity)

    def _cut(self, part: Slice, low: int, high: int) -> bytes:
        plain = self.chunk(part.chunk)
        if part.offset < 0 or part.offset + part.length > len(plain):
            raise altered(part.chunk, "a file needs bytes behind its end")
        return plain[part.offset + low : part.offset + high]

    def _fetch(self, identity: bytes, future: Future[bytes]) -> bytes:
        try:
            plain = self._decoded(identity)
            self._cache.put(identity, plain)
            future.set_result(plain)
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._fetching[identity]
        return plain

    def _decoded(self, identity: bytes) -> bytes:
        try:
            return decode(identity, self._store.get(chunk_key(identity)))
        except ObjectMissing:
            raise
        except Corrupt:
            # A cache, or the way from the medium, may have been at fault.
            return decode(identity, get_fresh(self._store, chunk_key(identity)))
