"""Whatever somebody does to the commits and branches of a pipeline, its jobs end, and what they leave is right."""

from __future__ import annotations

import pytest
from tests.pps.run.factory import Factory

from trunkline.kernel.errors import Refused
from trunkline.pfs import branches, commits, fsck, history, modify, repos
from trunkline.pfs.refs import SPEC, BranchRef, CommitRef, RepoRef
from trunkline.pps.refs import PipelineRef
from trunkline.pps.runner import Standing
from trunkline.pps.states import JobState

OUTPUT = RepoRef("p")
VERSIONS = RepoRef("p", SPEC)


@pytest.fixture
def world(factory: Factory) -> Factory:
    factory.repo("a")
    factory.put("a", x="1")
    factory.pipeline("p", "a")
    return factory


def head(repo: RepoRef) -> CommitRef:
    return CommitRef(repo, branch="master")


def nothing_is_left_open(world: Factory) -> None:
    world.finish_commits()
    with world.catalog.read() as tx:
        assert list(tx.rows("SELECT id FROM commits WHERE finished IS NULL")) == []
    assert list(fsck.check(world.pfs)) == []


def test_an_output_finished_by_force_kills_its_job_and_is_no_base(world: Factory) -> None:
    world.pfs.change(lambda change: commits.finish(change, head(OUTPUT), force=True))
    assert world.jobs("p") == [(JobState.KILLED, "output commit finished by force")]
    assert world.commit("p").error == "output commit finished by force"
    world.put("a", y="2")
    world.settle()
    world.put("a", x="3")
    world.settle()
    assert world.content("p") == {"/x": "3", "/y": "2"}
    nothing_is_left_open(world)


def test_a_forced_end_with_an_unfinished_parent(world: Factory) -> None:
    world.put("a", y="2")
    world.pfs.change(lambda change: commits.finish(change, head(OUTPUT), force=True))
    world.settle()
    nothing_is_left_open(world)
    states = [state for state, _ in world.jobs("p")]
    assert states == [JobState.SUCCESS, JobState.KILLED]
    assert world.content("p") == {"/x": "1"}


def test_only_update_pipeline_writes_versions(world: Factory) -> None:
    """A commit there that is no version would give open output commits without a job: for ever open."""
    world.settle()
    with pytest.raises(Refused, match="spec repo of pipeline p: use update pipeline"):
        modify.write(world.pfs, head(VERSIONS), [modify.Append("/x", "", b"1")])
    with pytest.raises(Refused, match="use update pipeline"):
        world.pfs.change(lambda change: commits.start(change, BranchRef(VERSIONS, "master")))
    with pytest.raises(Refused, match="use update pipeline"):
        world.pfs.change(lambda change: branches.create(change, BranchRef(VERSIONS, "other")))
    world.put("a", y="2")
    world.settle()
    assert world.content("p") == {"/x": "1", "/y": "2"}


def test_a_version_is_not_dropped(world: Factory) -> None:
    world.settle()
    with pytest.raises(Refused, match="because it updated a pipeline"):
        world.pfs.change(lambda change: history.drop(change, head(VERSIONS), recursive=True))
    assert [state for state, _ in world.jobs("p")] == [JobState.SUCCESS]


def test_the_only_output_commit_is_dropped_while_another_branch_points_at_it(world: Factory) -> None:
    world.settle()
    backup = BranchRef(OUTPUT, "backup")
    world.pfs.change(lambda change: branches.create(change, backup, head=head(OUTPUT)))
    world.pfs.change(lambda change: history.drop(change, head(OUTPUT), recursive=True))
    world.settle()
    nothing_is_left_open(world)
    assert world.content("p") == {"/x": "1"}
    world.put("a", y="2")
    world.settle()
    assert world.content("p") == {"/x": "1", "/y": "2"}


def test_a_job_on_top_of_somebodys_open_commit_waits_quietly(world: Factory) -> None:
    world.settle()
    ref = PipelineRef("p")
    world.pps.stop_pipeline(ref)
    by_hand = world.pfs.change(lambda change: commits.start(change, BranchRef(OUTPUT, "master")))
    world.pps.start_pipeline(ref)
    assert world.run(world.job("p")).standing is Standing.WAITING
    assert world.run(world.job("p")).standing is Standing.WAITING
    assert world.job("p").restart == 0
    world.pfs.change(lambda change: commits.finish(change, CommitRef(OUTPUT, by_hand.id)))
    world.finish_commits()
    world.settle()
    assert world.job("p").state is JobState.SUCCESS
    assert world.content("p") == {"/x": "1"}
    nothing_is_left_open(world)


def test_a_job_whose_input_repo_is_deleted_says_what_to_do(world: Factory) -> None:
    world.settle()
    world.start_commit("a")
    world.pfs.change(lambda change: repos.delete(change, RepoRef("a"), force=True))
    world.settle()
    job = world.job("p")
    assert job.state is JobState.FAILURE
    assert "was deleted; make it again and update the pipeline" in job.reason
    nothing_is_left_open(world)
    world.repo("a")
    world.put("a", z="3")
    world.pipeline("p", "a", update=True)
    world.settle()
    assert world.content("p") == {"/z": "3"}
