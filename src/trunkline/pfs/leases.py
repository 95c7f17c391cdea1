"""Which file sets are there: those whose lease is not over, and those that the cache keeps.

Invariant: everybody who uses a file set asks here, so that one is gone for all at the same time.
"""

from __future__ import annotations

from trunkline.catalog import Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import NotFound

ALIVE = "(expires > ? OR EXISTS (SELECT 1 FROM cache_file_sets AS kept WHERE kept.file_set = file_sets.id))"
"""A condition on `file_sets`; its parameter is the time."""

OVER = "(expires <= ? AND NOT EXISTS (SELECT 1 FROM cache_file_sets AS kept WHERE kept.file_set = file_sets.id))"
"""The opposite."""


def need(tx: Tx, name: str, now: Nanos) -> Nanos:
    """When a file set was made.

    Raises:
        NotFound: there is none, or its lease is over.
    """
    row = tx.row(f"SELECT created FROM file_sets WHERE id = ? AND {ALIVE}", (name, now))
    if row is None:
        raise NotFound(f"file set {name} not found: there is none, or its lease is over (renew it in time)")
    return Nanos(row["created"])
