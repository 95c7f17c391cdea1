"""The turns of a worker and of user code that works on many datums."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from trunkline.kernel.errors import Cancelled
from trunkline.testing.commands import wait_for
from trunkline.worker.turns import Finished, Turns


class Caller:
    """One call of user code, in a thread of its own."""

    def __init__(self, turns: Turns, error: str = "") -> None:
        self.alive = True
        self.got: Mapping[str, str] | None = None
        self.refused = False
        self._turns = turns
        self._thread = threading.Thread(target=self._call, args=(error,))
        self._thread.start()

    def _call(self, error: str) -> None:
        try:
            self.got = self._turns.next_datum(error, lambda: self.alive)
        except Cancelled:
            self.refused = True

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def hang_up(self) -> None:
        self.alive = False
        self._turns.wake()
        self.end()


def test_one_datum_after_the_other() -> None:
    turns = Turns()
    first = Caller(turns)
    turns.offer({"n": "1"})
    first.end()
    assert first.got == {"n": "1"}
    second = Caller(turns, "it is broken")
    assert turns.wait(10) == Finished("it is broken")
    turns.offer({"n": "2"})
    second.end()
    assert second.got == {"n": "2"}
    Caller(turns)
    assert turns.wait(10) == Finished()
    turns.end()


def test_a_call_that_nobody_hears_gets_no_datum() -> None:
    turns = Turns()
    gone = Caller(turns)
    gone.hang_up()
    assert gone.refused
    turns.offer({"n": "1"})
    kept = Caller(turns)
    kept.end()
    assert kept.got == {"n": "1"}


def test_the_end_reaches_everybody() -> None:
    turns = Turns()
    waiting = [Caller(turns) for _ in range(3)]
    finished: list[Finished] = []
    worker = threading.Thread(target=lambda: finished.append(turns.wait(None)))
    turns.end()
    worker.start()
    worker.join(10)
    for each in waiting:
        each.end()
    assert all(each.refused for each in waiting)
    assert finished == [Finished(over=True)]
    with pytest.raises(Cancelled):
        turns.next_datum("", lambda: True)


def test_what_was_said_counts_although_user_code_is_over() -> None:
    turns = Turns()
    first = Caller(turns)
    turns.offer({})
    first.end()
    last = Caller(turns)
    wait_for(lambda: not turns._working, "the word")
    turns.end()
    last.end()
    assert turns.wait(10) == Finished()


def test_a_datum_that_takes_too_long() -> None:
    turns = Turns()
    turns.offer({})
    Caller(turns).end()
    assert turns.wait(0.01) == Finished(timed_out=True)
