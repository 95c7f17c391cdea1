"""Squash keeps the data in the children, drop loses it; both refuse what would do otherwise (spec 01, section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.pfs.house import House, branch_ref

from trunkline.kernel.errors import NotFound, Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import branches, commit_lists, commits, history, listing, provenance, repos
from trunkline.pfs.change import Change
from trunkline.pfs.refs import SPEC, BranchRef, RepoRef


def chain_of(house: House, name: str = "data") -> list[str]:
    """The ids from the head of master to the root."""
    head = listing.CommitRef(RepoRef(name), branch="master")
    return [one.id for one in commit_lists.list_commits(house.catalog, RepoRef(name), to=head)]


@pytest.fixture
def chain(house: House) -> tuple[House, list[str]]:
    """c1 ← c2 ← c3 on master, each adding a file of its own."""
    house.repo("data")
    return house, [house.put("data", **{name: name}).id for name in "abc"]


@pytest.fixture
def fed(house: House) -> tuple[House, list[str]]:
    """data feeds out: each of three commits of data has one of out's."""
    house.repo("data", "out")
    made = [house.put("data", a="1").id]
    house.branch("out", "data")
    house.finish("out")
    for number in "23":
        made.append(house.put("data", a=number).id)
        house.finish("out")
    house.settle()
    return house, made


# -- squash ---------------------------------------------------------------------------------------------


def test_the_data_of_a_squashed_commit_lives_on_in_its_child(chain: tuple[House, list[str]]) -> None:
    house, (c1, c2, c3) = chain
    house.squash(f"data@{c2}")
    assert chain_of(house) == [c3, c1]
    assert house.files("data") == {"/a": "a", "/b": "b", "/c": "c"}
    with pytest.raises(NotFound):
        house.commit(f"data@{c2}")
    house.squash(f"data@{c1}")
    assert chain_of(house) == [c3]
    assert house.files("data") == {"/a": "a", "/b": "b", "/c": "c"}


def test_a_head_cannot_be_squashed(chain: tuple[House, list[str]]) -> None:
    house, (*_, c3) = chain
    with pytest.raises(Refused) as refused:
        house.squash("data")
    assert refused.value.message == (
        "cannot squash a commit that has no children as that would cause data loss, use the drop operation "
        f"instead: default/data@{c3}"
    )


def test_a_commit_is_not_squashed_under_an_unfinished_child(chain: tuple[House, list[str]]) -> None:
    house, (*_, c3) = chain
    child = house.start("data")
    with pytest.raises(Refused, match=f"^cannot squash until child commit default/data@{child.id} is finished"):
        house.squash(f"data@{c3}")
    house.finish("data")
    with pytest.raises(Refused, match="is finished"):
        house.squash(f"data@{c3}")
    house.settle()
    house.squash(f"data@{c3}")
    assert house.files("data") == {"/a": "a", "/b": "b", "/c": "c"}


def test_branches_on_a_squashed_commit_go_to_its_parent(chain: tuple[House, list[str]]) -> None:
    house, (c1, c2, _) = chain
    house.branch("data@two", head=f"data@{c2}")
    house.squash(f"data@{c2}")
    assert house.commit("data@two").id == c1


def test_squashing_a_root_under_a_branch_leaves_an_empty_head(chain: tuple[House, list[str]]) -> None:
    house, (c1, c2, c3) = chain
    house.branch("data@one", head=f"data@{c1}")
    house.squash(f"data@{c1}")
    assert chain_of(house) == [c3, c2]
    assert house.files("data@one") == {}
    assert house.commit("data@one").origin == "AUTO"


def test_what_comes_from_a_commit_is_squashed_only_if_asked(fed: tuple[House, list[str]]) -> None:
    house, (_, second, third) = fed
    with pytest.raises(Refused, match=rf"^cannot squash commit \(default/data@{second}\) with subvenance without rec"):
        house.squash(f"data@{second}")
    house.squash(f"data@{second}", recursive=True)
    assert second not in chain_of(house) + chain_of(house, "out")
    assert house.commit("out").id == third
    assert house.files("data") == {"/a": "3"}


def test_a_set_is_squashed_as_one(fed: tuple[House, list[str]]) -> None:
    house, (_, second, _) = fed
    house.pfs.change(lambda change: history.squash_set(change, SetId(second)))
    assert second not in chain_of(house) + chain_of(house, "out")
    house.pfs.change(lambda change: history.squash_set(change, SetId(second)))  # nothing to do


def test_a_set_that_others_come_from_stays(house: House) -> None:
    house.repo("data", "out")
    first = house.put("data", a="1").id
    house.branch("out", "data")  # comes from `first`, in a set of its own
    other = house.commit("out").id
    for call in (history.squash_set, history.drop_set):
        with pytest.raises(Refused) as refused:
            house.pfs.change(lambda change, call=call: call(change, SetId(first)))
        assert refused.value.message == (
            f'commit set "{first}" cannot be dropped because it has subvenant commit sets: [{other}]'
        )
    assert house.files("data") == {"/a": "1"}


# -- drop -----------------------------------------------------------------------------------------------


def test_dropping_a_head_goes_back_to_its_parent(chain: tuple[House, list[str]]) -> None:
    house, (c1, c2, c3) = chain
    house.drop("data")
    assert chain_of(house) == [c2, c1]
    assert house.files("data") == {"/a": "a", "/b": "b"}
    with pytest.raises(NotFound, match=f"^commit default/data@{c3} not found$"):
        house.commit(f"data@{c3}")


def test_a_commit_with_children_is_not_dropped(chain: tuple[House, list[str]]) -> None:
    house, (c1, *_) = chain
    with pytest.raises(Refused, match=f"^cannot drop a commit that has children: default/data@{c1}$"):
        house.drop(f"data@{c1}")


def test_dropping_the_only_commit_leaves_a_new_empty_one(house: House) -> None:
    house.repo("data")
    made = house.put("data", a="1")
    house.drop("data")
    head = house.commit("data")
    assert (head.id != made.id, head.origin, head.finished is not None) == (True, "AUTO", True)
    assert house.files("data") == {}
    assert house.put("data", b="2").parent == head.key


def test_dropping_what_two_branches_point_to(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    house.branch("data@same", head="data@master")
    house.drop("data")
    assert house.commit("data") == house.commit("data@same")
    assert house.files("data") == {}


def test_an_open_commit_can_be_dropped_with_what_was_written(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    house.start("data")
    house.put("data", a="2")
    house.drop("data")
    assert house.files("data") == {"/a": "1"}
    with house.catalog.read() as tx:
        assert tx.row("SELECT 1 FROM layers") is None


def test_what_comes_from_a_commit_is_dropped_only_if_asked(fed: tuple[House, list[str]]) -> None:
    house, (_, second, third) = fed
    with pytest.raises(
        Refused, match=rf"^cannot drop commit \(default/data@{third}\) with subvenance without recursive$"
    ):
        house.drop("data")
    house.drop("data", recursive=True)
    assert (house.commit("data").id, house.commit("out").id) == (second, second)


def test_dropping_a_whole_dag_begins_it_anew(house: House) -> None:
    house.repo("top", "middle", "end")
    house.branch("middle", "top")
    house.branch("end", "middle")
    house.drop("top", recursive=True)
    heads = {name: house.commit(name) for name in ("top", "middle", "end")}
    assert len({one.id for one in heads.values()}) == 1
    assert {name: one.open for name, one in heads.items()} == {"top": False, "middle": True, "end": True}
    with house.catalog.read() as tx:
        for below, above in (("middle", "top"), ("end", "middle")):
            assert [one.key for one in provenance.direct_commits(tx, heads[below].key)] == [heads[above].key]


def test_a_set_is_dropped_as_one(fed: tuple[House, list[str]]) -> None:
    house, (_, second, third) = fed
    house.pfs.change(lambda change: history.drop_set(change, SetId(third)))
    assert (house.commit("data").id, house.commit("out").id) == (second, second)
    first = chain_of(house)[-1]
    with pytest.raises(Refused, match="^cannot drop a commit that has children"):
        house.pfs.change(lambda change: history.drop_set(change, SetId(chain_of(house, "out")[-1])))
    assert chain_of(house)[-1] == first


# -- specs, and the rooms above -------------------------------------------------------------------------


def test_the_commits_of_a_pipelines_versions_stay(house: House) -> None:
    house.repo("out")
    spec = BranchRef(RepoRef("out", SPEC), "master")
    house.pfs.change(lambda change: repos.create(change, RepoRef("out", SPEC)))
    made = house.pfs.change(lambda change: commits.start(change, spec))
    house.pfs.change(lambda change: branches.create(change, branch_ref("out"), provenance_refs=[spec]))
    words = f"^cannot squash commit default/out.spec@{made.id} because it updated a pipeline$"
    ref = listing.CommitRef(spec.repo, made.id)
    for call in (
        lambda change: history.squash(change, ref, recursive=True),
        lambda change: history.squash_set(change, SetId(house.commit("out").id)),
    ):
        with pytest.raises(Refused, match="cannot squash"):
            house.pfs.change(call)
    with pytest.raises(Refused, match=words):
        house.pfs.change(lambda change: history.squash(change, ref, recursive=True))


def test_rooms_above_hear_of_removals_before_they_happen(chain: tuple[House, list[str]]) -> None:
    house, (c1, c2, _) = chain
    heard: list[Sequence[int]] = []
    doomed = house.commit(f"data@{c2}").key

    def removal(change: Change, keys: Sequence[int]) -> None:
        heard.append(keys)
        assert all(change.tx.row("SELECT 1 FROM commits WHERE id = ?", (key,)) for key in keys)

    house.pfs.removals.append(removal)
    house.squash(f"data@{c2}")
    assert heard[-1:] == [[doomed]]

    def refuse(change: Change, keys: Sequence[int]) -> None:
        raise Refused("still needed")

    house.pfs.removals.append(refuse)
    with pytest.raises(Refused, match="still needed"):
        house.squash(f"data@{c1}")
    assert c1 in chain_of(house)
