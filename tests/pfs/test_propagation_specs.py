"""A branch may come from another one without following it."""

from __future__ import annotations

import pytest
from tests.pfs.house import House, branch_ref

from trunkline.kernel.errors import Refused
from trunkline.pfs import branches, commits, provenance
from trunkline.pfs.change import Change


@pytest.fixture
def pair(house: House) -> House:
    """out comes from data and from models, and follows data only."""
    house.repo("data", "models", "out")
    house.put("data", f="1")
    house.put("models", m="1")
    house.branch("out", "data", "models", quiet=("models",))
    house.finish("out")
    house.settle()
    return house


def inputs(house: House, reference: str) -> dict[str, str]:
    with house.catalog.read() as tx:
        return {one.repo.name: one.id for one in provenance.direct_commits(tx, house.commit(reference).key)}


def quiet(house: House, name: str) -> list[str]:
    with house.catalog.read() as tx:
        found = branches.resolve.branch(tx, branch_ref(name))
        return [str(one.ref) for one in provenance.quiet_branches(tx, found.key)]


def test_a_new_commit_of_a_quiet_branch_causes_nothing(pair: House) -> None:
    before = pair.commit("out")
    newer = pair.put("models", m="2")
    assert pair.commit("out").key == before.key
    assert quiet(pair, "out") == ["default/models@master"]
    # What follows the other input comes from the newest of both.
    change = pair.put("data", f="2")
    assert inputs(pair, "out") == {"data": change.id, "models": newer.id}


def test_what_follows_a_branch_that_does_not_gets_nothing_either(pair: House) -> None:
    pair.repo("end")
    pair.branch("end", "out")
    before = pair.commit("end")
    pair.put("models", m="2")
    assert pair.commit("end").key == before.key
    change = pair.put("data", f="2")
    assert pair.commit("end").id == change.id


def test_a_branch_that_comes_from_both_ends_follows_the_one_it_follows(pair: House) -> None:
    pair.repo("end")
    pair.branch("end", "out", "models")
    newer = pair.put("models", m="2")
    assert pair.commit("end").id == newer.id
    assert inputs(pair, "end") == {"out": pair.commit("out").id, "models": newer.id}
    assert pair.commit("out").id != newer.id


def test_specs_are_replaced_without_a_commit(pair: House) -> None:
    before = pair.commit("out")
    pair.branch("out", "data", "models")
    assert quiet(pair, "out") == []
    assert pair.commit("out").key == before.key
    newer = pair.put("models", m="2")
    assert pair.commit("out").id == newer.id
    pair.branch("out", "data", "models", quiet=("data", "models"))
    pair.put("models", m="3")
    pair.put("data", f="2")
    assert pair.commit("out").id == newer.id


def test_steps_of_one_change_meet_at_its_end(pair: House) -> None:
    """The commit that a step makes comes from the heads of the end, also those that it does not follow."""

    def step(change: Change) -> None:
        branches.create(
            change,
            branch_ref("other"),
            provenance_refs=[branch_ref("models")],
            quiet=[branch_ref("models")],
        )
        commits.start(change, branch_ref("models"))

    pair.repo("other")
    pair.pfs.change(step)
    assert inputs(pair, "other") == {"models": pair.commit("models").id}


def test_a_spec_for_a_branch_that_is_not_in_the_provenance_is_refused(pair: House) -> None:
    with pytest.raises(Refused, match="is not in its provenance"):
        pair.branch("out", "data", quiet=("models",))
    with pytest.raises(Refused, match="is not in its provenance"):
        pair.branch("out", quiet=("data",))
