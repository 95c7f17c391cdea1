"""The interface of every object store, and of every wrapper around one.

Invariant: an object is written once. What `put` has acknowledged is durable and whole; what `has` has
confirmed is durable too, so a writer may skip what is there and still promise durability to its own caller.
What the bytes mean, and whether they are what they should be, is for `content` and `maps` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class ObjectStore(Protocol):
    """Named, immutable byte strings. Safe for threads; over a folder, safe for processes too.

    Keys have the form that `trunkline.objects.keys.check_key` describes, and no key is a folder of another.
    Every method may raise `InvalidRequest` (a key of another form, an object above
    `trunkline.objects.keys.LARGEST_OBJECT`) and `StorageFailed` (the medium; the message names the key).
    """

    def put(self, key: str, data: bytes) -> None:
        """Stores an object: all of it or nothing, durable when this returns.

        A key is written once: one that exists is left as it is.

        Raises:
            StorageFull: no room; nothing of the object is visible.
        """
        ...

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Stores several objects, all durable when this returns, for one wait for the disk if possible.

        After an error some of them may be there, each of them whole. The items are taken one by one, so a
        generator need not hold them all.

        Raises:
            StorageFull: no room.
        """
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes, as they were put.

        Raises:
            ObjectMissing: no object of that key.
        """
        ...

    def has(self, key: str) -> bool:
        """Whether the object is there, and will be after a crash."""
        ...

    def delete(self, key: str) -> None:
        """Removes an object; one that is not there is fine."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with the prefix, in any order.

        Objects that come or go meanwhile may be among them or not.
        """
        ...

    def size(self, key: str) -> int:
        """The length of the stored object in bytes.

        Raises:
            ObjectMissing: no object of that key.
        """
        ...
