"""Time as whole nanoseconds since the epoch, UTC; from a clock that tests can replace.

Invariant: no other module of the product asks the system for the time of day.
"""

from __future__ import annotations

import time
from typing import NewType, Protocol

Nanos = NewType("Nanos", int)
"""Nanoseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000_000_000


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> Nanos:
        """The time of day."""
        ...


class SystemClock:
    """The machine's clock, in whole microseconds: clients hold no finer times, and give them back as page markers."""

    def now(self) -> Nanos:
        """The time of day."""
        return Nanos(time.time_ns() // 1000 * 1000)


class SteadyClock:
    """Time that nobody can set: for leases and the like, never for what is shown or stored."""

    def now(self) -> Nanos:
        """Nanoseconds since some moment in the past."""
        return Nanos(time.monotonic_ns())


class ManualClock:
    """A clock that a test moves by hand; each reading is one nanosecond later than the one before."""

    def __init__(self, start: int = 1_700_000_000 * SECOND) -> None:
        self._now = start

    def now(self) -> Nanos:
        """The set time, plus one nanosecond for each earlier reading."""
        self._now += 1
        return Nanos(self._now)

    def advance(self, seconds: float) -> None:
        """Moves the clock forward."""
        self._now += int(seconds * SECOND)
