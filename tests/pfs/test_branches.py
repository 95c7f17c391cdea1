"""Branches: heads, provenance, and the graph that they form (spec 01, section 4; spec 00, section 8)."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, branch_ref, commit_ref

from trunkline.kernel.errors import CycleDetected, InvalidRequest, NotFound, Refused
from trunkline.pfs import branches, provenance, resolve
from trunkline.pfs.rows import Commit


def upstream(house: House, commit: Commit) -> list[str]:
    with house.catalog.read() as tx:
        return [str(one) for one in provenance.direct_commits(tx, commit.key)]


def direct(house: House, branch: str) -> list[str]:
    with house.catalog.read() as tx:
        found = resolve.branch(tx, branch_ref(branch))
        return [str(one.ref) for one in provenance.direct_branches(tx, found.key)]


# -- heads ----------------------------------------------------------------------------------------------


def test_a_new_branch_has_an_empty_finished_head(house: House) -> None:
    house.repo("data")
    house.branch("data@master")
    head = house.commit("data")
    assert (head.origin, head.open, head.finished is not None, head.parent) == ("AUTO", False, True, None)
    assert house.files("data") == {}


def test_a_branch_can_begin_at_a_commit(house: House) -> None:
    house.repo("data")
    first = house.put("data", a="1")
    house.put("data", a="2")
    house.branch("data@old", head="data@master^")
    assert house.commit("data@old").id == first.id
    assert house.files("data@old") == {"/a": "1"}
    assert house.commit("data@old").key == first.key  # no new commit


def test_setting_the_head_moves_the_branch_and_makes_no_commit(house: House) -> None:
    house.repo("data")
    first = house.put("data", a="1")
    second = house.put("data", a="2")
    house.branch("data@master", head=f"data@{first.id}")
    assert house.files("data") == {"/a": "1"}
    assert house.files(f"data@{second.id}") == {"/a": "2"}
    third = house.put("data", b="3")
    assert third.parent == first.key
    assert house.files("data") == {"/a": "1", "/b": "3"}


def test_asking_for_what_is_already_so_changes_nothing(house: House) -> None:
    house.repo("data", "out")
    house.put("data", a="1")
    house.branch("out@master", "data@master")
    before = house.commit("out"), house.commit("data")
    house.branch("out@master", "data@master")
    house.branch("data@master")
    house.branch("data@master", head="data@master")
    assert (house.commit("out"), house.commit("data")) == before


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "0123456789ab40000000000000000000"])
def test_bad_names_are_refused(house: House, name: str) -> None:
    house.repo("data")
    ref = branches.BranchRef(branch_ref("data").repo, name)
    with pytest.raises(Refused):
        house.pfs.change(lambda change: branches.create(change, ref))


def test_a_branch_needs_its_repo_and_its_head(house: House) -> None:
    with pytest.raises(NotFound, match="^repo default/nope not found$"):
        house.branch("nope@master")
    house.repo("data", "other")
    with pytest.raises(NotFound, match="^unable to inspect default/data@gone: branch"):
        house.branch("data@master", head="data@gone")
    house.put("other", a="1")
    with pytest.raises(Refused, match="^branch and head commit must belong to the same repo"):
        house.branch("data@master", head="other@master")


# -- provenance -----------------------------------------------------------------------------------------


def test_provenance_that_is_missing_is_made_empty(house: House) -> None:
    house.repo("data", "out")
    house.branch("out@master", "data@dev")
    made = house.commit("data@dev")
    assert (made.origin, made.finished is not None, house.files("data@dev")) == ("AUTO", True, {})
    head = house.commit("out")
    assert (head.origin, head.open, head.id) == ("AUTO", True, made.id)
    assert upstream(house, head) == [str(made)]


def test_provenance_is_replaced_not_added_to(house: House) -> None:
    house.repo("a", "b", "out")
    house.branch("out@master", "a@master")
    first = house.commit("out")
    house.branch("out@master", "b@master")
    assert direct(house, "out") == ["default/b@master"]
    second = house.commit("out")
    assert second.parent == first.key
    assert [one.split("@")[0] for one in upstream(house, second)] == ["default/b"]
    house.branch("out@master")
    assert direct(house, "out") == []
    assert house.commit("out") == second  # the head stays


def test_naming_a_branch_twice_is_naming_it_once(house: House) -> None:
    house.repo("a", "out")
    house.branch("out@master", "a@master", "a@master")
    assert direct(house, "out") == ["default/a@master"]


def test_a_new_head_with_new_provenance_has_the_given_parent(house: House) -> None:
    house.repo("data", "out")
    first = house.put("out", a="1")
    house.put("out", a="2")
    house.branch("out@master", "data@master", head=f"out@{first.id}")
    head = house.commit("out")
    assert head.parent == first.key
    assert head.open


# -- what the graph may not be ---------------------------------------------------------------------------


def test_a_repo_cannot_be_in_its_own_provenance(house: House) -> None:
    house.repo("data")
    with pytest.raises(Refused, match="^repo default/data cannot be in the provenance of its own branch$"):
        house.branch("data@master", "data@dev")


def test_a_cycle_is_refused(house: House) -> None:
    house.repo("a", "b", "c")
    house.branch("b@master", "a@master")
    house.branch("c@master", "b@master")
    before = house.commit("a")
    with pytest.raises(
        CycleDetected, match="^cycle detected because default/c@master is already in the subvenance of default/a@master"
    ):
        house.branch("a@master", "c@master")
    assert direct(house, "a") == []
    assert house.commit("a") == before


@pytest.mark.parametrize("there", [True, False])
def test_two_branches_of_one_repo_cannot_meet(house: House, there: bool) -> None:
    house.repo("data", "out")
    if there:
        house.put("data@x", a="1")
        house.put("data@y", a="1")
    words = '^multiple branches from the same repo, "default/data", cannot participate in a DAG$'
    with pytest.raises(Refused, match=words):
        house.branch("out@master", "data@x", "data@y")


def test_two_branches_of_one_repo_cannot_meet_further_up_or_down(house: House) -> None:
    house.repo("data", "a", "b", "out", "last")
    house.branch("a@master", "data@x")
    house.branch("b@master", "data@y")
    with pytest.raises(Refused, match='"default/data", cannot participate'):
        house.branch("out@master", "a@master", "b@master")
    house.branch("out@master", "a@master")
    house.branch("last@master", "out@master")
    with pytest.raises(Refused, match='"default/data", cannot participate'):
        house.branch("out@master", "a@master", "data@y")


def test_a_change_can_reach_a_repo_on_one_branch_only(house: House) -> None:
    """Else a write to `data` would need two commits of one id in `out`, and none could be written any more."""
    house.repo("data", "out")
    house.branch("out@x", "data@master")
    with pytest.raises(Refused, match='"default/out", cannot participate'):
        house.branch("out@y", "data@master")
    house.put("data", a="1")
    assert house.commit("out@x").id == house.commit("data").id


# -- inspecting and deleting ----------------------------------------------------------------------------


def test_closures(house: House) -> None:
    house.repo("a", "b", "c", "d")
    house.branch("b@master", "a@master")
    house.branch("c@master", "a@master")
    house.branch("d@master", "b@master", "c@master")
    with house.catalog.read() as tx:
        top, bottom = (resolve.branch(tx, branch_ref(name)).key for name in ("a", "d"))
        assert [one.ref.repo.name for one in provenance.upstream_branches(tx, bottom)] == ["a", "b", "c"]
        assert [one.ref.repo.name for one in provenance.downstream_branches(tx, top)] == ["b", "c", "d"]
        assert [one.ref.repo.name for one in provenance.direct_branches(tx, bottom)] == ["b", "c"]


def test_a_missing_branch_is_told(house: House) -> None:
    house.repo("data")
    for name, words in (
        ("data@dev", '^branch "dev" not found in repo default/data$'),
        ("nope@master", "^repo default/nope not found$"),
    ):
        with pytest.raises(NotFound, match=words):
            house.unbranch(name)
        with pytest.raises(NotFound, match=words), house.catalog.read() as tx:
            resolve.branch(tx, branch_ref(name))


def test_commits_stay_when_their_branch_goes(house: House) -> None:
    house.repo("data")
    made = house.put("data", a="1")
    house.unbranch("data@master")
    assert house.files(f"data@{made.id}") == {"/a": "1"}
    with pytest.raises(NotFound, match='^branch "master" not found'):
        house.commit("data")
    assert house.put("data", b="2").parent is None  # a branch of that name begins anew
    assert house.files("data") == {"/b": "2"}


def test_a_branch_that_others_come_from_is_kept_unless_forced(house: House) -> None:
    house.repo("data", "out")
    house.branch("out@master", "data@master")
    words = r"^branch \"master\" cannot be deleted because it's in the direct provenance of \[default/out@master\]$"
    with pytest.raises(Refused, match=words):
        house.unbranch("data@master")
    house.unbranch("data@master", force=True)
    assert direct(house, "out") == []


def test_a_reference_must_say_something(house: House) -> None:
    house.repo("data")
    with pytest.raises(InvalidRequest, match="^cannot resolve commit with no ID or branch"), house.catalog.read() as tx:
        resolve.commit(tx, resolve.CommitRef(commit_ref("data").repo))
