"""Faults at a chosen step: an error before it, an answer lost after it happened, or somebody else coming between.

A step is one transaction of the catalog, or one operation of the object store. `Faults` counts them; the catalog and
the store below it do what they always do, but for the one step that is to go wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from trunkline.catalog import Catalog, Tx, Watch
from trunkline.kernel.errors import StorageFailed
from trunkline.objects.protocol import ObjectStore

T = TypeVar("T")

BEFORE, AFTER, BETWEEN = "before", "after", "between"


class Faults:
    """Which step goes wrong, and how. It counts while `on`.

    Attributes:
        steps: what was done so far, by name.
        at: the number of the step that goes wrong, from 0; None for none.
        how: `BEFORE`: it fails and nothing happened; `AFTER`: it happens, and then there is an error in place of an
            answer; `BETWEEN`: before it, `between` is called in a thread of its own, and waited for.
    """

    def __init__(self) -> None:
        self.on = False
        self.steps: list[str] = []
        self.at: int | None = None
        self.how = BEFORE
        self.between: Callable[[], object] = lambda: None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around each step."""
        mine = self.on and len(self.steps) == self.at
        if self.on:
            self.steps.append(name)
        if mine and self.how == BEFORE:
            raise StorageFailed(f"{name}: a fault before it")
        if mine and self.how == BETWEEN:
            self.on = False
            visitor = threading.Thread(target=self.between)
            visitor.start()
            visitor.join()
            self.on = True
        yield
        if mine and self.how == AFTER:
            raise StorageFailed(f"{name}: the answer is lost")


class FaultyCatalog:
    """A wrapper of a `Catalog` with faults."""

    def __init__(self, inner: Catalog, faults: Faults) -> None:
        self._inner, self._faults = inner, faults

    @property
    def watch(self) -> Watch:
        """As `Catalog.watch`."""
        return self._inner.watch

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """As `Catalog.read`; an answer cannot be lost, so that AFTER is nothing."""
        lost = self._faults.how == AFTER
        if not lost:
            with self._faults.step("read"):
                pass
        with self._inner.read() as tx:
            yield tx

    def write(self, change: Callable[[Tx], T]) -> T:
        """As `Catalog.write`."""
        with self._faults.step("write"):
            return self._inner.write(change)

    def leading(self) -> AbstractContextManager[bool]:
        """As `Catalog.leading`."""
        return self._inner.leading()

    def others(self) -> int:
        """As `Catalog.others`."""
        return self._inner.others()

    def alone(self) -> AbstractContextManager[Callable[[], bool]]:
        """As `Catalog.alone`."""
        return self._inner.alone()

    def close(self) -> None:
        """As `Catalog.close`."""
        self._inner.close()


class StepStore:
    """A wrapper of an `ObjectStore` with faults."""

    def __init__(self, inner: ObjectStore, faults: Faults) -> None:
        self._inner, self._faults = inner, faults

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        with self._faults.step("put"):
            self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`, each object a step."""
        for key, data in items:
            with self._faults.step("put_many"):
                self._inner.put(key, data)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        with self._faults.step("get"):
            return self._inner.get(key)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        with self._faults.step("has"):
            return self._inner.has(key)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        with self._faults.step("delete"):
            self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        with self._faults.step("keys"):
            return self._inner.keys(prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        with self._faults.step("size"):
            return self._inner.size(key)
