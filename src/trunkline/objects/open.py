"""The store that the settings ask for: a folder, or a bucket with everything that makes it bearable from afar.

A bucket gets, from the inside out: counters (where they are wanted), repetition, parallel puts, a cache on disk.
Invariant: whoever opens the same address gets the same objects, so that pachd and its workers may open it each for
themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trunkline.kernel.clock import Nanos
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.kernel.secrets import Secrets
from trunkline.objects import location
from trunkline.objects.fresh import get_fresh
from trunkline.objects.local import LocalStore
from trunkline.objects.protocol import ObjectStore
from trunkline.objects.remote import RemoteStore
from trunkline.objects.wrappers.disk import DiskCachedStore
from trunkline.objects.wrappers.parallel import ParallelStore
from trunkline.objects.wrappers.retry import RetryStore

TRIES = 9
LIMIT = 60.0
"""How often, and for how many seconds, an operation on a bucket is tried."""

READ_AHEAD = 8
"""Chunks that readers of a bucket fetch before they are wanted."""

MARK = "about"
MARK_TEXT = b"trunkline object store, format 1\n"
"""The object that the first pachd leaves in a bucket; see `docs/format.md`."""


Meter = Callable[[ObjectStore], ObjectStore]
"""Lays counters around the bare connection, or around the folder."""


def open_store(
    bucket: str, *, folder: Path, cloud: Secrets, cache: Path, cache_bytes: int, meter: Meter = lambda store: store
) -> ObjectStore:
    """The store at an address.

    Args:
        bucket: the address of a bucket, or empty.
        folder: the local store, where no bucket is named.
        cloud: credentials and settings of the bucket's service, by the names of their environment variables.
        cache: a folder for copies of what the bucket holds.
        cache_bytes: bound of these copies; 0 for no cache.
        meter: for whoever wants to know what is asked of the medium.

    Raises:
        InvalidRequest: an address, option or variable that cannot be used.
        NotBuilt: the package for buckets is not installed.
        StorageFailed, StorageFull: the folder cannot be made.
    """
    if not bucket:
        return meter(LocalStore(folder))
    store = meter(RemoteStore(location.parse(bucket), cloud))
    store = ParallelStore(RetryStore(store, tries=TRIES, limit=LIMIT))
    return DiskCachedStore(store, cache, cache_bytes) if cache_bytes else store


def store_of(settings: Settings, now: Nanos, meter: Meter = lambda store: store) -> ObjectStore:
    """The store of one pachd, known to work: what crashed writers left in a folder is swept, a bucket was tried.

    Raises:
        InvalidRequest, NotBuilt, StorageFailed, StorageFull: as `open_store`.
        StorageDenied: the bucket is not there, or may not be read and written; the message says what to do.
    """
    try:
        store = open_store(
            settings.bucket,
            folder=settings.store_path,
            cloud=settings.cloud,
            cache=settings.cache_path,
            cache_bytes=settings.store_cache,
            meter=meter,
        )
        if not settings.bucket:
            LocalStore(settings.store_path).sweep(now)
        else:
            _try(RemoteStore(location.parse(settings.bucket), settings.cloud), where(settings))
    except InvalidRequest as error:
        raise InvalidRequest(f"TRUNKLINE_STORE cannot be used: {error.message}") from None
    return store


def where(settings: Settings) -> str:
    """The store's place as messages name it: a folder, or an address without options."""
    return str(location.parse(settings.bucket)) if settings.bucket else str(settings.store_path)


def _try(bucket: RemoteStore, place: str) -> None:
    """Writes and reads one object, so that trouble shows at the start and not with the first file."""
    store = RetryStore(bucket, tries=3)
    store.put(MARK, MARK_TEXT)
    if get_fresh(store, MARK) != MARK_TEXT:
        raise Corrupt(f"{place} holds an object {MARK!r} that no Trunkline of this version wrote: name another place")
