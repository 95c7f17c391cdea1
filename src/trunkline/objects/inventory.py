"""Listing a store with the sizes and ages of its objects, in one go where the store can.

Invariant: nothing is said of an object that the store did not say; a store that only lists keys is asked for each size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import ObjectMissing
from trunkline.objects.protocol import ObjectStore


class Item(NamedTuple):
    """An object in a listing.

    Attributes:
        size: bytes, as stored.
        written: when, by the clock of the store; None if it does not say.
    """

    key: str
    size: int
    written: Nanos | None = None


@runtime_checkable
class Inventoried(Protocol):
    """A store whose listing tells more than keys."""

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """The objects whose keys begin with the prefix, in any order; as `ObjectStore.keys`."""
        ...


def inventory(store: ObjectStore, prefix: str = "") -> Iterator[Item]:
    """The objects of any store, in any order.

    Raises:
        StorageFailed: the store cannot be listed.
    """
    if isinstance(store, Inventoried):
        yield from store.inventory(prefix)
        return
    for key in store.keys(prefix):
        try:
            yield Item(key, store.size(key))
        except ObjectMissing:
            continue  # deleted since it was listed
