"""Whose turn it is when one run of user code works on many datums: the worker's or user code's.

The worker lays a datum out and offers it; user code asks for it (its first call waits until one is there), works,
and asks for the next one, which is how it says what became of the last. Invariants: a datum is in one hand at a
time; a call that nobody hears any more gets no datum; once the turns are over, nobody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import msgspec

from trunkline.kernel.errors import Cancelled


class Finished(msgspec.Struct, frozen=True):
    """How user code came to the end of a datum.

    Attributes:
        error: what it says went wrong; empty for a success.
        over: user code itself has ended, without a word.
        timed_out: it has not come to the end in time.
    """

    error: str = ""
    over: bool = False
    timed_out: bool = False


class Turns:
    """For two sides: `offer` and `wait` are the worker's, `next_datum` is user code's. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offered: Mapping[str, str] | None = None
        self._working = False
        self._error: str | None = None
        self._over = False

    def offer(self, variables: Mapping[str, str]) -> None:
        """A datum lies in /pfs, and these are its variables."""
        with self._changed:
            self._offered, self._error = variables, None
            self._changed.notify_all()

    def wait(self, timeout: float | None) -> Finished:
        """Returns when user code has come to the end of the datum that was offered.

        Args:
            timeout: seconds, from the moment in which user code takes it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._offered is None or self._over)
            in_time = self._changed.wait_for(lambda: self._error is not None or self._over, timeout)
            if self._error is not None:
                return Finished(self._error)
            return Finished(over=self._over, timed_out=not in_time)

    def next_datum(self, error: str, alive: Callable[[], bool]) -> Mapping[str, str]:
        """User code has come to the end of its datum, if it had one, and wants the next; waits until there is one.

        Args:
            error: what went wrong with the last one; empty if nothing did.
            alive: whether the caller still waits; `wake` says that it is to be asked.

        Raises:
            Cancelled: the caller is gone, or user code is about to be ended.
        """
        with self._changed:
            if self._working:
                self._working, self._error = False, error
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._offered is not None or self._over or not alive())
            if self._over or not alive() or self._offered is None:
                raise Cancelled("there are no more datums for this run of user code, which is about to be ended")
            variables, self._offered = self._offered, None
            self._working = True
            self._changed.notify_all()
            return variables

    def wake(self) -> None:
        """Something that `alive` looks at has changed."""
        with self._changed:
            self._changed.notify_all()

    def end(self) -> None:
        """User code has ended, or is about to be."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
