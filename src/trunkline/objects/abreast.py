"""Several waits for a disk at the same time: a disk that is asked for many things at once does them in fewer rounds.

Invariant: the calls of one `abreast` are all over when it returns or raises; those who need an order call it twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

THREADS = 8
"""In all of the process; more were no faster."""

FEW = 2
"""So many waits are not worth a thread."""

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def abreast(call: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Calls something for each item.

    Raises:
        What the call for the first item that failed raised.
    """
    if len(items) <= FEW:
        for item in items:
            call(item)
        return
    calls = [_threads().submit(call, item) for item in items]
    errors = [one.exception() for one in calls]
    failure = next((error for error in errors if error is not None), None)
    if failure is not None:
        raise failure


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="abreast")
        return _pool
