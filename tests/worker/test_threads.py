"""What the worker does beside user code: the log, the lease, the reports; with threads, but without a clock."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.entry import from_entry
from trunkline.content.reader import ContentReader
from trunkline.kernel.clock import ManualClock, SystemClock
from trunkline.kernel.errors import StorageFull, TrunklineError
from trunkline.maps import Maps, Root
from trunkline.objects.memory import MemoryStore
from trunkline.testing.commands import wait_for
from trunkline.testing.objects import FaultyStore
from trunkline.worker import logs
from trunkline.worker.client import PachdGone
from trunkline.worker.lease import Lease, Lost, Restart
from trunkline.worker.logs import BatchLog, UserOutput
from trunkline.worker.model import Line, Outcome, State, Statistics, Verdict
from trunkline.worker.reporter import Draft, Reporter

# -- the log --------------------------------------------------------------------------------------------------


class Receiver:
    """Takes groups of lines, while its gate is open."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.groups: list[int] = []
        self.failures: list[TrunklineError] = []
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False

    def take(self, lines: Sequence[Line]) -> None:
        self.gate.wait()
        if self.broken:
            raise PachdGone("gone")
        self.lines += lines
        self.groups.append(len(lines))

    def log(self) -> BatchLog:
        return BatchLog(self.take, ManualClock(), self.failures.append)


def cut(parts: list[bytes]) -> list[str]:
    """The messages that these parts of output become."""
    receiver = Receiver()
    log = receiver.log()
    output = UserOutput(log, "d")
    for part in parts:
        output.write(part)
    output.end()
    log.close()
    assert all(each.user and each.datum == "d" for each in receiver.lines)
    return [each.message for each in receiver.lines]


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"ab\ncd", b"\n\n"])))
@settings(deadline=None, max_examples=60)
def test_lines_do_not_depend_on_how_output_comes(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    expected = [each.decode("utf-8", "replace") for each in whole.split(b"\n")]
    assert cut(parts) == (expected[:-1] if expected[-1] == "" else expected)


def test_long_lines_are_split_between_characters() -> None:
    text = "ü€😀x" * 30_000
    parts = [text.encode()[at : at + 50_001] for at in range(0, len(text.encode()), 50_001)]
    for given_ in (parts, [text.encode()], [text.encode() + b"\nnext\n"]):
        messages = cut(given_)
        if messages[-1] == "next":
            messages.pop()
        assert "".join(messages) == text
        assert all(len(each.encode()) <= logs.LONGEST for each in messages)
        assert len(messages) > 2
    assert "".join(cut([b"\x80" * 200_000])) == "\ufffd" * 200_000


def test_lines_are_sent_soon_in_order_and_in_groups() -> None:
    receiver = Receiver()
    log = receiver.log()
    for number in range(5000):
        log.add("d", str(number), user=number % 2 == 0)
    wait_for(lambda: len(receiver.lines) == 5000, "the lines", 5)
    assert [each.message for each in receiver.lines] == [str(number) for number in range(5000)]
    assert [each.user for each in receiver.lines[:3]] == [True, False, True]
    assert sorted(each.ts for each in receiver.lines) == [each.ts for each in receiver.lines]
    assert len(receiver.groups) < 50
    log.close()


def test_settled_means_sent() -> None:
    receiver = Receiver()
    log = receiver.log()
    for number in range(50):
        log.note(f"{number}")
        log.settle()
        assert receiver.lines[-1].message == f"{number}"
    log.settle()
    log.close()


def test_settling_does_not_wait_for_lines_that_come_later() -> None:
    receiver = Receiver()
    log = receiver.log()
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            log.add("d", "x", user=True)

    thread = threading.Thread(target=flood)
    thread.start()
    for _ in range(5):
        log.settle()
    stop.set()
    thread.join()
    log.close()


def test_a_flood_is_held_back() -> None:
    receiver = Receiver()
    receiver.gate.clear()
    log = receiver.log()
    written = 0
    while log.room():
        log.add("d", "x" * 1000, user=True)
        written += 1
    assert 1000 < written < 10_000
    receiver.gate.set()
    wait_for(log.room, "room")
    log.close()
    assert len(receiver.lines) == written


def test_a_flood_is_cut() -> None:
    receiver = Receiver()
    log = receiver.log()
    output = UserOutput(log, "d", largest=1 << 20)
    for _ in range(300):
        output.write(b"x" * 9999 + b"\n")
    output.end()
    log.close()
    kept = [line for line in receiver.lines if line.user]
    assert sum(len(line.message) + 1 for line in kept) <= 1 << 20
    assert len(kept) == 104
    notes = [line.message for line in receiver.lines if not line.user]
    assert notes == ["user code has written more than 1 MiB: the rest is not kept"]
    other = UserOutput(log, "e", largest=1 << 20)
    assert other.room()


def test_a_log_that_pachd_does_not_take() -> None:
    receiver = Receiver()
    receiver.broken = True
    log = receiver.log()
    log.note("lost")
    with pytest.raises(PachdGone):
        log.settle()
    for _ in range(100_000):
        log.note("x" * 100)
    assert log.room()
    assert len(receiver.failures) == 1
    log.close()


# -- the lease ------------------------------------------------------------------------------------------------


class Renewals:
    """Answers renewals as told, and counts them."""

    def __init__(self) -> None:
        self.answer = Verdict()
        self.error: TrunklineError | None = None
        self.seen: list[tuple[str, int]] = []
        self.kills = 0

    def renew(self, datum: str, started: int) -> Verdict:
        self.seen.append((datum, started))
        if self.error is not None:
            raise self.error
        return self.answer

    def kill(self) -> None:
        self.kills += 1


@pytest.fixture
def renewals() -> Renewals:
    return Renewals()


@pytest.fixture
def lease(renewals: Renewals) -> Lease:
    lease = Lease(renewals.renew, 0.01, SystemClock())
    lease.attach(renewals.kill)
    return lease


def test_a_lease_is_renewed_until_it_is_given_back(lease: Lease, renewals: Renewals) -> None:
    with lease:
        wait_for(lambda: ("", 0) in renewals.seen, "a renewal between datums")
        lease.begin("d")
        wait_for(lambda: renewals.seen[-1][0] == "d", "a renewal with the datum")
        lease.check()
        lease.finish()
        wait_for(lambda: renewals.seen[-1][0] == "", "a renewal after the datum")
    count = len(renewals.seen)
    assert renewals.kills == 0
    assert len(renewals.seen) == count


def test_a_lost_lease(lease: Lease, renewals: Renewals) -> None:
    with lease:
        lease.begin("d")
        renewals.answer = Verdict(lost=True)
        wait_for(lambda: renewals.kills >= 3, "the kill, which is repeated because the command may be about to start")
        for _ in range(2):
            with pytest.raises(Lost):
                lease.check()
        with pytest.raises(Lost):
            lease.finish()


def test_a_restart_concerns_the_datum_under_way_only(lease: Lease, renewals: Renewals) -> None:
    with lease:
        lease.begin("one")
        lease.obey(Verdict(restart=("two",)))
        lease.check()
        lease.obey(Verdict(restart=("two", "one")))
        wait_for(lambda: renewals.kills, "the kill")
        with pytest.raises(Restart):
            lease.check()
        lease.begin("one")
        lease.check()
        lease.finish()
        lease.obey(Verdict(restart=("one",)))
        lease.begin("two")
        lease.check()


def test_pachd_that_is_gone(lease: Lease, renewals: Renewals) -> None:
    with lease:
        renewals.error = PachdGone("gone")
        wait_for(lambda: renewals.kills, "the kill")
        with pytest.raises(PachdGone, match="gone"):
            lease.check()


# -- reports --------------------------------------------------------------------------------------------------


class Reports:
    """Takes reports."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Outcome], bool]] = []
        self.failures: list[TrunklineError] = []
        self.error: TrunklineError | None = None

    def take(self, outcomes: Sequence[Outcome], done: bool) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append((list(outcomes), done))

    @property
    def outcomes(self) -> list[Outcome]:
        return [each for outcomes, _ in self.calls for each in outcomes]


def add(reporter: Reporter, name: str, content: bytes = b"") -> None:
    with reporter.writer() as writer:
        files = [("/f", writer.add(content))] if content else []
    reporter.add(Draft(id=name, state=State.SUCCESS, files=files, statistics=Statistics(upload_bytes=len(content))))


def test_outcomes_are_reported_in_groups_and_durable() -> None:
    store, reports = MemoryStore(), Reports()
    reporter = Reporter(store, reports.take, reports.failures.append)
    for number in range(200):
        add(reporter, f"{number}", b"content %d" % number)
    reporter.finish()
    reporter.drop()
    assert [each.id for each in reports.outcomes] == [f"{number}" for number in range(200)]
    assert [done for _, done in reports.calls] == [False] * (len(reports.calls) - 1) + [True]
    assert len(reports.calls) <= 10
    for outcome in reports.outcomes:
        (output,) = Maps(store).range(Root.unpack(outcome.outputs))
        assert from_entry(output).tag == outcome.id
        assert b"".join(ContentReader(store).read(from_entry(output))) == f"content {outcome.id}".encode()


def test_a_lonely_outcome_is_reported_before_the_batch_ends() -> None:
    reports = Reports()
    reporter = Reporter(MemoryStore(), reports.take, reports.failures.append)
    add(reporter, "one")
    wait_for(lambda: reports.calls, "the report", 2)
    assert reports.calls[0][1] is False
    reporter.finish()
    assert reports.calls[1:] == [([], True)]


def test_a_store_that_is_full_fails_the_datums_that_have_output() -> None:
    def full(operation: str, key: str) -> Exception | None:
        return StorageFull("no space") if operation.startswith("put") else None

    store, reports = FaultyStore(MemoryStore(), full), Reports()
    reporter = Reporter(store, reports.take, reports.failures.append)
    add(reporter, "with", b"content")
    add(reporter, "without")
    wait_for(lambda: len(reports.outcomes) == 2, "the report")
    store.rule = lambda operation, key: None
    add(reporter, "later", b"content")
    reporter.finish()
    states = {each.id: (each.state, each.reason) for each in reports.outcomes}
    assert states == {
        "with": (State.FAILED, "the output could not be stored: no space"),
        "without": (State.SUCCESS, ""),
        "later": (State.SUCCESS, ""),
    }
    assert reports.outcomes[0].statistics.upload_bytes == 0


def test_a_store_that_was_full_for_a_moment() -> None:
    failures = iter([StorageFull("no space")])
    store = FaultyStore(MemoryStore(), lambda operation, key: next(failures, None) if "put" in operation else None)
    reports = Reports()
    reporter = Reporter(store, reports.take, reports.failures.append)
    add(reporter, "one", b"content")
    reporter.finish()
    assert [each.state for each in reports.outcomes] == [State.SUCCESS]


def test_pachd_that_takes_no_reports() -> None:
    reports = Reports()
    reports.error = PachdGone("gone")
    reporter = Reporter(MemoryStore(), reports.take, reports.failures.append)
    for number in range(300):
        add(reporter, f"{number}")
    reporter.finish()
    assert reports.failures == [reports.error]


def test_a_dropped_batch_is_not_reported() -> None:
    reports = Reports()
    reporter = Reporter(MemoryStore(), reports.take, reports.failures.append)
    add(reporter, "one")
    reporter.drop()
    assert reports.calls == []
