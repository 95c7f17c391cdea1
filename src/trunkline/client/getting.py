"""Reads files by their chunks, straight from the folder of the store; the next ones are fetched and verified meanwhile.

Invariants: no byte is handed out that was not verified as part of its chunk; what is read stays in the store while it
is, because the session keeps it. Where the folder cannot be reached, the public API is as good: it is asked instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from trunkline.client.connection import Calls
from trunkline.client.session import Session
from trunkline.content.codec import altered, chunk_key, verified
from trunkline.content.entry import Slice, slices_of
from trunkline.kernel.errors import NotBuilt
from trunkline.objects.local import LocalStore
from trunkline.wire import content_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs

THREADS = 2
AHEAD = 6
"""Chunks that are fetched before they are asked for; at most 8 MiB each."""


class Located(NamedTuple):
    """A file, and where its bytes lie."""

    path: str
    size: int
    slices: tuple[Slice, ...]


class Folder:
    """Files of a commit, read from the folder of the store. A context manager."""

    def __init__(self, session: Session, calls: Calls) -> None:
        assert session.folder is not None, "made by `reach`"
        self._session, self._calls = session, calls
        self._store = LocalStore(session.folder)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="get")
        self._last: tuple[bytes, memoryview] | None = None

    def __enter__(self) -> Folder:
        self._session.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.__exit__(None, None, None)

    def files(self, file: pfs.File) -> Iterator[Located]:
        """The files that a path or a pattern means; of directories, everything below them.

        Raises:
            NotFound: there are none.
        """
        request = wire.LocateRequest(session=self._session.id, file=file)
        for columns in self._calls.content.Locate(request):
            for path, size, places in zip(columns.paths, columns.sizes, columns.places, strict=True):
                yield Located(path.decode(), size, slices_of(places))

    def read(self, file: Located, offset: int = 0) -> Iterator[memoryview]:
        """The bytes of a file, from an offset on.

        Raises:
            Corrupt: a chunk is missing or altered.
            StorageFailed: the store cannot be read.
        """
        if len(file.slices) == 1 and self._last is not None and self._last[0] == file.slices[0].chunk:
            yield _cut(file.slices[0], self._last[1], offset)  # small files lie side by side
            return
        waiting: deque[tuple[Slice, int, Future[memoryview]]] = deque()
        for part in file.slices:
            skip, offset = min(offset, part.length), max(0, offset - part.length)
            if skip < part.length:
                waiting.append((part, skip, self._threads.submit(self._chunk, part.chunk)))
            if len(waiting) > AHEAD:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def _next(self, waiting: deque[tuple[Slice, int, Future[memoryview]]]) -> memoryview:
        part, skip, future = waiting.popleft()
        plain = future.result()
        self._last = (part.chunk, plain)
        return _cut(part, plain, skip)

    def _chunk(self, identity: bytes) -> memoryview:
        return verified(identity, self._store.get(chunk_key(identity)))


def _cut(part: Slice, plain: memoryview, skip: int) -> memoryview:
    if part.offset < 0 or part.offset + part.length > len(plain):
        raise altered(part.chunk, "a file needs bytes behind its end")
    return plain[part.offset + skip : part.offset + part.length]


def reach(calls: Calls) -> Folder | None:
    """The way by the folder of the store; None if it cannot be reached."""
    try:
        session = Session(calls)
    except NotBuilt:
        return None
    if session.folder is not None:
        return Folder(session, calls)
    with session:  # which ends it
        return None
