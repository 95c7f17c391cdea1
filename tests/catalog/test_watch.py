"""Waiting for a change: nobody polls, nobody is forgotten, and everybody can be told to go."""

from __future__ import annotations

import threading
import time

import pytest

from trunkline.catalog import SqliteCatalog, Watch
from trunkline.kernel.errors import Cancelled, Refused


def test_a_write_wakes_who_waits(catalog: SqliteCatalog) -> None:
    looking = threading.Event()

    def look() -> str | None:
        with catalog.read() as tx:
            row = tx.row("SELECT value FROM settings WHERE name = 'x'")
        looking.set()
        return None if row is None else str(row["value"])

    found: list[str | None] = []
    waiter = threading.Thread(target=lambda: found.append(catalog.watch.until(look, timeout=30)))
    waiter.start()
    looking.wait(10)
    began = time.monotonic()
    catalog.write(lambda tx: tx.run("INSERT INTO settings (name, value) VALUES ('x', 'seen')"))
    waiter.join(10)
    assert found == ["seen"]
    assert time.monotonic() - began < 1.0


def test_a_change_between_look_and_wait_is_not_lost() -> None:
    watch = Watch()
    looks = 0

    def look() -> int | None:
        nonlocal looks
        looks += 1
        if looks == 1:
            watch.notify()  # somebody commits right after this look
        return looks if looks == 2 else None

    began = time.monotonic()
    assert watch.until(look, timeout=30) == 2
    assert time.monotonic() - began < 0.5


def test_a_timeout_ends_a_wait() -> None:
    assert Watch().until(lambda: None, timeout=0.01) is None


def test_what_is_there_already_is_not_waited_for() -> None:
    assert Watch().until(lambda: "here") == "here"


def test_an_error_of_the_look_reaches_the_waiter() -> None:
    def look() -> None:
        raise Refused("gone")

    with pytest.raises(Refused, match="gone"):
        Watch().until(look)


def test_a_caller_that_went_away_stops_waiting() -> None:
    with pytest.raises(Cancelled):
        Watch().until(lambda: None, alive=lambda: False)


def test_shutdown_ends_every_wait() -> None:
    watch = Watch()
    ended: list[str] = []
    waiting = threading.Barrier(4)

    def wait() -> None:
        waiting.wait()
        try:
            watch.until(lambda: None)
        except Cancelled as error:
            ended.append(error.message)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    waiting.wait()
    watch.close()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 3
    assert all("shutting down" in text for text in ended)
