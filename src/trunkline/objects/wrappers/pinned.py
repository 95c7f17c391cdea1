"""A store that pins what its writers rely on, so that no collection of garbage takes it from under them.

Invariant: a key is pinned, in the session of the calling thread, before the store below is asked about it or given
it. Reading pins nothing: who reads comes from a root.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from trunkline.objects.inventory import Item, inventory
from trunkline.objects.pins import Pins
from trunkline.objects.presence import Answer, at_once, head, missing
from trunkline.objects.protocol import ObjectStore


class PinnedStore:
    """A wrapper of an `ObjectStore`; the outermost one, so that nothing above it remembers what is there."""

    def __init__(self, inner: ObjectStore, pins: Pins) -> None:
        self._inner = inner
        self._pins = pins

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        self._pins.pin((key,))
        self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._inner.put_many(self._pinned(items))

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        return self._inner.get(key)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`; true as long as the session lasts."""
        self._pins.pin((key,))
        return self._inner.has(key)

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`; the others are there as long as the session lasts."""
        self._pins.pin(keys)
        return missing(self._inner, keys)

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        return head(self._inner, key, length)

    def at_once(self, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """As `trunkline.objects.presence.AsksAtOnce.at_once`."""
        return at_once(self._inner, ask, keys)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        return self._inner.keys(prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._inner.size(key)

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        return inventory(self._inner, prefix)

    def _pinned(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._pins.pin((key,))
            yield key, data
