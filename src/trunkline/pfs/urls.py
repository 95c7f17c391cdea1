"""Which addresses pachd reads from and writes to on behalf of its callers, and with what.

Invariants: an address brings neither credentials nor an endpoint of its own, so what pachd signs goes only where its
operator sends it; pachd's own store is nobody's source or destination, since who could write there would change
what others read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from trunkline.kernel.config import Settings
from trunkline.kernel.errors import InvalidRequest, PermissionDenied
from trunkline.kernel.secrets import Secrets
from trunkline.objects import location
from trunkline.objects.bucket import Bucket
from trunkline.objects.location import SERVICES, Location

WEB = frozenset({"http", "https"})
FILE = "file"


class Urls(NamedTuple):
    """The rules of one pachd.

    Attributes:
        cloud: credentials and endpoints of object stores, by the names of their environment variables.
        folders: folders of pachd's machine that `file://` addresses may name.
        own_machine: whether web servers on pachd's own machine may be asked.
        store: the address of pachd's own store; empty if that is a folder.
        sqlite_folders: folders of pachd's machine whose SQLite files may be written to.
        sql_password: for databases, where no secret is named; never shown.
    """

    cloud: Secrets = Secrets()
    folders: Sequence[Path] = ()
    own_machine: bool = True
    store: str = ""
    sqlite_folders: Sequence[Path] = ()
    sql_password: str = ""

    def bucket(self, url: str) -> tuple[Bucket, Location]:
        """The bucket of an address, and the place in it.

        Raises:
            InvalidRequest: it is no address of an object store, or has an option that callers may not give.
            PermissionDenied: it is pachd's own store.
            NotBuilt: the package for object stores is not installed.
        """
        place = location.parse(url)
        if "endpoint" in place.options:
            raise InvalidRequest(f"{place} has an endpoint: only pachd's settings say which endpoint is used")
        if self.store and _meet(place, location.parse(self.store)):
            raise PermissionDenied(f"{place} is where this pachd keeps its data: name another bucket or path")
        return Bucket(place, self.cloud), place


def urls_of(settings: Settings) -> Urls:
    """The rules that the settings make. Who can call pachd from elsewhere must not reach its machine through it."""
    loopback = settings.host in ("127.0.0.1", "::1", "localhost")
    return Urls(
        settings.cloud,
        settings.file_sources,
        loopback,
        settings.bucket,
        settings.sqlite_folders,
        settings.sql_password,
    )


def scheme_of(url: str) -> str:
    """The scheme of an address, in lower case.

    Raises:
        InvalidRequest: it is no address, or nothing that pachd knows.
    """
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError as error:
        raise InvalidRequest(f"{url} is no address: {error}") from None
    if scheme not in WEB and scheme != FILE and scheme not in SERVICES:
        raise InvalidRequest(f"unrecognized object store: {scheme or url}")
    return scheme


def _meet(one: Location, other: Location) -> bool:
    if (one.service, one.bucket) != (other.service, other.bucket):
        return False
    left, right = f"{one.path}/".lstrip("/"), f"{other.path}/".lstrip("/")
    return left.startswith(right) or right.startswith(left)
