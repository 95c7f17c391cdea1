"""A store that puts several objects at once, and asks about several, where each of it waits for a network.

Invariants: what is on its way never exceeds a number of objects and of bytes; no key is on its way twice at once;
when `put_many` returns or raises, nothing is on its way any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from trunkline.objects.inventory import Item, inventory
from trunkline.objects.keys import check_object
from trunkline.objects.presence import Answer, head
from trunkline.objects.protocol import ObjectStore

THREADS = 16
MOST_BYTES = 64 << 20
"""On the way at once, for one call. One object is taken in any case."""


class ParallelStore:
    """A wrapper of an `ObjectStore` whose `put_many` uses threads."""

    def __init__(self, inner: ObjectStore, threads: int = THREADS) -> None:
        """Args:
        inner: the store below; its `put` is what the threads call.
        threads: puts at once at the most, over all calls.
        """
        self._inner = inner
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store")

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        under_way: dict[Future[None], tuple[str, int]] = {}
        try:
            for key, data in items:
                check_object(key, data)
                while under_way and self._crowded(under_way, key, len(data)):
                    _collect(under_way)
                under_way[self._pool.submit(self._inner.put, key, data)] = (key, len(data))
            while under_way:
                _collect(under_way)
        finally:
            for future in under_way:
                future.cancel()
            wait(under_way)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        return self._inner.get(key)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        return self._inner.has(key)

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        return head(self._inner, key, length)

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`."""
        return {key for key, there in self.at_once(self._inner.has, keys) if not there}

    def at_once(self, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """As `trunkline.objects.presence.AsksAtOnce.at_once`."""
        waiting: deque[tuple[str, Future[Answer]]] = deque()
        try:
            for key in keys:
                if len(waiting) >= self._threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
                waiting.append((key, self._pool.submit(ask, key)))
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        return self._inner.keys(prefix)

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        return inventory(self._inner, prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._inner.size(key)

    def _crowded(self, under_way: dict[Future[None], tuple[str, int]], key: str, size: int) -> bool:
        return (
            len(under_way) >= self._threads
            or any(key == other for other, _ in under_way.values())
            or sum(each for _, each in under_way.values()) + size > MOST_BYTES
        )


def _collect(under_way: dict[Future[None], tuple[str, int]]) -> None:
    """Waits for at least one put, and raises its error if it has one."""
    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
        del under_way[future]
        future.result()
