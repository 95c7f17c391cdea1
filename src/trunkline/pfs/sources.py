"""Content that pachd fetches itself: the URLs of AddFile.

Only http and https here; object stores come with their adapters. Invariant: a response that is not a success
becomes an error before a byte of it is stored.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from trunkline.kernel.errors import InvalidRequest, NotBuilt, Refused

_TIMEOUT = 60.0
"""Seconds that a server may stay silent."""

_PIECE = 1024 * 1024
_OBJECT_STORES = frozenset({"s3", "gs", "gcs", "azblob", "wasb", "minio"})


def fetch(url: str, recursive: bool) -> Iterator[bytes]:
    """The body behind an address, in pieces.

    Raises:
        InvalidRequest, NotBuilt: a scheme that is unknown, or not supported yet.
        Refused: the server did not deliver.
    """
    try:
        scheme = urllib.parse.urlsplit(url).scheme.lower()
    except ValueError as error:
        raise InvalidRequest(f"{url} is no address: {error}") from None
    if scheme in _OBJECT_STORES:
        raise NotBuilt(f"put from {scheme}:// is not built yet: download {url} and put the files")
    if scheme not in ("http", "https"):
        raise InvalidRequest(f"unrecognized object store: {scheme or url}")
    if recursive:
        raise InvalidRequest(f"recursive puts need an object store, and {url} is a web address")
    return _http(url)


def _http(url: str) -> Iterator[bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": "trunkline"})  # noqa: S310 - scheme checked
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
            while piece := response.read(_PIECE):
                yield piece
            if response.length:
                raise Refused(f'error retrieving content from "{url}": it ended {response.length} bytes early')
    except urllib.error.HTTPError as error:
        raise Refused(f'error retrieving content from "{url}": {error.code} {error.reason}') from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Refused(f'error retrieving content from "{url}": {reason}') from None
