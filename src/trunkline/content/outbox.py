"""Chunks on their way into the store: each written at most once, in groups.

Invariant: after `Outbox.flush` every chunk that was ever added is in the store and durable. After an error
nothing is forgotten: what was not stored is tried again by the next call.
"""

from __future__ import annotations

from trunkline.content.codec import chunk_id, chunk_key, encode
from trunkline.objects.protocol import ObjectStore

GROUP_BYTES = 16 << 20
"""Stored bytes that wait in memory before a group is handed to the store."""

GROUP_CHUNKS = 64

REMEMBERED = 1 << 16
"""Ids that are remembered as stored, so that the store is not asked again."""


class Outbox:
    """For one writer; not for several threads at once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._waiting: dict[str, bytes] = {}
        self._weight = 0
        self._known: dict[bytes, None] = {}

    def add(self, plain: bytes) -> bytes:
        """Takes a chunk and answers its id. Stores a group when it is full.

        Raises:
            StorageFull, StorageFailed: the group could not be stored.
        """
        identity = chunk_id(plain)
        if identity not in self._known:
            key = chunk_key(identity)
            if not self._store.has(key):
                stored = encode(plain)
                self._waiting[key] = stored
                self._weight += len(stored)
            self._remember(identity)
        if self._weight >= GROUP_BYTES or len(self._waiting) >= GROUP_CHUNKS:
            self.flush()
        return identity

    def flush(self) -> None:
        """Stores what waits.

        Raises:
            StorageFull, StorageFailed: some of it may be stored; all of it is tried again next time.
        """
        if self._waiting:
            self._store.put_many(self._waiting.items())
            self._waiting.clear()
            self._weight = 0

    def _remember(self, identity: bytes) -> None:
        self._known[identity] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
