"""Cron expressions: when they tick, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.kernel import cron
from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import InvalidRequest


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def after(expression: str, text: str) -> str:
    found = cron.parse(expression).next(at(text))
    return "" if found is None else datetime.fromtimestamp(found / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "now", "expected"),
    [
        ("* * * * *", "2026-05-01 10:00:00", "2026-05-01 10:01:00"),
        ("* * * * *", "2026-05-01 10:00:59", "2026-05-01 10:01:00"),
        ("0 3 * * *", "2026-05-01 03:00:00", "2026-05-02 03:00:00"),
        ("*/15 * * * *", "2026-05-01 10:16:00", "2026-05-01 10:30:00"),
        ("5/20 * * * *", "2026-05-01 10:26:00", "2026-05-01 10:45:00"),
        ("10-20/5 8,9 * * *", "2026-05-01 08:15:00", "2026-05-01 08:20:00"),
        ("10-20/5 8,9 * * *", "2026-05-01 08:20:00", "2026-05-01 09:10:00"),
        ("0 0 31 * *", "2026-04-01 00:00:00", "2026-05-31 00:00:00"),
        ("0 0 29 2 *", "2026-05-01 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 29 feb ?", "2096-03-01 00:00:00", "2104-02-29 00:00:00"),
        ("0 0 30 2 *", "2026-05-01 00:00:00", ""),
        ("0 0 * * mon", "2026-05-01 00:00:00", "2026-05-04 00:00:00"),
        ("0 0 * * Mon-FRI", "2026-05-02 00:00:00", "2026-05-04 00:00:00"),
        ("0 0 * * 0", "2026-05-01 00:00:00", "2026-05-03 00:00:00"),
        ("0 0 * * 7", "2026-05-01 00:00:00", "2026-05-03 00:00:00"),
        ("0 0 * * 1/2", "2026-05-01 00:00:00", "2026-05-04 00:00:00"),
        ("0 0 13 * fri", "2026-05-01 00:00:00", "2026-05-08 00:00:00"),
        ("0 0 9 * fri", "2026-05-08 00:00:00", "2026-05-09 00:00:00"),
        ("0 0 */10 * fri", "2026-05-02 00:00:00", "2026-07-31 00:00:00"),
        ("@hourly", "2026-05-01 10:00:01", "2026-05-01 11:00:00"),
        ("@daily", "2026-12-31 10:00:00", "2027-01-01 00:00:00"),
        ("@midnight", "2026-05-01 00:00:00", "2026-05-02 00:00:00"),
        ("@weekly", "2026-05-01 00:00:00", "2026-05-03 00:00:00"),
        ("@monthly", "2026-05-01 00:00:00", "2026-06-01 00:00:00"),
        ("@yearly", "2026-05-01 00:00:00", "2027-01-01 00:00:00"),
        ("@annually", "2026-05-01 00:00:00", "2027-01-01 00:00:00"),
        ("@every 1h30m", "2026-05-01 10:00:07", "2026-05-01 11:30:07"),
        ("@every 1.5s", "2026-05-01 10:00:07", "2026-05-01 10:00:08"),
        ("@every 1ms", "2026-05-01 10:00:07", "2026-05-01 10:00:08"),
        ("@never", "2026-05-01 10:00:07", ""),
    ],
)
def test_the_next_tick(expression: str, now: str, expected: str) -> None:
    assert after(expression, now) == expected


@pytest.mark.parametrize(
    "expression",
    [
        *("", "*", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *"),
        *("* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "-1 * * * *", "1,,2 * * * *", "1-2-3 * * * *"),
        *("* * * jan-x *", "@sometimes", "@every", "@every 5", "@every h", "@every -1h", "@every 1h 2x", "١ * * * *"),
        *("@every 9999999h", "@every " + "9" * 500 + "h", "* " * 900, "1/ * * * *", "9999999999 * * * *"),
    ],
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidRequest):
        cron.parse(expression)


def test_the_last_tick_that_passed() -> None:
    every = cron.parse("@every 10s")
    assert every.last(at("2026-05-01 10:00:00"), at("2026-05-01 10:00:09")) is None
    assert every.last(at("2026-05-01 10:00:00"), at("2026-05-01 10:00:39")) == at("2026-05-01 10:00:30")
    hourly = cron.parse("@hourly")
    assert hourly.last(at("2026-05-01 10:00:00"), at("2026-05-01 10:59:59")) is None
    assert hourly.last(at("2026-05-01 10:00:00"), at("2026-05-01 13:30:00")) == at("2026-05-01 13:30:00")
    assert cron.parse("@never").last(0, at("2026-05-01 13:30:00")) is None
    assert hourly.next(10**30) is None


FIELD = st.sampled_from(["*", "*/2", "1", "1-3", "2,4", "3/2"])


@settings(deadline=None, max_examples=100)
@given(fields=st.tuples(*[FIELD] * 5), start=st.integers(0, 2**31))
def test_ticks_go_forward_and_miss_nothing(fields: tuple[str, ...], start: int) -> None:
    schedule = cron.parse(" ".join(fields))
    first = schedule.next(start * SECOND)
    assert first is not None
    assert first > start * SECOND
    assert first % (60 * SECOND) == 0
    assert schedule.next(first - 1) == first
    middle = start * SECOND + (first - start * SECOND) // 2
    assert schedule.next(middle) == first
