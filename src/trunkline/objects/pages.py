"""Listing a bucket, page by page, over faults that pass.

The services list by name, so a listing that broke off goes on behind the last name that it told. Invariant: every
object that was there all the time is told once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from trunkline.kernel.errors import StorageDenied, StorageFailed, TrunklineError

PAGE = 1000
TRIES = 6
"""For one page."""

_PAUSE = 0.1


def listed(store: Any, folder: str, translate: Callable[[Exception], TrunklineError]) -> Iterator[Any]:
    """What lies below a folder (empty: everything), as the library describes it, by name.

    Args:
        store: a connection of `trunkline.objects.cloud`.
        translate: makes an error of the library one of ours.

    Raises:
        StorageDenied, StorageFailed: the bucket cannot be listed.
    """
    do = import_module("obstore")
    last: str | None = None
    failures = 0
    while True:
        try:
            for page in do.list(store, folder or None, offset=last, chunk_size=PAGE):
                for each in page:
                    last = each["path"]
                    yield each
                failures = 0
            return
        except Exception as error:
            told = translate(error)
            failures += 1
            if failures == TRIES or not isinstance(told, StorageFailed) or isinstance(told, StorageDenied):
                raise told from None
            time.sleep(_PAUSE * 2**failures)
