"""A store that counts: calls, errors and bytes for each operation. Plain numbers, for whoever exports them.

Invariant: counting changes nothing of what the store below does or answers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from trunkline.objects.inventory import Item, inventory
from trunkline.objects.presence import head
from trunkline.objects.protocol import ObjectStore

OPERATIONS = ("put", "put_many", "get", "has", "delete", "keys", "size")


@dataclass
class Count:
    """What happened to one operation.

    Attributes:
        calls: how often it was called.
        errors: how many of the calls raised.
        objects: objects (or keys) handed over or back.
        bytes: bytes of objects handed over or back.
    """

    calls: int = 0
    errors: int = 0
    objects: int = 0
    bytes: int = 0


class MeteredStore:
    """A wrapper of an `ObjectStore` with counters."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._counts = {name: Count() for name in OPERATIONS}

    def counts(self) -> dict[str, Count]:
        """A copy of the counters, by the name of the operation."""
        with self._lock:
            return {name: replace(count) for name, count in self._counts.items()}

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        with self._call("put"):
            self._inner.put(key, data)
        self._moved("put", len(data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        with self._call("put_many"):
            self._inner.put_many(self._passing(items))

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        with self._call("get"):
            data = self._inner.get(key)
        self._moved("get", len(data))
        return data

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        with self._call("has"):
            return self._inner.has(key)

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        with self._call("get"):
            data = head(self._inner, key, length)
        self._moved("get", len(data))
        return data

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        with self._call("delete"):
            self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        with self._call("keys"):
            for key in self._inner.keys(prefix):
                self._moved("keys", 0)
                yield key

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        with self._call("keys"):
            for item in inventory(self._inner, prefix):
                self._moved("keys", 0)
                yield item

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        with self._call("size"):
            return self._inner.size(key)

    def _passing(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._moved("put_many", len(data))
            yield key, data

    def _moved(self, operation: str, size: int) -> None:
        with self._lock:
            count = self._counts[operation]
            count.objects += 1
            count.bytes += size

    @contextmanager
    def _call(self, operation: str) -> Iterator[None]:
        with self._lock:
            self._counts[operation].calls += 1
        try:
            yield
        except Exception:
            with self._lock:
                self._counts[operation].errors += 1
            raise
