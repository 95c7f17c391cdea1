"""Chunks on their way into the store: each written at most once, in groups, while the next ones are made.

A full group is stored by a thread of its own; so whoever cuts and hashes does not wait for the disk, and there
are at most two groups in memory. Whether the store has the chunks already is asked once for each group, by the
thread that adds them.
Invariant: after `Outbox.flush` every chunk that was ever added is in the store and durable. After an error
nothing is forgotten: what was not stored is tried again by the next call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from trunkline.content.codec import Framed, chunk_key, encode
from trunkline.objects.presence import Sink, WorksForThreads, missing
from trunkline.objects.protocol import ObjectStore

GROUP_BYTES = 12 << 20
"""Plain bytes that wait in memory before a group is handed to the store."""

GROUP_CHUNKS = 64

REMEMBERED = 1 << 16
"""Ids that are remembered as stored, so that the store is not asked again."""


class Outbox:
    """For one writer; not for several threads at once."""

    def __init__(self, store: ObjectStore | Sink, group_bytes: int = GROUP_BYTES) -> None:
        self._store, self._group_bytes = store, group_bytes
        self._waiting: dict[str, bytes | Framed] = {}
        self._weight = 0
        self._known: dict[bytes, None] = {}
        self._flight: _Flight | None = None

    def add(self, plain: bytes | Framed, identity: bytes) -> bytes:
        """Takes a chunk and answers its id, which is given. Stores a group when it is full.

        Raises:
            StorageFull, StorageFailed: a group could not be stored.
        """
        if identity not in self._known:
            self._waiting[chunk_key(identity)] = plain
            self._weight += len(plain)
            self._remember(identity)
        if self._weight >= self._group_bytes or len(self._waiting) >= GROUP_CHUNKS:
            self._launch()
        return identity

    def flush(self) -> None:
        """Stores what waits.

        Raises:
            StorageFull, StorageFailed: some of it may be stored; all of it is tried again next time.
        """
        self._land()
        if self._waiting:
            self._store.put_many(_encoded(self._lacking()))
            self._forget_waiting()

    def _launch(self) -> None:
        """Begins to store what waits, once the group before is stored."""
        self._land()
        lacking = self._lacking()
        if lacking:
            store = self._store.for_threads() if isinstance(self._store, WorksForThreads) else self._store
            self._flight = _Flight(store, lacking)
        self._forget_waiting()

    def _land(self) -> None:
        """Waits for the group under way; one that failed waits again, and the error is told."""
        flight, self._flight = self._flight, None
        if flight is not None:
            error = flight.wait()
            if error is not None:
                self._waiting = flight.chunks | self._waiting
                self._weight = sum(map(len, self._waiting.values()))
                raise error

    def _lacking(self) -> dict[str, bytes | Framed]:
        lacking = missing(self._store, self._waiting)
        return {key: plain for key, plain in self._waiting.items() if key in lacking}

    def _forget_waiting(self) -> None:
        self._waiting = {}
        self._weight = 0

    def _remember(self, identity: bytes) -> None:
        self._known[identity] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]


class _Flight:
    """A group that is being stored."""

    def __init__(self, store: ObjectStore | Sink, chunks: dict[str, bytes | Framed]) -> None:
        self.chunks = chunks
        self._store = store
        self._error: BaseException | None = None
        # A daemon: a store that hangs must not keep a process that was told to end.
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def wait(self) -> BaseException | None:
        """Why it could not be stored; None if it was."""
        self._thread.join()
        return self._error

    def _run(self) -> None:
        try:
            self._store.put_many(_encoded(self.chunks))
        except BaseException as error:
            self._error = error


def _encoded(chunks: dict[str, bytes | Framed]) -> Iterator[tuple[str, bytes]]:
    pairs: Iterable[tuple[str, bytes | Framed]] = chunks.items()
    return ((key, encode(plain)) for key, plain in pairs)
