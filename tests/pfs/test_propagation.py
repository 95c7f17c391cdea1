"""What one change causes downstream: spec 00, sections 9 and 17, as far as the file system alone goes.

The branches with provenance are made by hand; a finished output commit stands for a job's result.
"""

from __future__ import annotations

import pytest
from tests.pfs.house import House, add, branch_ref

from trunkline.kernel.errors import AlreadyExists, NotFound, Refused
from trunkline.pfs import branches, commit_lists, commits, listing, provenance, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.refs import SPEC, BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Commit

OUT_SPEC = BranchRef(RepoRef("out", SPEC), "master")


def ids(house: House, name: str) -> list[str]:
    """The commits of a repo, newest first."""
    return [one.id for one in commit_lists.list_commits(house.catalog, RepoRef(name))]


def upstream(house: House, commit: Commit) -> dict[str, str]:
    with house.catalog.read() as tx:
        return {one.repo.name: one.id for one in provenance.direct_commits(tx, commit.key)}


def members(house: House, set_id: str) -> list[str]:
    with house.catalog.read() as tx:
        return [f"{one.repo.name}@{one.id}" for one in listing.members(tx, listing.SetId(set_id))]


@pytest.fixture
def dag(house: House) -> House:
    """images, labels → train → report, as in the worked example."""
    house.repo("images", "labels", "train", "report")
    house.branch("train@master", "images@master", "labels@master")
    house.branch("report@master", "train@master")
    return house


def test_the_worked_example(dag: House) -> None:
    made_train, made_report = dag.commit("train").id, dag.commit("report").id
    # Making the branches: empty closed inputs of the same set, open outputs.
    assert ids(dag, "images") == ids(dag, "labels") == [made_train]
    assert ids(dag, "train") == [made_train]
    assert ids(dag, "report") == [made_report]
    assert dag.commit("images").finished is not None
    assert dag.commit("train").open

    # A file in images: one set downstream, the labels as an alias.
    put = dag.put("images", a="1").id
    assert dag.commit("train").id == dag.commit("report").id == put
    assert upstream(dag, dag.commit("train")) == {"images": put, "labels": made_train}
    assert upstream(dag, dag.commit("report")) == {"train": put}
    assert members(dag, put) == [f"labels@{made_train}", f"images@{put}", f"train@{put}", f"report@{put}"]
    assert dag.commit(f"labels@{put}").id == made_train
    assert ids(dag, "labels") == [made_train]

    # Without provenance a branch is left alone, and so is what comes from it.
    dag.finish("train")
    dag.branch("train@master")
    before = ids(dag, "train"), ids(dag, "report")
    alone = dag.put("images", a="2").id
    assert (ids(dag, "train"), ids(dag, "report")) == before
    assert members(dag, alone) == [f"images@{alone}"]

    # With it again, everything downstream gets a commit of one new set, from the heads of now.
    dag.branch("train@master", "images@master", "labels@master")
    again = dag.commit("train").id
    assert again not in (put, alone)
    assert upstream(dag, dag.commit("train")) == {"images": alone, "labels": made_train}
    assert dag.commit("report").id == again
    assert upstream(dag, dag.commit("report")) == {"train": again}


def test_one_change_of_two_inputs_causes_one_commit_downstream(dag: House) -> None:
    def both(change: Change) -> None:
        commits.start(change, branch_ref("images"))
        commits.start(change, branch_ref("labels"))

    before = len(ids(dag, "train"))
    dag.pfs.change(both)
    assert len(ids(dag, "train")) == before + 1
    assert set(upstream(dag, dag.commit("train")).values()) == {dag.commit("train").id}


def test_a_repo_has_one_commit_in_a_set(house: House) -> None:
    house.repo("data")

    def twice(change: Change) -> None:
        commits.start(change, branch_ref("data@a"))
        commits.start(change, branch_ref("data@b"))

    with pytest.raises(AlreadyExists) as refused:
        house.pfs.change(twice)
    text = refused.value.message
    assert text.startswith("inconsistent dependencies: cannot create commit from default/data@")
    assert text.endswith("; repo (default/data) already has a commit in this transaction")
    assert ids(house, "data") == []


def test_output_commits_are_there_before_the_input_is_finished(dag: House) -> None:
    started = dag.start("images")
    head = dag.commit("train")
    assert (head.id, head.open, head.origin) == (started.id, True, "AUTO")
    dag.write("images", add("/a", "1"))
    dag.finish(f"images@{started.id}")
    assert dag.commit("train") == head  # finishing causes nothing new


def test_output_commits_follow_each_other_unfinished(dag: House) -> None:
    first = dag.commit("train")
    dag.put("images", a="1")
    second = dag.commit("train")
    assert second.parent == first.key
    assert first.open
    assert second.open


def test_nobody_writes_to_an_output_branch(dag: House) -> None:
    with pytest.raises(Refused, match="^cannot start a commit on an output branch: default/train@master$"):
        dag.start("train")
    dag.finish("train")
    with pytest.raises(Refused, match="^cannot start a commit on an output branch: default/train@master$"):
        dag.put("train", a="1")
    dag.settle()
    with pytest.raises(Refused, match="^cannot start a commit on an output branch: default/train@master$"):
        dag.put("train", a="1")


def test_the_open_head_of_an_output_branch_takes_what_is_written_to_it(dag: House) -> None:
    """Unless a pipeline fills it: spec 01, section 8."""
    head = dag.commit("train")
    dag.put("train", a="1")
    dag.put(f"train@{head.id}", b="2")
    assert dag.files(f"train@{head.id}") == {"/a": "1", "/b": "2"}


@pytest.fixture
def pipeline(house: House) -> House:
    """An output that a spec is upstream of, as a pipeline's is."""
    house.repo("data", "out")
    house.pfs.change(lambda change: repos.create(change, RepoRef("out", SPEC)))
    house.pfs.change(lambda change: commits.start(change, OUT_SPEC))
    upstream_of_it = [branch_ref("data"), OUT_SPEC]
    house.pfs.change(lambda change: branches.create(change, branch_ref("out"), provenance_refs=upstream_of_it))
    return house


def test_the_open_commit_of_a_pipeline_is_its_own(pipeline: House) -> None:
    head = pipeline.commit("out")
    for target in ("out", f"out@{head.id}"):
        with pytest.raises(Refused, match="^cannot start a commit on an output branch: "):
            pipeline.put(target, a="1")
    with pytest.raises(Refused, match="^cannot finish a pipeline output or meta commit, use 'stop job' instead$"):
        pipeline.finish("out")
    assert pipeline.files("out") == {}
    pipeline.finish("out", force=True)


def test_a_spout_writes_its_own_commits(house: House) -> None:
    """A branch that comes from nothing but a spec gets no commits by propagation."""
    house.repo("out")
    house.pfs.change(lambda change: repos.create(change, RepoRef("out", SPEC)))
    house.pfs.change(lambda change: branches.create(change, branch_ref("out"), provenance_refs=[OUT_SPEC]))
    before = ids(house, "out")
    house.pfs.change(lambda change: commits.start(change, OUT_SPEC))
    assert ids(house, "out") == before


def test_moving_a_branch_is_a_change_of_its_own_for_those_downstream(dag: House) -> None:
    first = dag.put("images", a="1")
    dag.put("images", a="2")
    dag.branch("images@master", head=f"images@{first.id}")
    head = dag.commit("train")
    assert head.id not in ids(dag, "images")  # a new set, without a commit of images' own
    assert upstream(dag, head)["images"] == first.id
    assert dag.commit(f"images@{head.id}").id == first.id
    assert dag.commit(f"images@{head.id}^").id == dag.commit("images@master^").id


def test_a_branch_beside_does_not_cause_anything(dag: House) -> None:
    before = dag.commit("train")
    dag.branch("images@staging", head="images@master")
    dag.put("images@staging", a="1")
    assert dag.commit("train") == before


def test_a_diamond_gets_one_commit_at_its_end(house: House) -> None:
    house.repo("top", "left", "right", "end")
    house.branch("left@master", "top@master")
    house.branch("right@master", "top@master")
    house.branch("end@master", "left@master", "right@master")
    put = house.put("top", a="1").id
    assert ids(house, "end")[0] == put
    assert upstream(house, house.commit("end")) == {"left": put, "right": put}
    assert members(house, put)[0] == f"top@{put}"
    assert members(house, put)[-1] == f"end@{put}"


def test_an_alias_is_the_commit_that_the_set_came_from(dag: House) -> None:
    put = dag.put("images", a="1").id
    dag.put("labels", b="2")
    labels = dag.commit("labels@master^")
    assert dag.commit(f"labels@{put}") == labels
    with (
        dag.catalog.read() as tx,
        pytest.raises(NotFound, match=f"^commit default/train@{'0' * 12}4{'0' * 19} not found$"),
    ):
        resolve.commit(tx, CommitRef(RepoRef("train"), "0" * 12 + "4" + "0" * 19))
    dag.repo("else")
    with pytest.raises(NotFound, match=f"^commit default/else@{put} not found$"):
        dag.commit(f"else@{put}")


def test_everything_that_one_change_makes_has_one_time(dag: House) -> None:
    dag.start("images")
    times = {dag.commit(name).started for name in ("images", "train", "report")}
    assert len(times) == 1


def test_an_error_undoes_the_whole_change(dag: House) -> None:
    before = {name: ids(dag, name) for name in ("images", "train", "report")}

    def refuse(change: Change) -> None:
        assert change.created, "hooks run after propagation"
        raise Refused("the room above says no")

    dag.pfs.hooks.append(refuse)
    with pytest.raises(Refused, match="says no"):
        dag.start("images")
    dag.pfs.hooks.clear()
    assert {name: ids(dag, name) for name in ("images", "train", "report")} == before
