"""Whose store it is: each catalog that uses a store leaves an object with its id in it.

A collection sees the roots of its own catalog only, so it would take everything that another one needs for garbage: of
an installation that was given the same bucket, or of the same home before it was told to use another catalog.
Invariant: nothing is collected while the claim of another catalog is there; whoever knows that it is gone removes it.
"""

from __future__ import annotations

from trunkline.kernel.errors import FailedPrecondition
from trunkline.objects.protocol import ObjectStore

CLAIMS = "catalogs/"
"""What the keys of claims begin with; the rest is the id of the catalog."""


def claim(store: ObjectStore, cluster: str) -> None:
    """Says that a catalog uses a store; before it does.

    Raises:
        StorageFailed, StorageFull: the store does not take it.
    """
    store.put(CLAIMS + cluster, f"used by the catalog {cluster}\n".encode())


def check(store: ObjectStore, cluster: str) -> None:
    """Refuses to go on if another catalog uses the store.

    Raises:
        FailedPrecondition: one does, or did.
    """
    others = sorted(key for key in store.keys(CLAIMS) if key != CLAIMS + cluster)
    if others:
        raise FailedPrecondition(
            f"the store holds the files of another catalog too, and what those need is not known here: if it is gone "
            f"for good, remove the object {others[0]} from the store, and repeat the call"
        )
