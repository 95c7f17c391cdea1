"""An object store in memory: the fake that tests use, and the smallest statement of the interface."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from trunkline.kernel.errors import ObjectMissing
from trunkline.objects.inventory import Item
from trunkline.objects.keys import check_key, check_object


class MemoryStore:
    """A dictionary behind the interface `ObjectStore`. Durable as long as the process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        check_object(key, data)
        with self._lock:
            self._objects.setdefault(key, bytes(data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        for key, data in items:
            self.put(key, data)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        check_key(key)
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            raise ObjectMissing(f"object {key} is missing from the store in memory")
        return data

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        check_key(key)
        with self._lock:
            return key in self._objects

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        with self._lock:
            found = [key for key in self._objects if key.startswith(prefix)]
        return iter(found)

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        with self._lock:
            found = [Item(key, len(data)) for key, data in self._objects.items() if key.startswith(prefix)]
        return iter(found)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return len(self.get(key))
