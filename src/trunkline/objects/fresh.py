"""Reading past caches: for whoever wants to know what the store itself holds, such as `fsck`.

Invariant: it concerns the calling thread, for one read.
"""

from __future__ import annotations

import threading

from trunkline.objects.protocol import ObjectStore

_asked = threading.local()


def get_fresh(store: ObjectStore, key: str) -> bytes:
    """As `ObjectStore.get`, but no cache on disk or in memory between here and the medium answers.

    Raises:
        ObjectMissing, StorageFailed: as `get`.
    """
    before = wanted()
    _asked.fresh = True
    try:
        return store.get(key)
    finally:
        _asked.fresh = before


def wanted() -> bool:
    """Whether this thread asks for the medium's own answer; caches look."""
    return bool(getattr(_asked, "fresh", False))
