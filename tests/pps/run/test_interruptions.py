"""Jobs that are stopped, killed, timed out; runners and workers that die; stores that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.pps.run.factory import Factory, Files, copy

from trunkline.kernel.errors import Cancelled, StorageFailed
from trunkline.pfs.pfs import Pfs
from trunkline.pps import outcomes
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.environments import Environment
from trunkline.pps.outcomes import Finding
from trunkline.pps.refs import JobRef
from trunkline.pps.runner import MISHAPS, TIMED_OUT, JobRunner, Ran, Standing
from trunkline.pps.states import DatumState, JobState
from trunkline.testing.objects import FaultyStore, full_after


class Driving:
    """A runner on a thread of its own."""

    def __init__(self, world: Factory, name: str = "p") -> None:
        self.job = world.job(name)
        self.result: Ran | None = None
        self.error: BaseException | None = None
        self._runner = world.runner
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._runner.run(self.job.key)
        except Cancelled as error:
            self.error = error

    def join(self) -> Ran | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.result


def prepared(world: Factory, count: int = 6, **fields: object) -> None:
    world.repo("a")
    world.put("a", **{f"f{number}": str(number) for number in range(count)})
    world.pipeline("p", "a", **fields)


def stopped(world: Factory) -> None:
    world.pps.stop_job(world.job("p").ref, "enough")


def deleted(world: Factory) -> None:
    world.pps.delete_job(world.job("p").ref)


@pytest.mark.parametrize("how", [stopped, deleted])
def test_a_job_that_is_ended_by_somebody_else(factory: Factory, how: Callable[[Factory], None]) -> None:
    world = factory
    prepared(world)
    driving = Driving(world)
    batch = world.dispatcher.next_batch("w", 10)
    assert batch is not None
    first, second = batch.datums[0], world.work(batch.datums[0])
    ref = world.job("p").ref
    how(world)
    assert driving.join() == Ran(Standing.ENDED)
    verdict = world.dispatcher.report("w", batch.id, [second], done=True)
    assert verdict.lost
    with world.catalog.read() as tx:
        assert not outcomes.known_among(tx, driving.job.pipeline, [first.hash])
    if how is stopped:
        job = world.pps.inspect_job(ref)
        assert (job.state, job.reason, job.counts.processed) == (JobState.KILLED, "enough", 0)
    assert world.commit("p").error
    world.put("a", more="x")
    world.settle()
    world.check(world.job("p"))


def test_a_report_that_comes_between_the_end_and_its_being_noticed(factory: Factory) -> None:
    world = factory
    prepared(world)
    driving = Driving(world)
    batch = world.dispatcher.next_batch("w", 10)
    assert batch is not None
    report = world.work(batch.datums[0])
    stopped(world)
    verdict = world.dispatcher.report("w", batch.id, [report], done=False)
    assert verdict.lost
    assert world.job("p").counts.processed == 0
    assert driving.join() == Ran(Standing.ENDED)


def test_a_job_that_takes_too_long(factory: Factory) -> None:
    world = factory
    prepared(world, job_timeout="60s")
    driving = Driving(world)
    assert world.dispatcher.next_batch("w", 10) is not None
    world.clock.advance(61)
    assert driving.join() == Ran(Standing.ENDED)
    job = world.job("p")
    assert (job.state, job.reason) == (JobState.KILLED, TIMED_OUT)
    assert world.commit("p").error == TIMED_OUT


@pytest.mark.parametrize("reported", [0, 2, 6])
def test_a_crash_of_pachd(factory: Factory, reported: int) -> None:
    """The job goes on where it was: no datum is lost, none that was acknowledged runs again, none counts twice."""
    world = factory
    prepared(world)
    driving = Driving(world)
    done = 0
    while done < reported:
        batch = world.dispatcher.next_batch("w", 10)
        assert batch is not None
        for datum in batch.datums:
            if done < reported - 1 or reported < 6:  # the last report of all would end the job
                world.dispatcher.report("w", batch.id, [world.work(datum)], done=False)
            done += 1
    world.dispatcher.stop()
    driving.join()
    assert isinstance(driving.error, Cancelled)
    before = world.job("p")
    assert before.state is JobState.RUNNING
    ran = list(world.ran)
    world.ran.clear()
    world.restart()
    world.settle()
    job = world.job("p")
    assert job.restart == 1
    assert job.started == before.started
    world.check(job)
    assert job.counts.processed == 6
    assert len(world.ran) == 6 - before.counts.processed
    assert set(ran) | set(world.ran) == {(f"/a/f{number}",) for number in range(6)}


def test_after_a_crash_what_failed_is_not_tried_again(factory: Factory) -> None:
    world = factory
    prepared(world, count=3)
    job = world.plan(world.job("p"))
    states = (DatumState.FAILED, DatumState.RECOVERED, DatumState.SUCCESS)
    for report, state, entry in zip(world.reports(job), states, world.entries(job), strict=True):
        said = msgspec.structs.replace(report, state=state, reason="why" if state is DatumState.FAILED else "")
        finding = Finding(entry[0], entry[1], said)
        outcomes.record(world.catalog, job, [finding], world.clock.now())
    world.ran.clear()
    world.settle()
    assert world.ran == []
    assert world.counts("p") == (1, 0, 1, 1, 3)
    assert world.job("p").state is JobState.FAILURE
    assert world.job("p").reason.endswith("failed: why")


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, JobState.FINISHING])
def test_a_crash_in_any_state(factory: Factory, state: JobState) -> None:
    world = factory
    prepared(world)
    world.set_job(world.job("p"), state=state.value)
    world.settle()
    world.check(world.job("p"))
    assert world.job("p").restart == (0 if state is JobState.STARTING else 1)


def test_a_crash_after_the_plan_keeps_the_plan(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = factory
    prepared(world)
    job = world.plan(world.job("p"))
    monkeypatch.setattr("trunkline.pps.plan.plan.make", None)
    world.settle()
    world.check(world.pps.inspect_job(job.ref))


def test_a_full_store_is_waited_out(factory: Factory) -> None:
    world = factory
    prepared(world, count=300)
    plain = world.pfs.maps
    world.pfs.maps = type(plain)(FaultyStore(world.pfs.store, full_after(0)))
    ran = world.run(world.job("p"))
    assert ran.standing is Standing.AGAIN
    first = ran.delay
    assert world.job("p").restart == 1
    ran = world.run(world.job("p"))
    assert (ran.standing, ran.delay) == (Standing.AGAIN, 2 * first)
    world.pfs.maps = plain
    world.settle()
    world.check(world.job("p"))
    assert world.job("p").restart == 2


def test_a_report_that_cannot_be_written_can_be_repeated(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = factory
    prepared(world, count=1)
    driving = Driving(world)
    batch = world.dispatcher.next_batch("w", 10)
    assert batch is not None
    report = world.work(batch.datums[0])
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> bool:
            raise StorageFailed("the disk is gone: bring it back")

        patch.setattr(outcomes, "record", refuse)
        with pytest.raises(StorageFailed):
            world.dispatcher.report("w", batch.id, [report], done=True)
    assert world.job("p").counts.processed == 0
    assert not world.dispatcher.report("w", batch.id, [report], done=False).lost
    assert driving.join() == Ran(Standing.ENDED)
    world.check(world.job("p"))


def test_one_report_counts_once(factory: Factory) -> None:
    world = factory
    prepared(world, count=2)
    job = world.plan(world.job("p"))
    findings = [
        Finding(bytes.fromhex(report.id), bytes([at]) * 32, report) for at, report in enumerate(world.reports(job))
    ]
    for some in (findings[:1], findings, findings):
        assert outcomes.record(world.catalog, job, some, world.clock.now())
    assert world.job("p").counts.processed == 2
    assert world.job("p").stats.process_time == 2 * 2


def test_unforeseen_errors_end_a_job_at_last(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = factory
    prepared(world)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("trunkline.pps.plan.plan.make", broken)
    for _ in range(MISHAPS):
        assert world.run(world.job("p")).standing is Standing.AGAIN
    assert world.run(world.job("p")).standing is Standing.ENDED
    job = world.job("p")
    assert job.state is JobState.FAILURE
    assert job.reason == "unforeseen error (ZeroDivisionError: a mistake): see pachd's log"


def test_damaged_data_fails_the_job(factory: Factory) -> None:
    world = factory
    world.repo("a")
    world.put("a", **{f"f{number}": "x" for number in range(2000)})
    world.pipeline("p", "a")
    for key in list(world.pfs.store.keys("nodes/")):
        world.pfs.store.delete(key)
    world.pfs.maps = type(world.pfs.maps)(world.pfs.store)
    assert world.run(world.job("p")).standing is Standing.ENDED
    assert world.job("p").state is JobState.FAILURE
    assert "missing" in world.job("p").reason


def test_an_environment_that_cannot_be_read_fails_the_job(factory: Factory, tmp_path: Path) -> None:
    world = factory
    folder = tmp_path / "environment"
    folder.mkdir()
    world.pps.create_environment(Environment("image", str(folder)))
    prepared(world, transform={"cmd": ["x"], "image": "image"})
    folder.rmdir()
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    assert str(folder) in world.job("p").reason


def test_a_datum_that_kills_every_worker(factory: Factory) -> None:
    world = factory
    prepared(world, count=3)
    driving = Driving(world)
    deaths = 0
    for number in range(50):
        name = f"worker-{number}"
        batch = world.dispatcher.next_batch(name, 10 if not number else 0.3)
        if batch is None:
            break
        for datum in batch.datums:
            started = world.clock.now()
            world.dispatcher.renew(name, batch.id, datum.id, started)
            if datum.inputs[0].path == "/f1":
                world.dispatcher.worker_gone(name)
                deaths += 1
                break
            world.dispatcher.report(name, batch.id, [world.work(datum)], done=False)
        else:
            world.dispatcher.report(name, batch.id, [], done=True)
    assert driving.join() == Ran(Standing.ENDED)
    assert deaths == 3
    job = world.job("p")
    assert job.state is JobState.FAILURE
    assert job.reason.endswith("failed: worker died 3 times while processing it")
    assert world.counts("p") == (2, 0, 1, 0, 3)


def test_workers_that_die_do_not_stop_a_job(factory: Factory) -> None:
    world = factory
    prepared(world, count=200)
    killed: set[tuple[str, ...]] = set()
    calls = 0

    def code(files: Files) -> Files:
        nonlocal calls
        calls += 1
        if calls % 17 == 0 and tuple(files) not in killed:
            killed.add(tuple(files))
            for number in range(4):
                world.dispatcher.worker_gone(f"worker-{number}")
        return copy(files)

    world.code = code
    world.settle(workers=4)
    world.check(world.job("p"))
    assert killed
    assert world.job("p").counts.processed == 200


def test_pachd_that_forgets_a_job_picks_it_up_again(factory: Factory) -> None:
    world = factory
    prepared(world)
    driving = Driving(world)
    assert world.dispatcher.next_batch("w", 10) is not None
    world.dispatcher.cancel_job(driving.job.key)
    ran = driving.join()
    assert ran is not None
    assert ran.standing is Standing.AGAIN
    world.settle()
    world.check(world.job("p"))


def test_two_pachds_on_one_catalog_make_one_result(factory: Factory) -> None:
    """A runner that was thought dead goes on beside its successor: what counts is written once."""
    world = factory
    prepared(world)
    old_runner, old_dispatcher = world.runner, world.dispatcher
    driving = Driving(world)
    batch = old_dispatcher.next_batch("old", 10)
    assert batch is not None
    reports = [world.work(datum) for datum in batch.datums]
    world.dispatcher = Dispatcher(world.clock, 30.0)
    world.runner = JobRunner(Pfs(world.catalog, world.pfs.store, world.clock), world.dispatcher, world.pps.digest_of)
    world.settle()
    assert old_dispatcher.report("old", batch.id, reports, done=True).lost
    assert driving.join() == Ran(Standing.ENDED)
    assert old_runner is not world.runner
    world.check(world.job("p"))
    assert world.job("p").counts.processed == 6
    assert world.pps.inspect_job(JobRef(driving.job.ref.pipeline, driving.job.ref.id)).state is JobState.SUCCESS
