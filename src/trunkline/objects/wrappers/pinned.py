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

    def __init__(self, inner: ObjectStore, pins: Pins, session: str | None = None) -> None:
        """Args:
        inner: the store below.
        pins: the sessions.
        session: to pin in; None for that of whichever thread calls.
        """
        self._inner = inner
        self._pins = pins
        self._session = session

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        self._pin((key,))
        self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._inner.put_many(self._pinned(items))

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        return self._inner.get(key)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`; true as long as the session lasts."""
        self._pin((key,))
        return self._inner.has(key)

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`; the others are there as long as the session lasts."""
        self._pin(keys)
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

    def for_threads(self) -> ObjectStore:
        """As `trunkline.objects.presence.WorksForThreads.for_threads`: they pin in the calling thread's session."""
        return PinnedStore(self._inner, self._pins, self._pins.bound())

    def _pin(self, keys: Iterable[str]) -> None:
        if self._session is None:
            self._pins.pin(keys)
        else:
            self._pins.add(self._session, keys)

    def _pinned(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._pin((key,))
            yield key, data
