"""An object store in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure.

Each operation is one request, tried once: repetition, parallelism and caches are wrappers. (A listing is many requests,
which a wrapper could only begin anew; so `trunkline.objects.pages` repeats each of them.) A put says "only if it is not
there" where the service knows how; where it does not, the store looks first, and two writers at the same moment may
both write: harmless, since a key is a hash of what it names, so both bring the same bytes.
Invariant: an answer of the service is what is acknowledged; these services promise that what they have confirmed
is durable, and that whoever asks next sees it. Whether bytes rotted is for the readers to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, TypeVar

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import Corrupt, ObjectMissing, TrunklineError
from trunkline.kernel.secrets import Secrets
from trunkline.objects.bucket_failures import bucket_error
from trunkline.objects.cloud import connect
from trunkline.objects.inventory import Item
from trunkline.objects.keys import LARGEST_OBJECT, check_key, check_object, is_key
from trunkline.objects.location import Location
from trunkline.objects.pages import listed

Result = TypeVar("Result")


class RemoteStore:
    """Objects in a bucket, below the location's path. See `ObjectStore` for the contract."""

    def __init__(self, location: Location, variables: Secrets) -> None:
        """Contacts nobody yet.

        Args:
            location: the bucket, and where in it.
            variables: credentials and settings of the service, by the names of their environment variables.

        Raises:
            NotBuilt: the package for buckets is not installed.
            InvalidRequest: an option or variable that cannot be used.
        """
        self._where = str(location)
        self._secrets = variables
        self._bucket = connect(location, variables)
        self._do: Any = import_module("obstore")
        self._conditional = location.options.get("conditional", "true") != "false"

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        check_object(key, data)
        if not self._conditional:
            if not self.has(key):
                self._call("write", key, lambda: self._write(key, data, "overwrite"))
            return
        try:
            self._write(key, data, "create")
        except Exception as error:
            if _named(error, "AlreadyExistsError"):
                return  # also what is said of a put that was carried out before its answer was lost
            if not _named(error, "NotSupportedError") and "NotImplemented" not in str(error):
                raise self._translated(error, "write", key) from None
            self._conditional = False
            self.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`, one after the other; `ParallelStore` does many at once."""
        for key, data in items:
            self.put(key, data)

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        check_key(key)
        answer = self._call("read", key, lambda: self._do.get(self._bucket, key))
        length = answer.meta["size"]
        if length > LARGEST_OBJECT:
            raise Corrupt(
                f"object {key} in {self._where}: {length} bytes, more than any object has; it was altered, "
                "restore it from a copy"
            )
        return self._call("read", key, lambda: bytes(answer.bytes()))

    def head(self, key: str, length: int) -> bytes:
        """As `trunkline.objects.presence.ReadsHeads.head`."""
        check_key(key)
        if self.size(key) == 0:
            return b""  # of nothing, no part can be asked for
        part = self._call("read", key, lambda: self._do.get_range(self._bucket, key, start=0, length=length))
        return bytes(part)

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        check_key(key)
        try:
            self._call("delete", key, lambda: self._do.delete(self._bucket, key))
        except ObjectMissing:
            return

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`; what lies there under other names than keys is passed over."""
        return (item.key for item in self.inventory(prefix))

    def inventory(self, prefix: str = "") -> Iterator[Item]:
        """As `trunkline.objects.inventory.Inventoried.inventory`."""
        folder = prefix.rpartition("/")[0]
        if "/" in prefix and not is_key(folder):
            return  # no key begins like this
        for each in listed(
            self._bucket, folder, lambda error: self._translated(error, "list", f"keys under {prefix!r}")
        ):
            key = each["path"]
            if key.startswith(prefix) and is_key(key):
                yield Item(key, int(each["size"]), Nanos(int(each["last_modified"].timestamp() * SECOND)))

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        check_key(key)
        return int(self._call("look up", key, lambda: self._do.head(self._bucket, key))["size"])

    def _write(self, key: str, data: bytes, mode: str) -> None:
        self._do.put(self._bucket, key, data, mode=mode, use_multipart=False)

    def _call(self, action: str, what: str, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except Exception as error:
            raise self._translated(error, action, what) from None

    def _translated(self, error: Exception, action: str, what: str) -> TrunklineError:
        if isinstance(error, TrunklineError):
            return error
        told = bucket_error(error, action, what, self._where)
        return type(told)(self._secrets.scrub(told.message))


def _named(error: Exception, name: str) -> bool:
    return type(error).__name__ == name
