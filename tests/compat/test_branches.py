"""Branches: every RPC, with what it says to wrong input."""

from __future__ import annotations

import pytest
from pachyderm_sdk.api import pfs
from tests.compat.place import MISSING, Place, refused

from trunkline.testing.commands import wait_for


def names(branches: list[pfs.Branch]) -> list[str]:
    return sorted(f"{one.repo.name}@{one.name}" for one in branches)


def only(branch: pfs.Branch) -> pfs.BranchPropagationSpec:
    return pfs.BranchPropagationSpec(branch=branch, propagation_spec=pfs.PropagationSpec(never=True))


@pytest.fixture
def dag(here: Place) -> Place:
    """a and b are inputs of c, c is the input of d."""
    here.make("a", "b", "c", "d")
    here.put("a@master", f=b"1")
    here.pfs.create_branch(
        branch=here.branch("c@master"), provenance=[here.branch("a@master"), here.branch("b@master")]
    )
    here.pfs.create_branch(branch=here.branch("d@master"), provenance=[here.branch("c@master")])
    return here


def test_create_branch(dag: Place) -> None:
    stub = dag.pfs
    made = stub.inspect_branch(branch=dag.branch("b@master"))  # provenance that was missing was made, empty
    head = stub.inspect_commit(commit=made.head)
    assert head.origin.kind == pfs.OriginKind.AUTO
    assert head.finished.year > 2000
    stub.create_branch(branch=dag.branch("a@dev"), head=dag.commit("a@master"))
    stub.create_branch(branch=dag.branch("a@empty"))
    assert not stub.inspect_commit(commit=dag.commit("a@empty")).parent_commit
    dag.put("a@master", f=b"2")
    stub.create_branch(branch=dag.branch("a@dev"), head=dag.commit("a@master^"))
    assert dag.read("a@dev:/f") == b"1"
    stub.create_branch(branch=dag.branch("c@master"), provenance=[dag.branch("a@master")])
    info = stub.inspect_branch(branch=dag.branch("c@master"))
    assert names(info.direct_provenance) == ["a@master"]
    assert stub.inspect_commit(commit=info.head).finished.year < 2000  # open: it has provenance
    stub.create_branch(branch=dag.branch("c@master"))
    assert stub.inspect_branch(branch=dag.branch("c@master")).provenance == []


def test_bad_branches(dag: Place) -> None:
    stub, master, follower = dag.pfs, dag.branch("a@master"), dag.branch("a@t")
    for words, trigger in {
        "triggers must specify a branch to trigger on": pfs.Trigger(commits=1),
        "invalid trigger size: ": pfs.Trigger(branch="master", size="x"),
        "invalid trigger rate limit spec: ": pfs.Trigger(branch="master", rate_limit_spec="x"),
        "invalid trigger cron spec: ": pfs.Trigger(branch="master", cron_spec="x"),
        "can't trigger on a negative number of commits": pfs.Trigger(branch="master", commits=-1),
        "triggers cannot form a loop": pfs.Trigger(branch="t", commits=1),
    }.items():
        with refused("UNKNOWN", words):
            stub.create_branch(branch=follower, trigger=trigger)
    trigger = pfs.Trigger(branch="master", commits=1)
    new, beside = dag.branch("a@x"), dag.branch("c@x")
    for words, how in {
        "a branch cannot have both provenance and a trigger": {"provenance": [master], "trigger": trigger},
        "multiple branches from the same repo, .*, cannot participate": {"provenance": [master, dag.branch("a@dev")]},
        "is not in its provenance": {"branch_propagation_specs": [only(master)]},
    }.items():
        with refused("UNKNOWN", words):
            stub.create_branch(branch=beside, **how)
    for words, how in {
        "repo .*/a cannot be in the provenance of its own branch": {"branch": new, "provenance": [master]},
        "branch and head commit must belong to the same repo": {"branch": new, "head": dag.commit("c@master")},
        "branch name cannot be a UUID V4": {"branch": pfs.Branch(repo=dag.repo("a"), name=MISSING)},
        r"name \(a b\) invalid": {"branch": pfs.Branch(repo=dag.repo("a"), name="a b")},
        r"name \(\) invalid": {"branch": pfs.Branch(repo=dag.repo("a"), name="")},
    }.items():
        with refused("UNKNOWN", words):
            stub.create_branch(**how)
    with refused("INTERNAL", "cycle detected because"):
        stub.create_branch(branch=master, provenance=[dag.branch("d@master")])
    with refused("NOT_FOUND", "unable to inspect .*not found"):
        stub.create_branch(branch=dag.branch("a@x"), head=dag.commit(f"a@{MISSING}"))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        stub.create_branch(branch=dag.branch("nope@master"))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        stub.create_branch(branch=dag.branch("c@x"), provenance=[dag.branch("nope@master")])
    with refused("INVALID_ARGUMENT", "branch cannot be nil"):
        stub.create_branch()
    with refused("NOT_FOUND", 'branch "x" not found in repo .*/a'):
        stub.inspect_branch(branch=dag.branch("a@x"))


def test_propagation_specs(dag: Place) -> None:
    stub, out, both = dag.pfs, dag.branch("c@master"), [dag.branch("a@master"), dag.branch("b@master")]
    stub.create_branch(branch=out, provenance=both, branch_propagation_specs=[only(both[1])])
    info = stub.inspect_branch(branch=out)
    assert info.branch_propagation_specs == [only(both[1])]
    assert names(info.direct_provenance) == ["a@master", "b@master"]
    before = info.head.id
    quiet = dag.put("b@master", f=b"2")
    assert stub.inspect_branch(branch=out).head.id == before
    loud = dag.put("a@master", f=b"2")
    head = stub.inspect_commit(commit=dag.commit("c@master"))
    assert head.commit.id == loud
    assert {one.id for one in head.direct_provenance} == {loud, quiet}
    loud_spec = pfs.BranchPropagationSpec(branch=both[1], propagation_spec=pfs.PropagationSpec(never=False))
    stub.create_branch(branch=out, provenance=both, branch_propagation_specs=[loud_spec])
    assert stub.inspect_branch(branch=out).branch_propagation_specs == []
    assert dag.put("b@master", f=b"3") == stub.inspect_branch(branch=out).head.id


def test_inspect_branch(dag: Place) -> None:
    info = dag.pfs.inspect_branch(branch=dag.branch("a@master"))
    assert info.branch == dag.branch("a@master")
    assert not info.head.branch
    assert info.head.repo == dag.repo("a")
    assert names(info.subvenance) == ["c@master", "d@master"]
    assert (info.provenance, info.direct_provenance, info.metadata) == ([], [], {})
    assert info.created_at <= info.updated_at
    info = dag.pfs.inspect_branch(branch=dag.branch("d@master"))
    assert names(info.provenance) == ["a@master", "b@master", "c@master"]
    assert names(info.direct_provenance) == ["c@master"]
    trigger = pfs.Trigger(branch="master", commits=2, size="1K", rate_limit_spec="@daily", cron_spec="@never", all=True)
    dag.pfs.create_branch(branch=dag.branch("a@t"), trigger=trigger)
    assert dag.pfs.inspect_branch(branch=dag.branch("a@t")).trigger == trigger
    dag.pfs.create_branch(branch=dag.branch("a@t"))
    assert dag.pfs.inspect_branch(branch=dag.branch("a@t")).trigger == trigger
    with refused("NOT_FOUND", 'branch "nope" not found in repo .*/a'):
        dag.pfs.inspect_branch(branch=dag.branch("a@nope"))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        dag.pfs.inspect_branch(branch=dag.branch("nope@master"))


def test_list_branch(dag: Place) -> None:
    dag.pfs.create_branch(branch=dag.branch("a@dev"))

    def listed(**how: object) -> list[str]:
        return [one.branch.name for one in dag.pfs.list_branch(**how)]

    assert listed(repo=dag.repo("a")) == ["dev", "master"]
    assert listed(repo=dag.repo("a"), reverse=True) == ["master", "dev"]
    everywhere = [one.branch.repo.name for one in dag.pfs.list_branch() if one.branch.repo.project == dag.project]
    assert everywhere == ["a", "d", "c", "b", "a"]
    with refused("NOT_FOUND", "repo .*/nope not found"):
        listed(repo=dag.repo("nope"))


def test_delete_branch(dag: Place) -> None:
    dag.pfs.create_branch(branch=dag.branch("a@t"), trigger=pfs.Trigger(branch="dev", commits=1))
    dag.pfs.create_branch(branch=dag.branch("a@dev"))
    head = dag.pfs.inspect_branch(branch=dag.branch("a@master")).head
    with refused(
        "UNKNOWN", r'branch "master" cannot be deleted because it\'s in the direct provenance of \[.*/c@master\]'
    ):
        dag.pfs.delete_branch(branch=dag.branch("a@master"))
    with refused("UNKNOWN", r'branch "t" cannot be deleted because it is triggered by branches \[.*\]'):
        dag.pfs.delete_branch(branch=dag.branch("a@t"))
    with refused("UNKNOWN", r'branch "dev" cannot be deleted because it triggers branches \[.*\]'):
        dag.pfs.delete_branch(branch=dag.branch("a@dev"))
    for name in ("a@master", "a@dev", "a@t"):
        dag.pfs.delete_branch(branch=dag.branch(name), force=True)
        assert not dag.pfs.branch_exists(dag.branch(name))
    assert dag.pfs.commit_exists(head)
    assert names(dag.pfs.inspect_branch(branch=dag.branch("c@master")).direct_provenance) == ["b@master"]
    with refused("NOT_FOUND", 'branch "nope" not found in repo .*/a'):
        dag.pfs.delete_branch(branch=dag.branch("a@nope"))
    with refused("INVALID_ARGUMENT", "branch: value is required"):
        dag.pfs.delete_branch()


def test_walk_branch_provenance(dag: Place) -> None:
    start = [dag.branch("d@master").as_picker()]
    found = [one.branch.as_uri().split("/")[1] for one in dag.pfs.walk_branch_provenance(start=start)]
    assert found[0] == "c@master"
    assert sorted(found[1:]) == ["a@master", "b@master"]
    assert len(list(dag.pfs.walk_branch_provenance(start=start, max_branches=2))) == 2
    assert len(list(dag.pfs.walk_branch_provenance(start=start, max_depth=1))) == 1
    assert len(list(dag.pfs.walk_branch_provenance(start=start * 2))) == 6
    with refused("NOT_FOUND"):
        list(dag.pfs.walk_branch_provenance(start=[dag.branch("d@nope").as_picker()]))
    with refused("INVALID_ARGUMENT"):
        list(dag.pfs.walk_branch_provenance(start=[pfs.BranchPicker()]))


def test_walk_branch_subvenance(dag: Place) -> None:
    start = [dag.branch("a@master").as_picker()]
    found = [one.branch.as_uri().split("/")[1] for one in dag.pfs.walk_branch_subvenance(start=start)]
    assert found == ["c@master", "d@master"]
    assert len(list(dag.pfs.walk_branch_subvenance(start=start, max_branches=1))) == 1
    assert len(list(dag.pfs.walk_branch_subvenance(start=start, max_depth=1))) == 1
    assert list(dag.pfs.walk_branch_subvenance()) == []


def test_triggers(data: Place) -> None:
    data.pfs.create_branch(branch=data.branch("data@every2"), trigger=pfs.Trigger(branch="master", commits=2))
    first = data.pfs.inspect_branch(branch=data.branch("data@every2")).head
    data.put(f=b"1")
    assert data.pfs.inspect_branch(branch=data.branch("data@every2")).head == first
    moved = data.put(f=b"2")
    stream = data.pfs.subscribe_commit(repo=data.repo(), branch="every2", state=pfs.CommitState.FINISHED)
    assert next(stream).commit.id == first.id
    stream.close()
    wait_for(lambda: data.pfs.inspect_branch(branch=data.branch("data@every2")).head.id == moved, "the trigger")
