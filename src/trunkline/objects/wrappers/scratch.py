"""A store whose writes stay in memory: for working out what would be, beside what is.

Invariant: the store below is read and never written to; what is put here is gone with the wrapper. Memory: all that is
put.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline.objects.memory import MemoryStore
from trunkline.objects.protocol import ObjectStore


class ScratchStore:
    """A wrapper of an `ObjectStore`."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self._own = MemoryStore()

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`, but durable as long as the wrapper."""
        self._own.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`, but durable as long as the wrapper."""
        self._own.put_many(items)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        return self._own.get(key) if self._own.has(key) else self._inner.get(key)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        return self._own.has(key) or self._inner.has(key)

    def delete(self, key: str) -> None:
        """Removes what was put here; what is below stays."""
        self._own.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        own = set(self._own.keys(prefix))
        yield from own
        yield from (key for key in self._inner.keys(prefix) if key not in own)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._own.size(key) if self._own.has(key) else self._inner.size(key)
