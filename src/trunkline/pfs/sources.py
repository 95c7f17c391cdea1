"""Content that pachd fetches itself: the addresses of AddFile.

An address gives one file, or with `recursive` all files below it. Invariants: memory is bounded whatever the sizes
and numbers; an error anywhere is raised before the caller could make a part of it visible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.objects.bucket import Bucket, Found
from trunkline.pfs import machine, web
from trunkline.pfs.urls import FILE, WEB, Urls, scheme_of

CONCURRENCY, MOST_CONCURRENCY = 50, 1000
"""Objects that are fetched at once, if the caller does not say, and at the most that it may say."""

_THREADS = 16
_SMALL = 4 << 20
_AHEAD_BYTES = 64 << 20
"""Objects up to `_SMALL` bytes are fetched ahead, up to so many bytes together; longer ones when their turn comes."""


class Fetched(NamedTuple):
    """One file behind an address: its path below it (empty for the address itself), and its bytes in pieces."""

    path: str
    pieces: Iterator[bytes]


def fetch(urls: Urls, url: str, recursive: bool, concurrency: int = 0) -> Iterator[Fetched]:
    """The files behind an address, one after the other; each must be taken before the next.

    Args:
        concurrency: objects to fetch at once; 0 for the default.

    Raises:
        InvalidRequest: an address or a combination that cannot be.
        PermissionDenied: pachd does not fetch from there.
        NotBuilt: the package for object stores is not installed.
        Refused, NotFound, StorageFailed: the content cannot be had.
    """
    scheme = scheme_of(url)
    if scheme in WEB:
        if recursive:
            raise InvalidRequest(f"recursive puts need an object store, and {url} is a web address")
        return iter((Fetched("", web.fetch(url, urls.own_machine)),))
    if scheme == FILE:
        return _machine(urls, url, recursive)
    bucket, place = urls.bucket(url)
    if not recursive:
        return _one(bucket, place.path, url)
    workers = min(concurrency or CONCURRENCY, MOST_CONCURRENCY)
    return _ahead(bucket, place.path, workers)


def _machine(urls: Urls, url: str, recursive: bool) -> Iterator[Fetched]:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        raise InvalidRequest(f"{url} names another machine: give file:///folder/file")
    if not recursive:
        yield Fetched("", machine.read(path, urls.folders))
        return
    for relative in machine.below(path, urls.folders):
        yield Fetched(relative, machine.read(f"{path}/{relative}".rstrip("/"), urls.folders))


def _one(bucket: Bucket, name: str, url: str) -> Iterator[Fetched]:
    if not name:
        raise InvalidRequest(f"{url} names a whole bucket: name an object, or give -r for all of it")
    yield Fetched("", _told(url, bucket.read(name)))


def _told(url: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except NotFound:
        plain = url.partition("?")[0]
        raise Refused(
            f'error retrieving content from "{plain}": no such object; give -r for what lies below it'
        ) from None


def _ahead(bucket: Bucket, folder: str, workers: int) -> Iterator[Fetched]:
    """Everything below a folder in the order of the listing; small objects come from threads that run ahead."""
    waiting: deque[tuple[Found, Future[bytes] | None]] = deque()
    weight = 0
    with ThreadPoolExecutor(min(workers, _THREADS), thread_name_prefix="source") as pool:
        try:
            for found in _below(bucket, folder):
                small = found.size <= _SMALL
                while waiting and (len(waiting) >= workers or weight + small * found.size > _AHEAD_BYTES):
                    weight -= _weight(waiting[0])
                    yield _taken(bucket, folder, *waiting.popleft())
                waiting.append((found, pool.submit(_whole, bucket, found.name) if small else None))
                weight += _weight(waiting[-1])
            while waiting:
                yield _taken(bucket, folder, *waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _below(bucket: Bucket, folder: str) -> Iterator[Found]:
    """What lies below; the object of that very name where nothing does."""
    some = False
    for found in bucket.below(folder):
        some = True
        yield found
    own = bucket.find(folder) if folder and not some else None
    if own is not None:
        yield own


def _whole(bucket: Bucket, name: str) -> bytes:
    return b"".join(bucket.read(name))


def _weight(waiting: tuple[Found, Future[bytes] | None]) -> int:
    return 0 if waiting[1] is None else waiting[0].size


def _taken(bucket: Bucket, folder: str, found: Found, future: Future[bytes] | None) -> Fetched:
    pieces = bucket.read(found.name) if future is None else iter((future.result(),))
    return Fetched(found.name[len(folder) :].lstrip("/"), pieces)
