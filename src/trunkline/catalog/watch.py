"""Waiting for the catalog to change, without polling.

Every committed write bumps a version; a waiter looks again at what it waits for each time. Invariant: a change
that commits after a waiter has looked wakes it, because the version is read before the look.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from trunkline.kernel.errors import Cancelled

T = TypeVar("T")

_LOOK_FOR_CANCEL = 1.0
"""Seconds between two looks at whether the caller went away."""


class Watch:
    """A version number that grows with every write, and a place to wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0
        self._closed = False

    @property
    def version(self) -> int:
        """The number of writes so far."""
        with self._changed:
            return self._version

    def notify(self) -> None:
        """Wakes every waiter."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Ends every wait with Cancelled; for shutdown."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Blocks until the version differs from `seen`, or `timeout` seconds; returns the version.

        Raises:
            Cancelled: the server is shutting down.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen or self._closed, timeout)
            if self._closed:
                raise Cancelled("pachd is shutting down: repeat the call when it runs again")
            return self._version

    def until(
        self,
        look: Callable[[], T | None],
        alive: Callable[[], bool] = lambda: True,
        timeout: float | None = None,
    ) -> T | None:
        """Calls `look` now and after every change until it returns something; None at the timeout.

        Raises:
            Cancelled: `alive` answered False, or the server is shutting down.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            seen = self.version
            found = look()
            if found is not None:
                return found
            left = _LOOK_FOR_CANCEL if deadline is None else min(_LOOK_FOR_CANCEL, deadline - time.monotonic())
            if left <= 0:
                return None
            self.wait(seen, left)
            if not alive():
                raise Cancelled("the caller went away")
