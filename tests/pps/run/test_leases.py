"""Leases as a machine: whatever workers do or suffer, each datum is in one place and none is lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trunkline.kernel.clock import Nanos
from trunkline.maps import Entry
from trunkline.pps.leases import LISTED, TABLE, Leases, Move, Place

TRIES = 3
LATER = Nanos(100)


def entry(number: int, size: int = 1) -> Entry:
    return number.to_bytes(32, "big"), b"h" * 32, size, b""


class LeaseMachine(RuleBasedStateMachine):
    """Random workers against a model that only counts."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(TRIES)
        self.offered = 0
        self.batches = 0
        self.settled: set[bytes] = set()
        self.deaths: dict[bytes, int] = {}

    @rule(count=st.integers(1, 5))
    def offer(self, count: int) -> None:
        self.leases.offer(entry(self.offered + number) for number in range(count))
        self.offered += count

    @rule(size=st.integers(1, 4))
    def take(self, size: int) -> None:
        waiting = self.leases.waiting
        self.batches += 1
        lease = self.leases.take(f"b{self.batches}", "w", LATER, size)
        assert (lease is None) == (waiting == 0)
        if lease is not None:
            assert 1 <= len(lease.datums) <= size
            suspects = [key for key in lease.datums if self.deaths.get(key)]
            assert not suspects or len(lease.datums) == 1, "who is suspected goes alone"

    @precondition(lambda self: self.leases.by_batch)
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(sorted(self.leases.by_batch)))
        datums = sorted(self.leases.by_batch[batch].datums)
        some = data.draw(st.sets(st.sampled_from(datums))) if datums else set()
        self.leases.settle(batch, [*some, b"another batch's"])
        self.settled |= some
        for key in some:
            self.deaths.pop(key, None)

    @precondition(lambda self: self.leases.by_batch)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        lease = self.leases.by_batch[data.draw(st.sampled_from(sorted(self.leases.by_batch)))]
        if lease.datums:
            lease.current = data.draw(st.sampled_from(sorted(lease.datums)))

    @precondition(lambda self: self.leases.by_batch)
    @rule(data=st.data(), peaceful=st.booleans())
    def end(self, data: st.DataObject, peaceful: bool) -> None:
        batch = data.draw(st.sampled_from(sorted(self.leases.by_batch)))
        if peaceful:
            self.leases.give_back(batch)
            return
        suspect = self.leases.by_batch[batch].under_way
        self.leases.lose(batch)
        if suspect is not None:
            self.deaths[suspect] = self.deaths.get(suspect, 0) + 1

    @rule()
    def record(self) -> None:
        doomed = self.leases.doomed()
        for one in doomed:
            assert one.deaths == self.deaths.pop(one.entry[0]) == TRIES
            self.settled.add(one.entry[0])
        self.leases.recorded(doomed)
        assert self.leases.doomed() == []

    @invariant()
    def nothing_is_lost(self) -> None:
        assert list(self.leases.problems()) == []
        assert self.leases.unsettled + len(self.settled) == self.offered
        assert all(deaths <= TRIES for deaths in self.deaths.values())

    def teardown(self) -> None:
        """In the end every datum can be settled."""
        while self.leases.unsettled:
            for batch in list(self.leases.by_batch):
                self.leases.give_back(batch)
            self.leases.recorded(self.leases.doomed())
            lease = self.leases.take("last", "w", LATER, 100)
            if lease is not None:
                self.leases.settle("last", list(lease.datums))
        self.nothing_is_lost = lambda: None  # type: ignore[method-assign]
        assert list(self.leases.problems()) == []


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_batches_by_bytes() -> None:
    leases = Leases(TRIES)
    leases.offer([entry(1, 5), entry(2, 5), entry(3, 1), entry(4, 50), entry(5, 1)])
    sizes = []
    while (lease := leases.take(f"b{len(sizes)}", "w", LATER, 100, size_bytes=10)) is not None:
        sizes.append([one[2] for one in lease.datums.values()])
    assert sizes == [[5, 5], [1], [50], [1]]


def test_what_was_given_back_comes_first_again() -> None:
    leases = Leases(TRIES)
    leases.offer(entry(number) for number in range(6))
    leases.take("a", "w", LATER, 3)
    leases.settle("a", [entry(0)[0]])
    leases.give_back("a")
    lease = leases.take("b", "w", LATER, 3)
    assert lease is not None
    assert list(lease.datums) == [entry(number)[0] for number in (1, 2, 3)]


def test_a_suspect_that_was_given_back_still_goes_alone() -> None:
    leases = Leases(TRIES)
    leases.offer([entry(1), entry(2), entry(3)])
    leases.take("a", "w", LATER, 2)
    leases.lose("a")
    assert list(_taken(leases, "b")) == [entry(1)[0]]
    assert list(_taken(leases, "c", 1)) == [entry(2)[0]]
    leases.give_back("b")
    leases.give_back("c")
    assert [list(_taken(leases, name)) for name in "def"] == [[entry(2)[0]], [entry(1)[0]], [entry(3)[0]]]


def _taken(leases: Leases, batch: str, size: int = 10) -> dict[bytes, Entry]:
    lease = leases.take(batch, "w", LATER, size)
    assert lease is not None
    return lease.datums


def test_the_table_knows_every_move_and_ends_in_settled() -> None:
    assert {move for _, move in TABLE} == set(Move)
    assert Place.SETTLED not in {place for place, _ in TABLE}
    assert {place for place, _ in TABLE} | set(TABLE.values()) == set(Place)


def test_datums_of_very_many_inputs_make_small_batches() -> None:
    leases = Leases(TRIES)
    sizes = (LISTED // 2, LISTED // 2, 1, LISTED + 1, 0)
    leases.offer((number.to_bytes(32, "big"), b"h" * 32, 1, b"x" * size) for number, size in enumerate(sizes))
    found = [leases.take(str(batch), "w", LATER, 64) for batch in range(3)]
    assert [len(one.datums) for one in found if one is not None] == [2, 1, 1]
    assert leases.waiting == 1
