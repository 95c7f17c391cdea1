"""Keeping code running: runs follow each other, trouble is shown, and who takes the work back ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from trunkline.kernel.clock import SteadyClock
from trunkline.kernel.errors import Cancelled
from trunkline.kernel.ids import DatumId, SetId
from trunkline.pps import standing
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.outcomes import DatumReport
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.spec import Transform
from trunkline.pps.standing import Keeper
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import Batch, Ticket
from trunkline.testing.commands import wait_for

ENTRY = (b"d" * 32, b"h" * 32, 0, b"\x90")


class House:
    """A keeper in a thread, and the workers' side of its dispatcher."""

    def __init__(self) -> None:
        self.woken = 0
        self.dispatcher = Dispatcher(SteadyClock(), 60, self.wake)
        self.runs = 0
        self.troubles: list[str] = []
        self.raised: list[BaseException] = []
        ticket = Ticket(
            job_key=-1,
            pipeline_key=1,
            ref=JobRef(PipelineRef("feed"), SetId("")),
            version=1,
            spec_commit=SetId("s"),
            output_branch="master",
            transform=Transform(cmd=("true",)),
            sources=(),
            record=lambda _: True,
            standing=True,
        )
        self.keeper = Keeper(self.dispatcher, ticket, ENTRY, begin=self.begin, trouble=self.troubles.append)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def wake(self) -> None:
        self.woken += 1

    def run(self) -> None:
        try:
            self.keeper.keep()
        except Cancelled as error:
            self.raised.append(error)

    def begin(self) -> str:
        self.runs += 1
        return f"credential {self.runs}"

    def batch(self, worker: str = "keeper-1") -> Batch:
        found = self.dispatcher.next_batch(worker, 20)
        assert found is not None
        return found

    def end(self, batch: Batch, reason: str) -> None:
        report = DatumReport(DatumId(batch.datums[0].id), DatumState.FAILED, reason)
        assert not self.dispatcher.report("keeper-1", batch.id, [report], done=True).lost


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(standing, "FIRST_PAUSE", 0.001)
    made = House()
    yield made
    assert made.dispatcher.problems() == []
    made.dispatcher.stop()
    made.thread.join(20)
    assert not made.thread.is_alive()


def test_each_run_is_followed_by_another(house: House) -> None:
    for number in range(1, 4):
        batch = house.batch()
        assert (batch.ticket.standing, batch.ticket.credential) == (True, f"credential {number}")
        assert batch.datums[0].inputs == ()
        house.end(batch, f"exit status {number}")
    assert house.batch().ticket.credential == "credential 4"
    assert house.troubles == ["user code does not go on running: exit status 3"]
    assert house.woken == 1


def test_it_is_shown_when_it_goes_well_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(standing.FAILED_RUNS):
        house.end(house.batch(), "exit status 1")
    wait_for(lambda: len(house.troubles) == 1, "the bad news")
    monkeypatch.setattr(standing, "STEADY", 0.01)
    house.end(house.batch(), "exit status 1")
    house.batch()
    wait_for(lambda: house.troubles[-1] == "", "the good news")


def test_a_worker_that_dies_is_followed_by_another(house: House) -> None:
    batch = house.batch()
    house.dispatcher.renew("keeper-1", batch.id, batch.datums[0].id)
    house.dispatcher.worker_gone("keeper-1")
    assert house.batch("keeper-2").ticket.credential == "credential 2"


def test_work_that_is_taken_back_ends_it(house: House) -> None:
    batch = house.batch()
    house.dispatcher.cancel_job(-1)
    house.thread.join(20)
    assert not house.thread.is_alive()
    assert house.dispatcher.renew("keeper-1", batch.id).lost
    assert house.dispatcher.wanted_workers() == {}


def test_the_end_of_pachd_ends_it(house: House) -> None:
    house.batch()
    house.dispatcher.stop()
    house.thread.join(20)
    assert len(house.raised) == 1
