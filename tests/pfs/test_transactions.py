"""Several steps in one change: whatever their order, what is made downstream comes from the heads of the end.

`every_order` is the judge: it does the same steps in every order that the rules allow, and what comes of them must not
differ.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pfs.house import House, branch_ref, commit_ref

from trunkline.catalog import Tx
from trunkline.kernel.errors import AlreadyExists, CycleDetected, NotFound, Refused, TrunklineError
from trunkline.kernel.ids import SetId, new_id
from trunkline.pfs import branches, commits, history, listing, provenance, repos, resolve, rows, transactions
from trunkline.pfs.change import Change
from trunkline.pfs.refs import RepoRef

Step = Callable[[Change], object]


def start(name: str) -> Step:
    return lambda change: commits.start(change, branch_ref(name))


def finish(name: str) -> Step:
    return lambda change: commits.finish(change, commit_ref(name))


def tie(name: str, *upstream: str, head: str | None = None) -> Step:
    return lambda change: branches.create(
        change,
        branch_ref(name),
        head=None if head is None else commit_ref(head),
        provenance_refs=[branch_ref(one) for one in upstream],
    )


def together(house: House, *steps: Step) -> SetId:
    def step(change: Change) -> SetId:
        for one in steps:
            one(change)
        return change.set_id

    return house.pfs.change(step)


def picture(tx: Tx, made: str) -> dict[str, list[str]]:
    """Each branch, whether its head is of the set, and which commits that comes from."""

    def name(commit: rows.Commit) -> str:
        return f"{commit.repo.name} {'new' if commit.id == made else 'old'}"

    found = {}
    for branch in list(rows.branches(tx, "ORDER BY branches.id", ())):
        head = rows.commit_by_key(tx, branch.head)
        assert head is not None
        found[f"{branch.ref}: {name(head)}"] = sorted(map(name, provenance.direct_commits(tx, head.key)))
    return found


def now(house: House, made: str) -> dict[str, list[str]]:
    with house.catalog.read() as tx:
        return picture(tx, made)


def every_order(house: House, *steps: Step) -> dict[str, list[str]]:
    """What the steps come to, the same in every order in which they are allowed; it is done in the order given."""
    seen: list[dict[str, list[str]]] = []

    def look(change: Change) -> None:
        seen.append(picture(change.tx, change.set_id))
        for commit in list(rows.commits(change.tx, "ORDER BY commits.id", ())):
            assert all(one.key < commit.key for one in provenance.direct_commits(change.tx, commit.key))

    house.pfs.hooks.append(look)
    for order in itertools.permutations(steps):
        with contextlib.suppress(TrunklineError):
            house.pfs.trial(lambda change, order=order: [one(change) for one in order], SetId(new_id()))
    together(house, *steps)
    house.pfs.hooks.remove(look)
    assert len(seen) > 2
    assert all(one == seen[-1] for one in seen)
    return seen[-1]


# -- several steps --------------------------------------------------------------------------------------


def test_two_inputs_make_one_commit_downstream(house: House) -> None:
    house.repo("a", "b", "out")
    house.branch("out", "a", "b")
    assert every_order(house, start("a"), start("b")) == {
        "default/a@master: a new": [],
        "default/b@master: b new": [],
        "default/out@master: out new": ["a new", "b new"],
    }


def test_a_branch_tied_before_its_input_moves_comes_from_the_new_input(house: House) -> None:
    house.repo("a", "out", "end")
    house.put("a", x="1")
    assert every_order(house, tie("out", "a"), tie("end", "out"), start("a")) == {
        "default/a@master: a new": [],
        "default/out@master: out new": ["a new"],
        "default/end@master: end new": ["out new"],
    }
    assert house.commit("out").open
    house.finish("a")
    house.settle()


def test_heads_that_are_moved_count_as_they_are_in_the_end(house: House) -> None:
    house.repo("a", "out")
    house.branch("out", "a")
    old = house.put("a", x="1").id
    house.finish("out")
    made = together(house, start("a"), finish("a"), tie("a", head=f"a@{old}"))
    assert now(house, made)["default/out@master: out new"] == ["a old"]


def test_a_change_of_mind_about_the_provenance(house: House) -> None:
    house.repo("a", "b", "out", "end")
    house.branch("a")
    house.branch("b")
    made = together(house, tie("out", "a"), tie("end", "out"), tie("out", "b"), start("b"))
    assert now(house, made) == {
        "default/a@master: a old": [],
        "default/b@master: b new": [],
        "default/out@master: out new": ["b new"],
        "default/end@master: end new": ["out new"],
    }


def test_a_diamond_whose_tip_moves_last(house: House) -> None:
    house.repo("a", "left", "right", "end")
    house.branch("a")
    steps = (tie("left", "a"), tie("right", "a"), tie("end", "left", "right"), start("a"))
    assert every_order(house, *steps) == {
        "default/a@master: a new": [],
        "default/left@master: left new": ["a new"],
        "default/right@master: right new": ["a new"],
        "default/end@master: end new": ["left new", "right new"],
    }
    with house.catalog.read() as tx:
        made = listing.members(tx, house.commit("end").id)
    assert [one.repo.name for one in made] == ["a", "left", "right", "end"]


def test_another_branch_on_a_commit_that_gets_younger_follows(house: House) -> None:
    house.repo("a", "out", "far", "end")
    house.branch("a")
    steps = (tie("far", "a"), tie("out", "far"), tie("out@copy", head="out"), tie("end", "out@copy"), start("a"))
    made = together(house, *steps)
    found = now(house, made)
    assert found["default/out@copy: out new"] == found["default/out@master: out new"] == ["far new"]
    assert found["default/end@master: end new"] == ["out new"]


def test_a_commit_never_comes_from_itself(house: House) -> None:
    house.repo("a", "out", "data")
    house.branch("data")
    circle = (tie("out", "data"), tie("out@b", head="out"), tie("data@y", "out@b"), tie("data", head="data@y"))
    with pytest.raises((CycleDetected, Refused, AlreadyExists)):
        together(house, *circle)


def test_one_commit_per_repo(house: House) -> None:
    house.repo("a")
    with pytest.raises(AlreadyExists, match=r"inconsistent dependencies: .* repo \(default/a\) already has a commit"):
        together(house, start("a"), finish("a"), start("a@dev"))
    with pytest.raises(Refused, match="has not been finished"):
        together(house, start("a"), start("a"))


def test_what_was_made_may_be_removed_again(house: House) -> None:
    house.repo("a", "out")
    house.branch("out", "a")
    together(
        house,
        start("a"),
        lambda change: repos.delete(change, RepoRef("a"), force=True),
        lambda change: repos.create(change, RepoRef("b")),
        start("b"),
    )
    with house.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef("a")) is None
    assert house.commit("b").open


def test_all_or_nothing(house: House) -> None:
    house.repo("a")
    before = now(house, "")
    with pytest.raises(NotFound):
        together(house, start("a"), lambda change: repos.create(change, RepoRef("b")), start("nope"))
    assert now(house, "") == before
    with house.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef("b")) is None


def test_a_set_of_an_older_change_is_squashed_in_a_change_with_others(house: House) -> None:
    house.repo("a", "b")
    old = house.put("a", x="1").id
    house.put("a", y="1")
    house.settle()
    together(house, start("b"), lambda change: history.squash_set(change, old))
    assert house.commit("b").open
    assert house.files("a") == {"/x": "1", "/y": "1"}


# -- trials and lists -----------------------------------------------------------------------------------


def test_a_trial_changes_nothing(house: House) -> None:
    house.repo("a")
    name = SetId(new_id())
    version = house.catalog.watch.version
    assert house.pfs.trial(lambda change: commits.start(change, branch_ref("a")), name).id == name
    assert house.catalog.watch.version == version
    with house.catalog.read() as tx:
        assert resolve.find_branch(tx, branch_ref("a")) is None
    with pytest.raises(NotFound, match="repo default/nope not found"):
        house.pfs.trial(lambda change: commits.start(change, branch_ref("nope")), name)


def test_a_list_grows_only_for_whoever_has_seen_it(house: House) -> None:
    made = house.pfs.change(transactions.start)
    one, two = transactions.Step(b"1", b"a"), transactions.Step(b"2", b"b")
    with house.catalog.read() as tx:
        seen = transactions.need(tx, made.id)
    assert house.catalog.write(lambda tx: transactions.extend(tx, seen, [one]))
    assert not house.catalog.write(lambda tx: transactions.extend(tx, seen, [two]))
    with house.catalog.read() as tx:
        seen = transactions.need(tx, made.id)
        assert (seen.steps, seen.version) == ((one,), 1)
    assert house.catalog.write(lambda tx: transactions.extend(tx, seen, [one, two]))
    house.catalog.write(lambda tx: transactions.delete(tx, seen))
    with house.catalog.read() as tx, pytest.raises(NotFound, match="transaction .* not found"):
        transactions.need(tx, made.id)
    with house.catalog.read() as tx:
        assert transactions.select(tx) == []


# -- any steps ------------------------------------------------------------------------------------------

REPOS = ("a", "b", "c", "d")
NAMES = tuple(f"{repo}@{name}" for repo in REPOS for name in ("master", "dev"))

a_name = st.sampled_from(NAMES)
a_step = st.one_of(
    st.builds(start, a_name),
    st.builds(finish, a_name),
    st.builds(lambda name, upstream: tie(name, *upstream), a_name, st.lists(a_name, max_size=3)),
    st.builds(lambda name, head: tie(name, head=head), a_name, a_name),
    st.builds(
        lambda name, upstream, head: tie(name, upstream, head=head),
        a_name,
        a_name,
        a_name,
    ),
    st.builds(lambda name: lambda change: branches.delete(change, branch_ref(name), force=True), a_name),
)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(a_step, min_size=1, max_size=8), min_size=1, max_size=5))
def test_any_steps_leave_the_world_sound(changes: list[list[Step]]) -> None:
    """Steps that are refused are left out; the rest of their change is done."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.repo(*REPOS)
        for steps in changes:
            done: list[Step] = []
            for step in steps:
                with contextlib.suppress(TrunklineError):
                    house.pfs.trial(lambda change, all=(*done, step): [one(change) for one in all], SetId(new_id()))
                    done.append(step)
            made = together(house, *done)
            check_provenance(house, made)
            house.settle()
        assert house.problems() == []
        house.close()


def check_provenance(house: House, made: SetId) -> None:
    """What a branch got in a change comes from what the branch comes from, as it is after the change."""
    with house.catalog.read() as tx:
        for branch in list(rows.branches(tx, "ORDER BY branches.id", ())):
            head = rows.commit_by_key(tx, branch.head)
            upstream = {one.head for one in provenance.direct_branches(tx, branch.key)}
            assert head is not None
            if upstream and head.id == made and head.branch == branch.ref.name:
                direct = {one.key: one.repo_key for one in provenance.direct_commits(tx, head.key)}
                assert upstream <= set(direct)
                # What else it comes from was of a branch that is deleted, and no older head of one that is there.
                wanted = {direct[key] for key in upstream}
                assert all(repo not in wanted for key, repo in direct.items() if key not in upstream)
            assert all(above.id != made or head.id == made for above in provenance.upstream_commits(tx, head.key))
