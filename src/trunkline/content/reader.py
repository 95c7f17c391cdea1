"""File entries in, bytes out: any part of a file, from the chunks that hold it and no others.

Invariant: no byte is handed out that was not verified as part of its chunk. Chunks are kept decoded, up to a
number of bytes, and one that several threads want at once is fetched once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future

from trunkline.content.codec import altered, chunk_key, decode
from trunkline.content.entry import FileEntry, Slice
from trunkline.kernel.errors import InvalidRequest
from trunkline.objects.lru import ByteLru
from trunkline.objects.protocol import ObjectStore


class ContentReader:
    """Reads files. Thread-safe."""

    def __init__(self, store: ObjectStore, cache_bytes: int = 64 << 20) -> None:
        """Args:
        store: where the chunks are.
        cache_bytes: plain bytes of chunks to keep.
        """
        self._store = store
        self._cache: ByteLru[bytes] = ByteLru(cache_bytes)
        self._lock = threading.Lock()
        self._fetching: dict[bytes, Future[bytes]] = {}

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

    def _parts(self, file: FileEntry, offset: int, end: int) -> Iterator[bytes]:
        start = 0  # of the slice, within the file
        for part in file.slices:
            if start >= end:
                return
            stop = start + part.length
            if stop > offset:
                yield self._cut(part, max(offset - start, 0), min(end, stop) - start)
            start = stop

    def _cut(self, part: Slice, low: int, high: int) -> bytes:
        plain = self.chunk(part.chunk)
        if part.offset < 0 or part.offset + part.length > len(plain):
            raise altered(part.chunk, "a file needs bytes behind its end")
        return plain[part.offset + low : part.offset + high]

    def _fetch(self, identity: bytes, future: Future[bytes]) -> bytes:
        try:
            plain = decode(identity, self._store.get(chunk_key(identity)))
            self._cache.put(identity, plain)
            future.set_result(plain)
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._fetching[identity]
        return plain
