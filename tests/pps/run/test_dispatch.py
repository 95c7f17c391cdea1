"""Handing out datums: turns, limits, leases, and words that come too late. No catalog: reports go into a list."""

from __future__ import annotations

import threading
from base64 import b64encode

import msgspec
import pytest

from trunkline.kernel.clock import ManualClock
from trunkline.kernel.errors import Cancelled, InvalidRequest, Refused
from trunkline.kernel.ids import DatumId, SetId
from trunkline.maps import Entry
from trunkline.pps import batching
from trunkline.pps.dispatch import Dispatcher, Running
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.spec import DatumSetSpec, Transform
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import Batch, InputSource, Ticket, Verdict

SOURCE = InputSource("a", "default", "master", SetId("c"), b"root")


def entry(number: int) -> Entry:
    """A datum of one file `/<number>`."""
    aux = msgspec.msgpack.encode([("a", f"/{number}", number.to_bytes(32, "big"), 1, 0)])
    return number.to_bytes(32, "big"), (number + 1000).to_bytes(32, "big"), 1, aux


class Shop:
    """A dispatcher, its clock, and what was recorded."""

    def __init__(self, lease_seconds: float = 30.0) -> None:
        self.clock = ManualClock()
        self.dispatcher = Dispatcher(self.clock, lease_seconds)
        self.recorded: list[Finding] = []
        self.before_record = lambda: None

    def ticket(self, key: int, pipeline: int, parallelism: int, datum_set: DatumSetSpec) -> Ticket:
        def record(findings: object) -> bool:
            self.before_record()
            self.recorded.extend(findings)  # type: ignore[arg-type]
            return True

        return Ticket(
            job_key=key,
            pipeline_key=pipeline,
            ref=JobRef(PipelineRef(f"p{pipeline}"), SetId(f"job{key}")),
            version=1,
            spec_commit=SetId("s"),
            output_branch="master",
            transform=Transform(),
            parallelism=parallelism,
            datum_set=datum_set,
            sources=(SOURCE,),
            record=record,
        )

    def open(
        self,
        count: int,
        key: int = 1,
        pipeline: int | None = None,
        parallelism: int = 8,
        datum_set: DatumSetSpec = DatumSetSpec(number=1),  # noqa: B008
    ) -> Running:
        ticket = self.ticket(key, key if pipeline is None else pipeline, parallelism, datum_set)
        running = self.dispatcher.open(ticket)
        assert running.offer([entry(key * 1_000_000 + number) for number in range(count)], 0)
        return running

    def next(self, worker: str = "w") -> Batch | None:
        return self.dispatcher.next_batch(worker, 0)

    def need(self, worker: str = "w") -> Batch:
        batch = self.next(worker)
        assert batch is not None
        return batch

    def report(self, worker: str, batch: Batch, *, done: bool = True) -> Verdict:
        reports = [DatumReport(datum.id, DatumState.SUCCESS) for datum in batch.datums]
        return self.dispatcher.report(worker, batch.id, reports, done)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_batch_says_all_that_a_worker_needs(shop: Shop) -> None:
    shop.open(1, key=7)
    batch = shop.need()
    datum = batch.datums[0]
    assert datum.id == entry(7_000_000)[0].hex()
    assert datum.hash == entry(7_000_000)[1]
    assert (datum.inputs[0].name, datum.inputs[0].path, datum.inputs[0].source) == ("a", "/7000000", SOURCE)
    assert batch.lease_seconds == 30.0
    assert batch.ticket.ref.id == "job7"
    assert shop.dispatcher.job_of("w", batch.id) == batch.ticket.ref
    assert shop.dispatcher.job_of("another", batch.id) is None


def test_jobs_take_turns(shop: Shop) -> None:
    for key in (1, 2, 3):
        shop.open(4, key=key)
    order = [shop.need(f"w{number}").ticket.job_key for number in range(9)]
    assert order == [1, 2, 3] * 3


def test_a_pipeline_has_no_more_workers_than_it_wants(shop: Shop) -> None:
    shop.open(10, key=1, pipeline=1, parallelism=2)
    first = shop.need("w1")
    shop.need("w2")
    assert shop.next("w3") is None
    shop.open(10, key=2, pipeline=2, parallelism=1)
    assert shop.need("w3").ticket.job_key == 2
    assert shop.next("w4") is None
    assert shop.dispatcher.wanted_workers() == {1: 2, 2: 1}
    shop.report("w1", first)
    assert shop.need("w4").ticket.job_key == 1


def test_a_worker_has_one_batch(shop: Shop) -> None:
    shop.open(2)
    first = shop.need("w")
    second = shop.need("w")
    assert second.id != first.id
    assert second.datums == first.datums, "it would not ask if it worked on it"
    assert shop.report("w", first).lost
    assert not shop.report("w", second).lost
    assert len(shop.recorded) == 1


def test_a_lease_ends_unless_it_is_renewed(shop: Shop) -> None:
    running = shop.open(1)
    batch = shop.need("slow")
    shop.clock.advance(20)
    assert not shop.dispatcher.renew("slow", batch.id).lost
    shop.clock.advance(20)
    assert shop.next("other") is None
    shop.clock.advance(11)
    again = shop.need("other")
    assert again.datums == batch.datums
    assert shop.report("slow", batch) == Verdict(lost=True)
    assert shop.dispatcher.renew("slow", batch.id) == Verdict(lost=True)
    assert shop.recorded == [], "a report under a lost lease changes nothing"
    assert not shop.report("other", again).lost
    assert running.wait(0) == 0


def test_a_report_is_a_renewal(shop: Shop) -> None:
    shop.open(2, datum_set=DatumSetSpec(number=2))
    batch = shop.need()
    for datum in batch.datums:
        shop.clock.advance(20)
        report = DatumReport(datum.id, DatumState.SUCCESS)
        assert not shop.dispatcher.report("w", batch.id, [report], done=False).lost
    assert len(shop.recorded) == 2


def test_a_repeated_report_is_recorded_once(shop: Shop) -> None:
    running = shop.open(2, datum_set=DatumSetSpec(number=2))
    batch = shop.need()
    assert shop.report("w", batch, done=False) == Verdict()
    assert shop.report("w", batch, done=True) == Verdict()
    assert shop.report("w", batch, done=True) == Verdict(lost=True)
    assert len(shop.recorded) == 2
    assert running.wait(0) == 0


def test_nonsense_is_refused_and_changes_nothing(shop: Shop) -> None:
    running = shop.open(1)
    batch = shop.need()
    with pytest.raises(InvalidRequest, match="SUCCESS, FAILED or RECOVERED"):
        shop.dispatcher.report("w", batch.id, [DatumReport(batch.datums[0].id, DatumState.SKIPPED)], done=True)
    with pytest.raises(InvalidRequest, match="not a datum id"):
        shop.dispatcher.renew("w", batch.id, "zz")
    assert shop.dispatcher.report("w", batch.id, [DatumReport(DatumId("00"), DatumState.SUCCESS)], False) == Verdict()
    assert running.wait(0) == 1
    assert shop.recorded == []
    assert not shop.report("w", batch).lost


def test_what_was_not_reported_waits_again(shop: Shop) -> None:
    running = shop.open(3, datum_set=DatumSetSpec(number=3))
    batch = shop.need()
    shop.dispatcher.report("w", batch.id, [DatumReport(batch.datums[0].id, DatumState.SUCCESS)], done=True)
    assert running.wait(0) == 2
    assert shop.need().datums == batch.datums[1:]


def test_a_dead_worker_is_noticed_at_once_and_its_datum_goes_alone(shop: Shop) -> None:
    shop.open(3, datum_set=DatumSetSpec(number=3))
    batch = shop.need("w1")
    middle = batch.datums[1]
    shop.dispatcher.renew("w1", batch.id, middle.id, shop.clock.now())
    shop.dispatcher.worker_gone("w1")
    assert shop.need("w2").datums == (middle,)
    assert shop.need("w3").datums == (batch.datums[0], batch.datums[2])


def test_doom_is_recorded_by_the_runner(shop: Shop) -> None:
    running = shop.open(1)
    for number in range(3):
        shop.need(f"w{number}")
        shop.dispatcher.worker_gone(f"w{number}")
    assert shop.recorded == []
    assert running.wait(0) == 0
    (finding,) = shop.recorded
    assert finding.report.state is DatumState.FAILED
    assert finding.report.reason == "worker died 3 times while processing it"
    assert finding.hash == entry(1_000_000)[1]


def test_a_worker_that_dies_while_its_report_is_written(shop: Shop) -> None:
    running = shop.open(2, datum_set=DatumSetSpec(number=2))
    batch = shop.need("w1")
    shop.before_record = lambda: shop.dispatcher.worker_gone("w1")
    reported = [DatumReport(batch.datums[0].id, DatumState.SUCCESS)]
    assert shop.dispatcher.report("w1", batch.id, reported, done=False).lost
    assert running.wait(0) == 1
    assert shop.need("w2").datums == batch.datums[1:], "what was written down does not run again"


def test_a_job_that_is_cancelled(shop: Shop) -> None:
    running = shop.open(2)
    batch = shop.need("w")
    shop.dispatcher.cancel_job(1)
    assert running.dropped
    assert running.wait(0) == 0
    assert not running.offer([entry(99)], 0)
    assert shop.report("w", batch).lost
    assert shop.next("w") is None
    assert shop.dispatcher.workers(1) == []
    assert shop.dispatcher.problems() == []


def test_cancelled_while_a_report_is_written(shop: Shop) -> None:
    shop.open(1)
    batch = shop.need("w")
    shop.before_record = lambda: shop.dispatcher.cancel_job(1)
    assert shop.report("w", batch).lost


def test_a_waiting_worker_is_woken(shop: Shop) -> None:
    found: list[Batch | None] = []
    thread = threading.Thread(target=lambda: found.append(shop.dispatcher.next_batch("w", 30)))
    thread.start()
    shop.open(1)
    thread.join(10)
    assert found[0] is not None


def test_the_window_is_bounded(shop: Shop) -> None:
    running = shop.open(batching.WINDOW, datum_set=DatumSetSpec(number=batching.WINDOW))
    more = [entry(5)]
    assert not running.offer(more, 0)
    shop.need()
    assert running.offer(more, 0)


def test_the_end_of_pachd_ends_every_wait(shop: Shop) -> None:
    running = shop.open(1)
    shop.dispatcher.stop()
    assert shop.dispatcher.next_batch("w", 30) is None
    with pytest.raises(Cancelled):
        running.wait(30)


def test_a_caller_that_went_away_gets_nothing(shop: Shop) -> None:
    shop.open(1)
    assert shop.dispatcher.next_batch("w", 30, alive=lambda: False) is None
    assert shop.dispatcher.workers(1) == []


def test_restart_of_a_datum(shop: Shop) -> None:
    shop.open(2, datum_set=DatumSetSpec(number=2))
    batch = shop.need()
    first, second = batch.datums
    digest = second.inputs[0].hash
    with pytest.raises(Refused, match=r"datum matching filter \[/1000001\] could not be found for job ID job1"):
        shop.dispatcher.restart_datum(1, ["/1000001"])
    shop.dispatcher.renew("w", batch.id, second.id)
    for filters in (["/1000001"], [digest.hex()], [b64encode(digest).decode(), "/1000001"]):
        assert shop.dispatcher.restart_datum(1, filters) == [second.id]
        assert shop.dispatcher.renew("w", batch.id, second.id).restart == (second.id,)
        assert shop.dispatcher.renew("w", batch.id, second.id).restart == ()
    for filters in (["/1000000"], ["/1000001", "/1000000"]):
        with pytest.raises(Refused):
            shop.dispatcher.restart_datum(1, filters)
    with pytest.raises(Refused, match="job ID 2"):
        shop.dispatcher.restart_datum(2, ["/1000001"])
    shop.dispatcher.restart_datum(1, ["/1000001"])
    assert shop.report("w", batch, done=False).restart == (), "it is over"
    assert first.id != second.id


def test_status_of_workers(shop: Shop) -> None:
    shop.open(1)
    batch = shop.need("w")
    started = shop.clock.now()
    shop.dispatcher.renew("w", batch.id, batch.datums[0].id, started)
    (status,) = shop.dispatcher.workers(1)
    assert (status.worker, status.job.id, status.started) == ("w", "job1", started)
    assert status.datum == batch.datums[0]


@pytest.mark.parametrize(
    ("waiting", "workers", "wish", "expected"),
    [
        (1, 4, DatumSetSpec(), (1, 0)),
        (160, 4, DatumSetSpec(), (10, 0)),
        (100_000, 1, DatumSetSpec(), (64, 0)),
        (160, 4, DatumSetSpec(per_worker=1), (40, 0)),
        (160, 4, DatumSetSpec(number=7), (7, 0)),
        (160, 4, DatumSetSpec(number=10**9), (batching.WINDOW, 0)),
        (160, 4, DatumSetSpec(size_bytes=100), (batching.WINDOW, 100)),
        (5, 0, DatumSetSpec(), (1, 0)),
    ],
)
def test_batch_size(waiting: int, workers: int, wish: DatumSetSpec, expected: tuple[int, int]) -> None:
    assert batching.batch_size(waiting, workers, wish) == expected


def test_one_run_of_user_code_gets_larger_batches() -> None:
    size = batching.batch_size(4096, 1, DatumSetSpec(), batching.LARGEST_OF_ONE_RUN)
    assert size == (512, 0)
    assert batching.batch_size(40, 2, DatumSetSpec(), batching.LARGEST_OF_ONE_RUN) == (5, 0)
