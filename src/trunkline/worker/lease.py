"""The lease of one batch: renewed by a thread of its own, and the place where bad news comes in.

pachd may say, whenever it is spoken to, that the batch is lost or that a datum is to begin again; and pachd
may be gone. In each case the command that runs is killed, and the thread that works on the batch learns it
at its next `check`. Invariant: no news is missed between two checks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import TrunklineError
from trunkline.worker.model import Verdict

LONGEST_PAUSE = 2.0
"""Seconds between renewals at the most, so that a job that was stopped does not go on for long."""

_AGAIN = 0.05


class Lost(Exception):
    """The lease is gone; the batch is to be dropped."""


class Restart(Exception):
    """The datum is to begin again; that is not a try."""


class Lease:
    """For the thread that works on the batch: `begin`, `check`, `finish` of each datum. A context manager."""

    def __init__(self, renew: Callable[[str, int], Verdict], seconds: float, clock: Clock) -> None:
        """Args:
        renew: tells pachd the datum under way (or nothing) and when it began.
        seconds: how long the lease lasts unless it is renewed.
        """
        self._renew = renew
        self._pause = min(seconds / 3, LONGEST_PAUSE)
        self._clock = clock
        self._changed = threading.Condition()
        self._kill: Callable[[], None] = lambda: None
        self._datum = ""
        self._started = 0
        self._restart = False
        self._lost = False
        self._failure: TrunklineError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._kill = lambda: None
            self._changed.notify_all()
        self._thread.join()

    def attach(self, kill: Callable[[], None]) -> None:
        """Says how the command that runs is killed, from now on."""
        with self._changed:
            self._kill = kill

    def begin(self, datum: str) -> None:
        """A datum is under way from now on."""
        with self._changed:
            self._datum, self._started, self._restart = datum, self._clock.now(), False

    def check(self) -> None:
        """Says whether to go on.

        Raises:
            Lost, Restart: see there.
            PachdGone: pachd is gone.
        """
        with self._changed:
            if self._failure is not None:
                raise self._failure
            if self._lost:
                raise Lost
            if self._restart:
                self._restart = False
                raise Restart

    def finish(self) -> None:
        """The datum has come to its end, unless there is news; nothing that comes later concerns it.

        Raises:
            As `check`.
        """
        with self._changed:
            self.check()
            self._datum = ""

    def obey(self, verdict: Verdict) -> None:
        """Takes what pachd answered to a report or a renewal. From any thread."""
        with self._changed:
            self._lost = self._lost or verdict.lost
            self._restart = self._restart or (self._datum != "" and self._datum in verdict.restart)
            if self._bad_news():
                self._changed.notify_all()

    def fail(self, error: TrunklineError) -> None:
        """pachd is gone. From any thread."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _bad_news(self) -> bool:
        return self._lost or self._restart or self._failure is not None

    def _run(self) -> None:
        """Renews; and while there is news that nobody has taken yet, kills whatever runs."""
        while True:
            with self._changed:
                if not self._bad_news():
                    self._changed.wait_for(lambda: self._ended or self._bad_news(), self._pause)
                if self._ended:
                    return
                news, kill = self._bad_news(), self._kill
                datum, started = self._datum, self._started
            if news:
                # Again and again, because the command may just be about to start.
                kill()
                with self._changed:
                    self._changed.wait_for(lambda: self._ended, _AGAIN)
                if self._lost or self._failure is not None:
                    continue
            try:
                self.obey(self._renew(datum, started))
            except TrunklineError as error:
                self.fail(error)
