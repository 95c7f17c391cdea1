"""When something is to happen again and again: `0 3 * * mon-fri`, `@hourly`, `@every 1h30m`, `@never`. In UTC.

Five fields (minute, hour, day of month, month, day of week), each a list of values, ranges and steps; months and days
of the week also by their first three letters. Where both kinds of day are restricted, either is enough. Invariant:
ticks are whole seconds, and depend on nothing but the expression and the time they are asked for.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import msgspec

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import InvalidRequest

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|us|µs|ns|m|s)")
_LONGEST_SEARCH = timedelta(days=9 * 366)
"""Every date that exists comes again within it: the 29th of February may be eight years away."""

_LONGEST_INTERVAL = 100 * 366 * 86400
"""Seconds."""


class Never(msgspec.Struct, frozen=True):
    """No tick at all."""

    def next(self, after: int) -> Nanos | None:
        """None."""
        return None

    def last(self, start: int, now: int) -> Nanos | None:
        """None."""
        return None


class Every(msgspec.Struct, frozen=True):
    """Ticks at a distance, counted from where one looks."""

    seconds: int

    def next(self, after: int) -> Nanos | None:
        """The first tick after a time."""
        return Nanos((after // SECOND + self.seconds) * SECOND)

    def last(self, start: int, now: int) -> Nanos | None:
        """The last tick until now, if they are counted from `start`; None if there was none."""
        passed = (now // SECOND - start // SECOND) // self.seconds
        return Nanos((start // SECOND + passed * self.seconds) * SECOND) if passed > 0 else None


class Calendar(msgspec.Struct, frozen=True):
    """Ticks at the minutes that five fields allow."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Whether one of the two kinds of day is enough."""

    def next(self, after: int) -> Nanos | None:
        """The first tick after a time; None if there will be none."""
        try:
            start = datetime.fromtimestamp(after // SECOND, UTC).replace(second=0) + timedelta(minutes=1)
            end = start.date() + _LONGEST_SEARCH
        except (OverflowError, ValueError):
            return None  # beyond the calendar
        day, earliest = start.date(), start.time()
        while day <= end:
            if self._holds(day):
                found = self._in_day(earliest)
                if found is not None:
                    return Nanos(int(datetime.combine(day, found, UTC).timestamp()) * SECOND)
            day, earliest = day + timedelta(days=1), time()
        return None

    def last(self, start: int, now: int) -> Nanos | None:
        """Some tick or time between the last tick until now and now; None if there was no tick since `start`."""
        first = self.next(start)
        return Nanos(now) if first is not None and first <= now else None

    def _holds(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        checks = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return any(checks) if self.either else all(checks)

    def _in_day(self, earliest: time) -> time | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                if time(hour, minute) >= earliest:
                    return time(hour, minute)
        return None


Schedule = Never | Every | Calendar


@lru_cache(maxsize=1000)
def parse(text: str) -> Schedule:
    """The schedule of an expression.

    Raises:
        InvalidRequest: it is none; the message says which part.
    """
    if len(text) > 1000:
        raise InvalidRequest(f"cron expression {text[:60]!r}… is too long")
    words = _MACROS.get(text.strip(), text).split()
    if words == ["@never"]:
        return Never()
    if words[:1] == ["@every"]:
        return Every(_interval(" ".join(words[1:])))
    if words and words[0].startswith("@"):
        raise InvalidRequest(f"unrecognized descriptor: {text[:60]}")
    if len(words) != len(_FIELDS):
        raise InvalidRequest(f"expected exactly 5 fields, found {len(words)}: {words}")
    minutes, hours, days, months, weekdays = (_values(word, *field) for word, field in zip(words, _FIELDS, strict=True))
    either = not any(words[index].startswith(("*", "?")) for index in (2, 4))
    return Calendar(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)


def _interval(text: str) -> int:
    """Whole seconds of a duration such as `1h30m`; one at least."""
    parts = _DURATION.findall(text)
    if not parts or "".join(parts) != text:
        raise InvalidRequest(f"failed to parse duration @every {text}: give one such as 90s or 1h30m")
    seconds = 0.0
    for part in parts:
        number = part.rstrip("hmsuµn")
        seconds += float(number) * _UNITS[part[len(number) :]]
    if seconds > _LONGEST_INTERVAL:
        raise InvalidRequest(f"@every {text} is longer than a hundred years")
    return max(1, int(seconds))


def _values(word: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    top = 6 if high == 7 else high  # Sunday is 0, and 7 for those who write so
    for part in word.split(","):
        span, slash, step_text = part.partition("/")
        start_text, dash, end_text = span.partition("-")
        if span in ("*", "?"):
            start, end = low, top
        else:
            start = _number(start_text, name, names, word)
            end = _number(end_text, name, names, word) if dash else (top if slash else start)
        step = _number(step_text, name, {}, word) if slash else 1
        if not (low <= start <= end <= high) or step < 1:
            raise InvalidRequest(f"{word} is no {name}: values go from {low} to {high}, ranges upward, steps from 1")
        found.update(range(start, end + 1, step))
    return frozenset(found)


def _number(text: str, name: str, names: dict[str, int], word: str) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise InvalidRequest(f"{word} is no {name}: failed to parse {text!r}")
    return int(text)
