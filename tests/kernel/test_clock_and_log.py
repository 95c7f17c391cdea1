"""The clock that tests move, and the log that programs read."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest

from trunkline.kernel import log
from trunkline.kernel.clock import SECOND, ManualClock, SystemClock


def test_a_manual_clock_never_repeats_itself() -> None:
    clock = ManualClock(start=5 * SECOND)
    first, second = clock.now(), clock.now()
    assert 5 * SECOND < first < second < 6 * SECOND
    clock.advance(1.5)
    assert clock.now() - second > 1.5 * SECOND - 1


def test_the_system_clock_is_the_time_of_day() -> None:
    before = time.time_ns()
    now = SystemClock().now()
    assert before - 1000 < now <= time.time_ns()
    assert now % 1000 == 0


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger("trunkline")
    kept = root.handlers[:], root.level, root.propagate
    stream = io.StringIO()
    log.configure("info", stream=stream)
    yield stream
    root.handlers[:], root.propagate = kept[0], kept[2]
    root.setLevel(kept[1])


def test_a_record_is_one_line_of_json_with_its_fields(logged: io.StringIO) -> None:
    child = logging.getLogger("trunkline.pfs")
    child.debug("not at this level")
    child.info("two\nlines", extra={"repo": "data"})
    try:
        raise ValueError("why")
    except ValueError:
        child.exception("failed")
    lines = logged.getvalue().splitlines()
    assert len(lines) == 2
    first, second = (json.loads(line) for line in lines)
    assert (first["level"], first["logger"], first["message"]) == ("info", "trunkline.pfs", "two\nlines")
    assert first["repo"] == "data"
    assert "ValueError: why" in second["exception"]
