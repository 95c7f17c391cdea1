"""A cache on disk in front of a store that is far away, shared by all processes of one home.

A cached object is a file: a checksum of key and bytes, then the bytes; it appears by a rename, so it is whole, and
one that rotted does not match and is fetched again. Invariants: what it answers is what the store below answered;
`has`, `keys` and `size` always ask below, since a copy is no proof that an object is durable; trouble with the
cache's own disk costs speed and nothing else. The bound may be passed by an eighth for each process that writes,
until one of them sweeps.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import xxhash

from trunkline.objects.fresh import wanted
from trunkline.objects.inventory import Item, inventory
from trunkline.objects.keys import check_key
from trunkline.objects.presence import Answer, at_once, head, missing
from trunkline.objects.protocol import ObjectStore

log = logging.getLogger("trunkline.store")

_SUM = 16  # bytes of the checksum
_LONGEST_NAME = 200
_SWEEP_TO = 0.8


class DiskCachedStore:
    """A wrapper of an `ObjectStore` with a bounded folder of copies."""

    def __init__(self, inner: ObjectStore, folder: Path, capacity: int) -> None:
        """Args:
        inner: the store below.
        folder: for copies only; several processes may share it, and it may be removed at any time.
        capacity: bytes of copies to keep at the most.
        """
        self._inner = inner
        self._folder = folder
        self._capacity = capacity
        self._lock = threading.Lock()
        self._deletions = 0
        self._unswept: int | None = None  # bytes written since the last sweep; None: none yet

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`. No copy is kept: the store below may hold the key already."""
        self._inner.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._inner.put_many(items)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`, from the folder where possible."""
        place = self._place(check_key(key))
        if wanted():
            return self._inner.get(key)
        data = _read(place, key)
        if data is not None:
            return data
        before = self._deletions
        data = self._inner.get(key)
        if len(key) <= _LONGEST_NAME and len(data) <= self._capacity // 8:
            self._keep(place, key, data, before)
        return data

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        return self._inner.has(key)

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        data = None if wanted() else _read(self._place(check_key(key)), key)
        return head(self._inner, key, length) if data is None else data[:length]

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`."""
        return missing(self._inner, keys)

    def at_once(self, ask: Callable[[str], Answer], keys: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """As `trunkline.objects.presence.AsksAtOnce.at_once`."""
        return at_once(self._inner, ask, keys)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._inner.delete(key)
        with self._lock:
            self._deletions += 1
            _remove(self._place(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        return self._inner.keys(prefix)

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        return inventory(self._inner, prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        return self._inner.size(key)

    def _place(self, key: str) -> Path:
        name = key.replace("/", "+")  # which no key has
        return self._folder / xxhash.xxh3_64_hexdigest(key.encode())[:2] / name

    def _keep(self, place: Path, key: str, data: bytes, before: int) -> None:
        draft = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}.new"
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(_sum(key, data) + data)
            with self._lock:
                # A deletion meanwhile may have been of this very object, which must not come back.
                if self._deletions == before:
                    draft.replace(place)
            due = self._unswept is None or self._unswept + len(data) > self._capacity // 8
            self._unswept = 0 if due else (self._unswept or 0) + len(data)
            if due:
                self._sweep()
        except OSError as error:
            log.warning("the cache of the store cannot be written", extra={"reason": error.strerror})
        finally:
            _remove(draft)

    def _sweep(self) -> None:
        """Removes what was not used for longest, until there is room again."""
        found = [(status.st_mtime_ns, status.st_size, path) for path, status in _files(self._folder)]
        total = sum(size for _, size, _ in found)
        if total <= self._capacity:
            return
        for _, size, path in sorted(found):
            _remove(path)
            total -= size
            if total <= self._capacity * _SWEEP_TO:
                return


def _sum(key: str, data: bytes) -> bytes:
    hasher = xxhash.xxh3_128(key.encode())
    hasher.update(data)
    return hasher.digest()


def _read(place: Path, key: str) -> bytes | None:
    """The bytes of a copy; None where there is none that can be trusted."""
    try:
        with place.open("rb", buffering=0) as file:
            held = file.read()
            os.utime(file.fileno())
    except OSError:
        return None
    data = held[_SUM:]
    if held[:_SUM] != _sum(key, data):
        _remove(place)
        return None
    return data


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in list(folder.glob("*/*")) + list(folder.glob("*.new")):
        with suppress(OSError):  # another process removed it
            yield path, path.stat()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
