"""A store that remembers what it read and wrote lately.

Invariant: what it answers is what the store below answered; objects do not change, so nothing goes stale but
by deletion. `has`, `keys` and `size` always ask below: a memory is no proof that an object is durable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator

from trunkline.objects.fresh import wanted
from trunkline.objects.inventory import Item, inventory
from trunkline.objects.keys import check_key
from trunkline.objects.lru import ByteLru
from trunkline.objects.presence import Answer, at_once, head, missing
from trunkline.objects.protocol import ObjectStore


class CachedStore:
    """A wrapper of an `ObjectStore` with a bounded memory."""

    def __init__(self, inner: ObjectStore, capacity: int) -> None:
        """Args:
        inner: the store below.
        capacity: bytes to remember at the most.
        """
        self._inner = inner
        self._cache: ByteLru[str] = ByteLru(capacity)
        self._lock = threading.Lock()
        self._deletions = 0

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`. Not remembered: the store below may hold the key already."""
        self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._inner.put_many(items)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`, from memory where possible."""
        data = self._cache.get(check_key(key))
        if data is not None and not wanted():
            return data
        before = self._deletions
        data = self._inner.get(key)
        with self._lock:
            # A deletion meanwhile may have been of this very object, which must not come back.
            if self._deletions == before:
                self._cache.put(key, data)
        return data

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        return self._inner.has(key)

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        data = None if wanted() else self._cache.get(check_key(key))
        return head(self._inner, key, length) if data is None else data[:length]

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`."""
        return missing(self._inner, keys)

    def at_once(self, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """As `trunkline.objects.presence.AsksAtOnce.at_once`."""
        return at_once(self._inner, ask, keys)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._inner.delete(key)
        with self._lock:
            self._deletions += 1
            self._cache.discard(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        return self._inner.keys(prefix)

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        return inventory(self._inner, prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._inner.size(key)
