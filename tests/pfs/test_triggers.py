"""Triggers: when a branch follows another, what that causes, and what nobody can ask for. Spec 00, section 10."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pfs.house import House, add

from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import Refused
from trunkline.maps import EMPTY
from trunkline.pfs import commits, repos
from trunkline.pfs.refs import RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.triggers import Trigger


@pytest.fixture
def data(house: House) -> House:
    """A repo with the branch master, on an empty commit."""
    house.repo("data", "out")
    house.branch("data")
    house.settle()
    return house


def put(house: House, text: str = "x", branch: str = "data") -> Commit:
    """A commit of its own, with everything that it causes."""
    made = house.write(branch, add("/f", text))
    house.settle()
    return made


def head(house: House, branch: str = "data@t") -> str:
    return house.commit(branch).id


def count(house: House, repo: str = "data") -> int:
    with house.catalog.read() as tx:
        row = tx.row("SELECT count(*) AS n FROM commits JOIN repos ON repos.id = repo WHERE name = ?", (repo,))
    assert row is not None
    return int(row["n"])


# -- conditions -----------------------------------------------------------------------------------------


def test_a_number_of_commits(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", commits=3))
    heads = [head(data)]
    made = [put(data).id for _ in range(7)]
    assert head(data) == made[5]
    assert heads[0] not in made
    assert count(data) == 9  # nothing but what was put, and the two empty ones that the branches began with


def test_the_empty_beginning_of_a_branch_is_not_counted(data: House) -> None:
    data.branch("data@t", trigger=Trigger("late", commits=1))
    before = head(data)
    data.branch("data@late")
    data.settle()
    assert head(data) == before
    first = put(data, branch="data@late")
    assert head(data) == first.id


def test_a_size(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", size="1k"))
    before = head(data)
    put(data, "x" * 999)
    assert head(data) == before
    second = put(data, "x")
    assert head(data) == second.id
    put(data, "x" * 999)
    assert head(data) == second.id
    put(data, "")
    assert head(data) == second.id
    last = put(data, "x")
    assert head(data) == last.id


def test_a_rate(data: House) -> None:
    data.clock.advance(-(data.clock.now() // SECOND % 3600))  # a full hour
    data.branch("data@t", trigger=Trigger("master", rate_limit_spec="@hourly"))
    before = head(data)
    data.clock.advance(3000)
    put(data)
    assert head(data) == before
    data.clock.advance(601)
    second = put(data)
    assert head(data) == second.id
    data.clock.advance(3000)
    put(data)
    assert head(data) == second.id
    never = data.branch("data@never", trigger=Trigger("master", rate_limit_spec="@never"))
    data.clock.advance(100_000)
    third = put(data)
    assert head(data) == third.id
    assert data.commit("data@never").key == never.head


def test_any_or_all(data: House) -> None:
    both = {"size": "10", "commits": 2}
    data.branch("data@any", trigger=Trigger("master", **both))
    data.branch("data@all", trigger=Trigger("master", all=True, **both))
    empty = head(data, "data@all")
    first = put(data, "x" * 10)
    assert (head(data, "data@any"), head(data, "data@all")) == (first.id, empty)
    second = put(data, "x")
    assert (head(data, "data@any"), head(data, "data@all")) == (first.id, second.id)
    third = put(data, "x")
    assert (head(data, "data@any"), head(data, "data@all")) == (third.id, second.id)


def test_no_condition_means_never_or_always(data: House) -> None:
    data.branch("data@any", trigger=Trigger("master"))
    data.branch("data@all", trigger=Trigger("master", all=True))
    before = head(data, "data@any")
    made = put(data)
    assert (head(data, "data@any"), head(data, "data@all")) == (before, made.id)


# -- which commits --------------------------------------------------------------------------------------


def test_a_commit_counts_when_it_is_finished(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", commits=1))
    before = head(data)
    made = data.start("data")
    data.write("data", add("/f", "1"))
    data.settle()
    assert head(data) == before
    data.finish("data")
    assert head(data) == before
    data.settle()
    assert head(data) == made.id


def test_an_errored_commit_does_not_fire(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", all=True))
    before = head(data)
    data.start("data")
    data.finish("data", error="no good")
    data.settle()
    assert head(data) == before
    made = put(data)
    assert head(data) == made.id


def test_what_a_job_made_fires(data: House) -> None:
    data.branch("out", "data")
    data.branch("out@t", trigger=Trigger("master", commits=1))
    put(data)
    opened = data.commit("out")
    data.finish(f"out@{data.commit('out@master^').id}")
    data.settle()
    data.pfs.change(lambda change: commits.complete(change, opened, EMPTY.pack()))
    data.settle()
    assert head(data, "out@t") == opened.id


def test_another_branch_does_not_fire(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", all=True))
    before = head(data)
    put(data, branch="data@other")
    data.branch("data@moved", head="data@other")
    data.settle()
    assert head(data) == before


def test_a_removed_commit_is_not_waited_for(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", all=True))
    before = head(data)
    data.write("data", add("/f", "1"))
    data.drop("data")
    data.settle()
    assert head(data) == before


# -- what follows ---------------------------------------------------------------------------------------


def test_downstream_gets_a_commit_in_a_set_of_its_own(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", commits=2))
    data.branch("out", "data@t")
    first = data.commit("out")
    put(data)
    assert data.commit("out").id == first.id
    second = put(data)
    made = data.commit("out")
    assert made.id not in (first.id, second.id)
    assert made.open
    with data.catalog.read() as tx:
        [row] = tx.rows("SELECT upstream FROM commit_provenance WHERE commit_id = ?", (made.key,))
    assert row["upstream"] == second.key
    data.finish(f"out@{first.id}")
    data.finish("out")
    data.settle()


def test_triggers_chain(data: House) -> None:
    data.branch("data@two", trigger=Trigger("master", commits=2))
    data.branch("data@four", trigger=Trigger("two", commits=4))
    data.branch("out@a", "data@two")
    data.branch("out@b", "data@four")
    made = [put(data).id for _ in range(5)]
    assert (head(data, "data@two"), head(data, "data@four")) == (made[3], made[3])
    assert count(data, "out") == 2 + 2 + 1
    for name in ("out@a^2", "out@a^", "out@a", "out@b^", "out@b"):
        data.finish(f"out@{data.commit(name).id}")
    data.settle()


def test_a_firing_survives_a_crash(tmp_path: Path) -> None:
    """The check is in the catalog, in the transaction that finished the commit."""
    house = House(tmp_path)
    house.repo("data")
    house.branch("data")
    house.branch("data@t", trigger=Trigger("master", commits=1))
    made = house.write("data", add("/f", "1"))
    house.close()
    again = House(tmp_path, house.store)
    again.settle()
    assert head(again) == made.id
    again.close()


# -- cron -----------------------------------------------------------------------------------------------


def at(house: House, text: str) -> None:
    target = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND
    house.clock.advance((target - house.clock.now()) / SECOND)


def test_at_its_ticks_a_branch_follows(house: House) -> None:
    at(house, "2026-05-01 10:10:00")
    house.repo("data")
    house.branch("data")
    house.branch("data@t", trigger=Trigger("master", cron_spec="0 * * * *"))
    before = head(house)
    first = put(house)
    assert head(house) == before
    at(house, "2026-05-01 11:00:01")
    house.settle()
    assert head(house) == first.id
    at(house, "2026-05-01 12:00:01")
    house.settle()
    second = put(house)  # after the tick: it waits for the next one
    house.clock.advance(1800)
    house.settle()
    assert head(house) == first.id
    put(house)
    third = put(house)
    at(house, "2026-05-01 20:30:00")  # many ticks late: one firing
    house.settle()
    assert head(house) == third.id != second.id


def test_ticks_begin_at_the_start_of_the_head(house: House) -> None:
    at(house, "2026-05-01 10:10:00")
    house.repo("data")
    house.branch("data@t")
    first = put(house)
    at(house, "2026-05-01 11:10:00")
    house.branch("data@t", trigger=Trigger("master", cron_spec="@hourly"))
    house.settle()
    assert head(house) == first.id


@pytest.mark.parametrize("order", [("t", "u", "v"), ("v", "u", "t"), ("u", "v", "t")])
def test_ticks_at_once_go_along_a_chain(data: House, order: tuple[str, ...]) -> None:
    """Whichever of them was made first: each follows to where the one before it has just come."""
    source = {"t": "master", "u": "t", "v": "u"}
    for name in order:
        data.branch(f"data@{name}", trigger=Trigger(source[name], cron_spec="@every 10s"))
    made = put(data)
    data.clock.advance(30)
    data.settle()
    assert [head(data, f"data@{name}") for name in "tuv"] == [made.id] * 3


def test_a_cron_and_another_condition(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", cron_spec="@every 1h", commits=2))
    data.branch("data@never", trigger=Trigger("master", all=True, cron_spec="@never"))
    before = head(data, "data@never")
    put(data)
    second = put(data)
    assert head(data) == second.id
    third = put(data)
    data.clock.advance(3601)
    data.settle()
    assert (head(data), head(data, "data@never")) == (third.id, before)


def test_a_source_that_is_missing_or_open(data: House) -> None:
    data.branch("data@t", trigger=Trigger("late", cron_spec="@every 10s"))
    data.branch("data@after", trigger=Trigger("t", all=True))
    before = head(data)
    data.clock.advance(11)
    data.settle()
    assert head(data) == before
    opened = data.start("data@late")
    data.clock.advance(11)
    data.settle()
    assert (head(data), head(data, "data@after") != opened.id) == (opened.id, True)
    data.finish("data@late")
    data.settle()
    assert head(data, "data@after") == opened.id


def test_giving_the_same_trigger_again_does_not_begin_anew(house: House) -> None:
    at(house, "2026-05-01 10:10:00")
    house.repo("data")
    house.branch("data")
    trigger = Trigger("master", cron_spec="@hourly")
    house.branch("data@t", trigger=trigger)
    at(house, "2026-05-01 11:00:01")
    house.settle()
    before = head(house)
    put(house)
    house.branch("data@t", trigger=trigger)
    house.settle()
    assert head(house) == before


# -- what is kept, replaced, refused --------------------------------------------------------------------


def test_none_keeps_the_trigger_and_another_replaces_it(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", commits=5))
    data.branch("data@t")
    data.branch("data@t", head="data@master")
    data.branch("data@t", trigger=Trigger("master", commits=1))
    made = put(data)
    assert head(data) == made.id


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (Trigger(""), "triggers must specify a branch to trigger on"),
        (Trigger("", commits=1), "triggers must specify a branch to trigger on"),
        (Trigger("t"), "triggers cannot form a loop"),
        (Trigger("b"), "triggers cannot form a loop"),
        (Trigger("master", commits=-1), "can't trigger on a negative number of commits"),
        (Trigger("master", size="large"), "invalid trigger size: invalid size: 'large'"),
        (Trigger("master", rate_limit_spec="often"), "invalid trigger rate limit spec: expected exactly 5 fields"),
        (Trigger("master", cron_spec="@often"), "invalid trigger cron spec: unrecognized descriptor: @often"),
    ],
)
def test_what_no_trigger_can_be(data: House, trigger: Trigger, text: str) -> None:
    data.branch("data@a", trigger=Trigger("t", commits=1))
    data.branch("data@b", trigger=Trigger("a", commits=1))
    with pytest.raises(Refused, match=text):
        data.branch("data@t", trigger=trigger)


def test_a_trigger_or_provenance(data: House) -> None:
    text = "^a branch cannot have both provenance and a trigger$"
    with pytest.raises(Refused, match=text):
        data.branch("out", "data", trigger=Trigger("x", commits=1))
    data.branch("out", trigger=Trigger("x", commits=1))
    with pytest.raises(Refused, match=text):
        data.branch("out", "data")
    data.branch("out@y", "data")
    data.finish("out@y")
    data.branch("out@y", trigger=Trigger("x", commits=1))


def test_branches_of_a_trigger_are_removed_by_force(data: House) -> None:
    data.branch("data@t", trigger=Trigger("master", all=True))
    with pytest.raises(
        Refused,
        match=r'^branch "t" cannot be deleted because it is triggered by branches \[default/data@master\]$',
    ):
        data.unbranch("data@t")
    with pytest.raises(
        Refused, match=r'^branch "master" cannot be deleted because it triggers branches \[default/data@t\]$'
    ):
        data.unbranch("data")
    with pytest.raises(Refused, match="cannot be deleted because it"):
        data.pfs.change(lambda change: repos.delete(change, RepoRef("data")))
    data.write("data", add("/f", "1"))  # with a check that waits
    data.unbranch("data", force=True)
    before = head(data)
    put(data)
    assert head(data) == before
    data.unbranch("data@t")
    data.branch("data@t", trigger=Trigger("master", all=True))
    data.write("data", add("/f", "1"))
    data.unbranch("data@t", force=True)
    data.settle()
    data.branch("data@t", trigger=Trigger("master", all=True))
    data.write("data", add("/f", "1"))
    data.pfs.change(lambda change: repos.delete(change, RepoRef("data"), force=True))
    data.settle()


# -- against a model ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["master", "a"]), st.integers(0, 30), st.booleans()), max_size=12),
    every=st.integers(1, 3),
    grown=st.integers(1, 40),
    both=st.booleans(),
)
def test_histories(steps: list[tuple[str, int, bool]], every: int, grown: int, both: bool) -> None:
    """Two chained triggers against a few lines that say when they fire."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.repo("data")
        house.branch("data")
        house.branch("data@a", trigger=Trigger("master", all=both, commits=every, size=str(grown)))
        house.branch("data@b", trigger=Trigger("a", all=True))
        house.settle()
        size = {head(house, f"data@{name}"): 0 for name in ("master", "a", "b")}
        bad: set[str] = set()
        history = {name: [head(house, f"data@{name}")] for name in ("master", "a", "b")}
        for branch, length, good in steps:
            made = house.start(f"data@{branch}")
            house.write(f"data@{branch}", add("/f", "x" * length))
            house.finish(f"data@{branch}", error="" if good else "bad")
            house.settle()
            size[made.id] = size[history[branch][-1]] + (length if good else 0)
            history[branch] = [*history[branch], made.id]
            if not good:
                bad.add(made.id)  # its size counts as 0, though it holds what its parent held
                continue
            if branch == "master":
                chain, old = history["master"], history["a"]
                since = len(chain) - 1 - (chain.index(old[-1]) if old[-1] in chain else 0)
                held = [since >= every, size[made.id] - (0 if old[-1] in bad else size[old[-1]]) >= grown]
                if all(held) if both else any(held):
                    history["a"] = list(chain)
                    history["b"] = list(chain)
            else:
                history["b"] = list(history["a"])
            assert {name: head(house, f"data@{name}") for name in history} == {
                name: chain[-1] for name, chain in history.items()
            }
        assert house.problems() == []
        house.close()
