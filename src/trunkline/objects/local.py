"""An object store in a folder, for any number of threads and processes at once.

An object appears by one `link` of a finished, synchronised file, so it is whole or absent: a present file
that is empty or cut short cannot come from a crash, since its bytes were on the disk before its name was.
That a name exists is made durable by synchronising its folder; the acknowledgement comes after that.
Invariant: outside the working folder `tmp` there are only whole objects. What a crash leaves in `tmp` is
harmless, and `LocalStore.sweep` removes it. Whether bytes rotted on the disk is for the readers to find.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import Corrupt, TrunklineError
from trunkline.objects.abreast import abreast
from trunkline.objects.failures import missing, storage_error, storage_errors
from trunkline.objects.folders import Folders, walk, walk_entries
from trunkline.objects.inventory import Item
from trunkline.objects.keys import LARGEST_OBJECT, RESERVED, check_key, check_object
from trunkline.objects.temporary import Temporary

GROUP_FILES = 64
"""Files that one group of `put_many` keeps open at the most."""

GROUP_BYTES = 64 << 20
"""Bytes after which a group of `put_many` is closed."""


class LocalStore:
    """Objects as files below `root`; the key is the path. See `ObjectStore` for the contract."""

    def __init__(self, root: Path, sync: Callable[[int], None] = os.fsync) -> None:
        """Opens the folder, or makes it.

        Args:
            root: the folder; several stores in several processes may share it.
            sync: makes what was written to a file descriptor durable; tests may count or leave out.

        Raises:
            StorageFailed, StorageFull: the folder cannot be made.
        """
        self._root = Path(root)
        self._working = self._root / RESERVED
        self._sync = sync
        self._folders = Folders(self._root, sync)
        with storage_errors("make the folder", RESERVED, self._root):
            self._working.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        self.put_many([(key, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`: every folder that got a name is synchronised once, at the end."""
        touched: set[Path] = set()
        group: list[Temporary] = []
        weight = 0
        try:
            for key, data in items:
                check_object(key, data)
                place = self._root / key
                with storage_errors("write", key, self._root):
                    if place.is_file():
                        # Maybe another process linked it a moment ago and has not synchronised the folder.
                        touched.add(place.parent)
                        continue
                    group.append(Temporary(self._working, place, key, data))
                weight += len(data)
                if len(group) >= GROUP_FILES or weight >= GROUP_BYTES:
                    touched |= self._publish(group)
                    group, weight = [], 0
            touched |= self._publish(group)
            group = []
        finally:
            for temporary in group:
                temporary.discard()
        with storage_errors("write", "a folder", self._root):
            self._folders.settle(touched)

    def _publish(self, group: list[Temporary]) -> set[Path]:
        """Makes the bytes of a group durable, then gives them their names; which is not durable yet."""
        abreast(self._finish, group)
        for temporary in group:
            with storage_errors("write", temporary.key, self._root):
                self._folders.make(temporary.place.parent)
                temporary.publish()
        return {temporary.place.parent for temporary in group}

    def _finish(self, temporary: Temporary) -> None:
        with storage_errors("write", temporary.key, self._root):
            temporary.finish(self._sync)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        place = self._root / check_key(key)
        try:
            with place.open("rb", buffering=0) as file:
                length = os.fstat(file.fileno()).st_size
                if length > LARGEST_OBJECT:
                    raise Corrupt(
                        f"object {key} in the store at {self._root}: {length} bytes, more than any object "
                        "has; it was altered, restore it from a copy"
                    )
                return file.readall()
        except OSError as error:
            raise self._reading(error, key) from error

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        place = self._root / check_key(key)
        try:
            with place.open("rb", buffering=0) as file:
                return file.read(length) or b""
        except OSError as error:
            raise self._reading(error, key) from error

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`. A folder that changed since it was last settled is synchronised first."""
        place = self._root / check_key(key)
        with storage_errors("look up", key, self._root):
            if not place.is_file():
                return False
            self._folders.settle({place.parent})
            return True

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`. Not synchronised: what comes back after a crash is garbage once more."""
        place = self._root / check_key(key)
        with storage_errors("delete", key, self._root):
            place.unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`; never what is in the working folder."""
        with storage_errors("list", f"keys under {prefix!r}", self._root):
            for key in walk(self._root, prefix):
                if key.split("/", 1)[0] != RESERVED:
                    yield key

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        with storage_errors("list", f"keys under {prefix!r}", self._root):
            for key, entry in walk_entries(self._root, prefix):
                if key.split("/", 1)[0] == RESERVED:
                    continue
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    continue  # deleted since it was listed
                yield Item(key, found.st_size, Nanos(found.st_mtime_ns))

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        place = self._root / check_key(key)
        try:
            if place.is_dir():
                raise missing(key, self._root)
            return place.stat().st_size
        except OSError as error:
            raise self._reading(error, key) from error

    def sweep(self, now: Nanos, older_than: float = 3600.0) -> int:
        """Removes what crashed writers left behind.

        Args:
            now: the time.
            older_than: seconds; younger files may belong to a living writer and stay.

        Returns:
            How many files were removed.
        """
        removed = 0
        with storage_errors("sweep", RESERVED, self._root):
            for path in list(self._working.iterdir()):
                try:
                    if now - path.stat().st_mtime_ns > older_than * SECOND:
                        path.unlink()
                        removed += 1
                except FileNotFoundError:
                    continue  # its writer has just finished
        return removed

    def _reading(self, error: OSError, key: str) -> TrunklineError:
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            return missing(key, self._root)
        return storage_error(error, "read", key, self._root)
