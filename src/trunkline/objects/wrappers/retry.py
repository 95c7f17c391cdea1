"""A store that tries again what failed for a passing reason.

Invariant: only `StorageFailed` is tried again, a bounded number of times, for a bounded time, with growing pauses.
A full disk, a missing or an altered object, a bucket that does not let us in will not get better by asking twice.
Everything that a store does may be done twice, also when the first time was carried out and only its answer was lost.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from trunkline.kernel.errors import StorageDenied, StorageFailed
from trunkline.objects.inventory import Item, inventory
from trunkline.objects.presence import head
from trunkline.objects.protocol import ObjectStore

log = logging.getLogger("trunkline.store")

Result = TypeVar("Result")

LONGEST_PAUSE = 5.0
"""Seconds."""

GROUP_OBJECTS = 64
GROUP_BYTES = 32 << 20
"""What one try of `put_many` holds in memory, so that it can be repeated."""


class RetryStore:
    """A wrapper of an `ObjectStore` that repeats. Every operation of a store may be repeated safely."""

    def __init__(
        self,
        inner: ObjectStore,
        *,
        tries: int = 4,
        pause: float = 0.1,
        limit: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        inner: the store below.
        tries: calls at the most, the first included.
        pause: seconds before the second try; doubled for each further one, up to `LONGEST_PAUSE`.
        limit: seconds after the first call in which another try may begin.
        sleep: waits for seconds.
        draw: a number from 0 to 1; each pause is between half of itself and itself, so that many
            clients do not come back at the same moment.
        now: seconds of a clock that only goes forward.
        """
        self._inner = inner
        self._tries = tries
        self._pause = pause
        self._limit = limit
        self._now = now
        self._sleep = sleep
        self._draw = draw

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        self._again(lambda: self._inner.put(key, data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`, in groups that can be repeated."""
        for group in _groups(items):
            self._again(lambda group=group: self._inner.put_many(group))  # type: ignore[misc]

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        return self._again(lambda: self._inner.get(key))

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        return self._again(lambda: self._inner.has(key))

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        return self._again(lambda: head(self._inner, key, length))

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._again(lambda: self._inner.delete(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`; only the beginning is tried again, since what was handed out stays so."""
        return self._begun(lambda: self._inner.keys(prefix))

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        return self._begun(lambda: inventory(self._inner, prefix))

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._again(lambda: self._inner.size(key))

    def _begun(self, call: Callable[[], Iterator[Result]]) -> Iterator[Result]:
        def begin() -> Iterator[Result]:
            rest = call()
            for first in rest:
                return chain([first], rest)
            return iter(())

        return self._again(begin)

    def _again(self, call: Callable[[], Result]) -> Result:
        end = self._now() + self._limit
        for attempt in range(self._tries - 1):
            try:
                return call()
            except StorageDenied:
                raise
            except StorageFailed as error:
                pause = min(self._pause * 2**attempt, LONGEST_PAUSE) * (1 + self._draw()) / 2
                if self._now() + pause > end:
                    raise
                log.warning("the store is asked again", extra={"attempt": attempt + 1, "reason": error.message})
                self._sleep(pause)
        return call()


def _groups(items: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    weight = 0
    for key, data in items:
        group.append((key, data))
        weight += len(data)
        if len(group) >= GROUP_OBJECTS or weight >= GROUP_BYTES:
            yield group
            group, weight = [], 0
    if group:
        yield group
