"""What a store may do at once that others do in steps: say which of many objects are there, read a beginning.

Invariant: the answers are those of `ObjectStore.has` and `ObjectStore.get`: what is said to be there is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

from trunkline.objects.protocol import ObjectStore

Answer = TypeVar("Answer")


@runtime_checkable
class AsksForMany(Protocol):
    """A store for which a question is expensive, because somebody far away answers it."""

    def missing(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that the store lacks; the others are there, and will be after a crash."""
        ...


@runtime_checkable
class Sink(AsksForMany, Protocol):
    """What a writer of content needs of a store."""

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        ...


def missing(store: ObjectStore | AsksForMany, keys: Iterable[str]) -> set[str]:
    """Those of the keys that a store lacks.

    Raises:
        StorageFailed: it cannot be asked.
    """
    asked = dict.fromkeys(keys)
    if isinstance(store, AsksForMany):
        return store.missing(asked)
    return {key for key in asked if not store.has(key)}


@runtime_checkable
class WorksForThreads(Protocol):
    """A store that tells threads apart."""

    def for_threads(self) -> ObjectStore:
        """The store for other threads that work for the calling one."""
        ...


@runtime_checkable
class ReadsHeads(Protocol):
    """A store that can read the beginning of an object without the rest."""

    def head(self, key: str, length: int) -> bytes:
        """The first bytes of an object, at most so many.

        Raises:
            ObjectMissing: no object of that key.
        """
        ...


def head(store: ObjectStore, key: str, length: int) -> bytes:
    """The first bytes of an object.

    Raises:
        ObjectMissing: no object of that key.
        StorageFailed: it cannot be read.
    """
    if isinstance(store, ReadsHeads):
        return store.head(key, length)
    return store.get(key)[:length]


@runtime_checkable
class AsksAtOnce(Protocol):
    """A store for which many questions take hardly longer than one, if they are asked at the same time."""

    def at_once(self, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """Each key with the answer of `ask`, which is called in several threads, in the order of the keys."""
        ...


def at_once(store: ObjectStore, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
    """Each key with what `ask` says of it; at the same time where that helps, and in the order of the keys.

    Raises:
        Exception: what `ask` raised, in its turn.
    """
    if isinstance(store, AsksAtOnce):
        return store.at_once(ask, keys)
    return ((key, ask(key)) for key in keys)
