"""A bucket that belongs to somebody else: files are fetched from it and written to it, of any size.

Unlike a store it has names of all kinds, nothing in it is trusted to stay, and what is written replaces what was
there. Invariants: memory is bounded by a few pieces whatever the sizes; a file is written as a whole or not at
all; a download that breaks off goes on where it ended, as long as it is still the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from trunkline.kernel.errors import NotFound, ObjectMissing, StorageFailed, TrunklineError
from trunkline.kernel.secrets import Secrets
from trunkline.objects.bucket_failures import bucket_error
from trunkline.objects.cloud import connect
from trunkline.objects.location import Location
from trunkline.objects.pages import listed

Result = TypeVar("Result")

TRIES = 4
PIECE = 1 << 20
"""Bytes of a download that are handed over at once, at least."""

PART = 8 << 20
"""Bytes of a part of a long upload; more for files that would have too many of them."""

MOST_PARTS = 9_000
PARTS_AT_ONCE = 4


class Found(NamedTuple):
    """An object in a listing: its name below the bucket's root, and its bytes."""

    name: str
    size: int


class Bucket:
    """The bucket of a location; names are whole, and the location's path plays no part here. Thread-safe."""

    def __init__(self, location: Location, variables: Secrets) -> None:
        """Contacts nobody yet.

        Raises:
            NotBuilt, InvalidRequest: as `trunkline.objects.cloud.connect`.
        """
        root = location._replace(path="")
        self._where = str(root)
        self._secrets = variables
        self._store = connect(root, variables, tries=TRIES)
        self._do: Any = import_module("obstore")

    def find(self, name: str) -> Found | None:
        """The object of exactly this name.

        Raises:
            StorageDenied, StorageFailed: the bucket cannot be asked.
        """
        try:
            return Found(name, int(self._call("look up", name, lambda: self._do.head(self._store, name))["size"]))
        except NotFound:
            return None

    def below(self, folder: str) -> Iterator[Found]:
        """All objects below a folder, or in the bucket if that is empty, by name. Marks of folders are left out.

        Raises:
            StorageDenied, StorageFailed: the bucket cannot be listed.
        """
        before: Found | None = None
        for each in listed(self._store, folder, lambda error: self._told(error, "list", folder or "everything")):
            one = Found(each["path"], int(each["size"]))
            # Consoles make an empty object `a/` for a folder; the library shows it as `a`, before what is below.
            if before is not None and (before.size or not one.name.startswith(before.name + "/")):
                yield before
            before = None if one.name == folder else one
        if before is not None:
            yield before

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of an object, in pieces.

        Raises:
            NotFound: there is none of that name.
            StorageDenied, StorageFailed: it cannot be read to its end.
        """
        answer = self._call("read", name, lambda: self._do.get(self._store, name))
        size, got = answer.meta["size"], 0
        pieces = iter(answer.stream(min_chunk_size=PIECE))
        while (piece := self._call("read", name, lambda: next(pieces, None))) is not None:
            data = bytes(piece)
            got += len(data)
            yield data
        if got != size:
            raise StorageFailed(f"cannot read {name} in {self._where}: {got} of {size} bytes came; try again")

    def write(self, name: str, size: int, pieces: Iterable[bytes]) -> None:
        """Writes an object, in place of one that is there; all of it or nothing.

        Args:
            size: how many bytes the pieces have together.

        Raises:
            StorageDenied, StorageFailed, StorageFull: it is not written.
            TrunklineError: what the pieces raised; it is not written.
        """
        if size <= PART:
            body = b"".join(pieces)
            self._call("write", name, lambda: self._do.put(self._store, name, body, use_multipart=False))
            return
        part = max(PART, -(-size // MOST_PARTS))
        self._call(
            "write",
            name,
            lambda: self._do.put(
                self._store, name, iter(pieces), use_multipart=True, chunk_size=part, max_concurrency=PARTS_AT_ONCE
            ),
        )

    def _call(self, action: str, what: str, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except Exception as error:
            raise self._told(error, action, what) from None

    def _told(self, error: Exception, action: str, what: str) -> TrunklineError:
        if isinstance(error, TrunklineError):
            return error
        told = bucket_error(error, action, what, self._where)
        if isinstance(told, ObjectMissing):
            return NotFound(f"{self._where} has no object {what}")
        return type(told)(self._secrets.scrub(told.message))
