from __future__ import annotations

import json

import pytest
from tests.pps.world import World, pfs_input, spec_of

from trunkline.kernel.errors import AlreadyExists, CycleDetected, InvalidRequest, NotFound, Refused
from trunkline.pfs import branches, provenance, repos, resolve
from trunkline.pfs.refs import BranchRef, RepoRef
from trunkline.pps import pipelines
from trunkline.pps.refs import PipelineRef
from trunkline.pps.states import JobState, PipelineState, PipelineType

EDGES = PipelineRef("edges")
UPDATED = "all jobs killed because pipeline was updated for user unknown_username"
STOPPED = "all jobs killed because pipeline was stopped for user unknown_username"


def upstream_of(world: World, pipeline: str) -> list[str]:
    with world.catalog.read() as tx:
        head = world.commit(pipeline)
        return sorted(str(commit) for commit in provenance.direct_commits(tx, head.key))


def branch_provenance(world: World, repo: str, branch: str = "master") -> list[str]:
    with world.catalog.read() as tx:
        found = resolve.branch(tx, BranchRef(RepoRef(repo), branch))
        return sorted(str(one.ref) for one in provenance.direct_branches(tx, found.key))


def test_a_new_pipeline(world: World) -> None:
    world.repo("images")
    text = spec_of("edges", "images", description="finds edges")
    effective = world.pps.create_pipeline(text)
    assert json.loads(effective)["datumTries"] == "3"
    info = world.pps.inspect_pipeline(EDGES, counts=True)
    head = world.commit("edges")
    assert info.version == 1
    assert info.spec_commit == head.id == world.commit("images").id
    assert info.state is PipelineState.STARTING
    assert info.last_job_state is JobState.CREATED
    assert (info.stopped, info.parallelism, info.type) == (False, 1, PipelineType.TRANSFORM)
    assert len(info.salt) == 32
    assert info.user_spec == text
    assert info.spec.input is not None
    assert info.spec.input.pfs is not None
    assert info.spec.input.pfs.branch == "master"
    assert json.loads(info.effective_spec)["input"]["pfs"]["repoType"] == "user"
    assert info.job_counts == {JobState.CREATED: 1}
    assert info.created == info.updated > 0
    assert upstream_of(world, "edges") == [f"default/edges.spec@{head.id}", f"default/images@{head.id}"]
    assert branch_provenance(world, "edges") == ["default/edges.spec@master", "default/images@master"]
    assert head.open
    with world.catalog.read() as tx:
        spec_repo = resolve.repo(tx, RepoRef("edges", "spec"))
        output = resolve.repo(tx, RepoRef("edges"))
        spec_commit = resolve.find_in_set(tx, spec_repo.key, head.id)
    assert output.description == "Output repo for pipeline default/edges."
    assert spec_repo.description == "Spec repo for pipeline default/edges."
    assert spec_commit is not None
    assert (spec_commit.origin, spec_commit.finished is not None) == ("USER", True)


def test_one_change_gives_one_job_to_each_pipeline_downstream(world: World) -> None:
    world.repo("images", "labels")
    world.pipeline("train", {"cross": [pfs_input("images"), pfs_input("labels", "/")]})
    world.pipeline("report", "train")
    made = world.put("images", a_png="a")
    assert [str(job.ref) for job in world.pps.job_set(made)] == [
        f"default/train@{made}",
        f"default/report@{made}",
    ]
    assert len(world.jobs("report")) == 2
    assert world.put("labels", b_txt="b") != made


def test_a_pipeline_that_exists(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    with pytest.raises(AlreadyExists) as error:
        world.pps.create_pipeline(spec_of("edges", "images"))
    assert str(error.value) == 'pipeline "default/edges" already exists'
    assert world.pps.inspect_pipeline(EDGES).version == 1


def test_a_repo_in_the_way(world: World) -> None:
    world.repo("images", "edges")
    with pytest.raises(Refused) as error:
        world.pps.create_pipeline(spec_of("edges", "images"))
    assert str(error.value) == ('pipeline "edges" cannot be created because a repo with the same name already exists')


def test_an_input_repo_that_is_missing(world: World) -> None:
    with pytest.raises(NotFound) as error:
        world.pps.create_pipeline(spec_of("edges", "images"))
    assert str(error.value).startswith("repo default/images not found: ")
    with pytest.raises(NotFound):
        world.commit("edges")
    assert world.pps.list_pipelines() == []


def test_a_project_that_is_missing(world: World) -> None:
    world.repo("images")
    given = json.loads(spec_of("p", pfs_input("images", project="default")))
    given["pipeline"]["project"] = {"name": "nowhere"}
    with pytest.raises(NotFound, match='"nowhere"'):
        world.pps.create_pipeline(json.dumps(given))


def test_a_circle_is_refused_and_changes_nothing(world: World) -> None:
    world.repo("images")
    world.pipeline("first", "images")
    world.pipeline("second", "first")
    with pytest.raises(CycleDetected, match="cycle detected because"):
        world.pps.create_pipeline(spec_of("first", "second"), update=True)
    assert world.pps.inspect_pipeline(PipelineRef("first")).version == 1
    assert world.jobs("first") == [(JobState.CREATED, "")]


def test_two_branches_of_one_repo_cannot_meet(world: World) -> None:
    world.repo("images")
    given = {"cross": [pfs_input("images"), pfs_input("images", name="b", branch="other")]}
    with pytest.raises(Refused, match='multiple branches from the same repo, "default/images"'):
        world.pps.create_pipeline(spec_of("edges", given))


def test_a_dry_run_makes_nothing(world: World) -> None:
    effective = world.pps.create_pipeline(spec_of("edges", "images"), dry_run=True)
    assert json.loads(effective)["outputBranch"] == "master"
    world.pps.create_pipeline(spec_of("edges", "images", dryRun=True))
    assert world.pps.list_pipelines() == []


def test_another_output_branch(world: World) -> None:
    world.repo("images")
    world.pps.create_pipeline(spec_of("edges", "images", outputBranch="out"))
    assert branch_provenance(world, "edges", "out") == ["default/edges.spec@master", "default/images@master"]
    assert [job.output_branch for job in world.pps.list_jobs()] == ["out"]
    world.pps.create_pipeline(spec_of("edges", "images", outputBranch="new"), update=True)
    assert branch_provenance(world, "edges", "out") == []
    world.put("images", a="1")
    found = world.pps.list_jobs(history=-1, reverse=True)
    assert [job.output_branch for job in found] == ["out", "new", "new"]


def test_an_update_is_a_new_version_with_a_new_job(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    before = world.pps.inspect_pipeline(EDGES)
    world.pps.create_pipeline(spec_of("edges", "images"), update=True)
    after = world.pps.inspect_pipeline(EDGES)
    assert (after.version, after.salt, after.created) == (2, before.salt, before.created)
    assert after.updated > before.updated
    assert after.spec_commit != before.spec_commit
    assert world.jobs("edges") == [(JobState.KILLED, UPDATED), (JobState.CREATED, "")]
    killed = world.commit("edges", before.spec_commit)
    assert (killed.error, killed.finished is not None) == (UPDATED, True)
    assert [job.version for job in world.pps.list_jobs(history=-1)] == [2, 1]


def test_an_update_leaves_ended_jobs_alone(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.end(world.job("edges"))
    world.pps.create_pipeline(spec_of("edges", "images"), update=True)
    assert world.jobs("edges") == [(JobState.SUCCESS, ""), (JobState.CREATED, "")]


def test_the_salt(world: World) -> None:
    world.repo("images")
    world.pps.create_pipeline(spec_of("edges", "images", salt="pepper"))
    assert world.pps.inspect_pipeline(EDGES).salt == "pepper"
    world.pps.create_pipeline(spec_of("edges", "images", salt="other"), update=True)
    assert world.pps.inspect_pipeline(EDGES).salt == "pepper"
    world.pps.create_pipeline(spec_of("edges", "images"), update=True, reprocess=True)
    fresh = world.pps.inspect_pipeline(EDGES)
    assert len(fresh.salt) == 32
    assert world.pps.inspect_pipeline(PipelineRef("edges^")).salt == "pepper"
    world.pps.create_pipeline(spec_of("edges", "images", update=True, reprocess=True))
    assert world.pps.inspect_pipeline(EDGES).salt not in ("pepper", fresh.salt)


def test_an_update_of_what_is_not_there_creates_it(world: World) -> None:
    world.repo("images")
    world.pps.create_pipeline(spec_of("edges", "images"), update=True)
    assert world.pps.inspect_pipeline(EDGES).version == 1


def test_an_update_with_other_inputs(world: World) -> None:
    world.repo("images", "labels")
    world.pipeline("edges", "images")
    world.pps.create_pipeline(spec_of("edges", "labels"), update=True)
    assert branch_provenance(world, "edges") == ["default/edges.spec@master", "default/labels@master"]
    world.put("images", a="1")
    assert len(world.jobs("edges")) == 2
    world.put("labels", a="1")
    assert len(world.jobs("edges")) == 3


def test_an_update_reaches_pipelines_downstream(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pipeline("montage", "edges")
    world.pps.create_pipeline(spec_of("edges", "images"), update=True)
    assert [job.ref.pipeline.name for job in world.pps.job_set(world.head("edges"))] == ["edges", "montage"]


def test_rerun(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images", datumTries=7)
    salt = world.pps.inspect_pipeline(EDGES).salt
    world.pps.rerun_pipeline(EDGES)
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.version, info.salt, info.spec.datum_tries) == (2, salt, 7)
    world.pps.rerun_pipeline(EDGES, reprocess=True)
    assert world.pps.inspect_pipeline(EDGES).salt != salt
    with pytest.raises(NotFound, match='pipeline "default/nope" not found'):
        world.pps.rerun_pipeline(PipelineRef("nope"))


def test_a_stopped_pipeline_runs_nothing_until_it_is_started(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pipeline("montage", "edges")
    world.pps.stop_pipeline(EDGES)
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.stopped, info.state) == (True, PipelineState.PAUSED)
    assert world.jobs("edges") == [(JobState.KILLED, STOPPED)]
    assert branch_provenance(world, "edges") == []
    jobs_of_montage = len(world.jobs("montage"))
    world.put("images", a="1")
    assert len(world.jobs("edges")) == 1
    assert len(world.jobs("montage")) == jobs_of_montage
    world.pps.stop_pipeline(EDGES)
    world.pps.start_pipeline(EDGES)
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.stopped, info.state) == (False, PipelineState.STARTING)
    assert world.jobs("edges")[1:] == [(JobState.CREATED, "")]
    assert len(world.jobs("montage")) == jobs_of_montage + 1
    assert branch_provenance(world, "edges") == ["default/edges.spec@master", "default/images@master"]


def test_starting_what_runs_does_nothing(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pps.start_pipeline(EDGES)
    assert world.jobs("edges") == [(JobState.CREATED, "")]


def test_an_update_leaves_a_stopped_pipeline_stopped(world: World) -> None:
    world.repo("images", "labels")
    world.pipeline("edges", "images")
    world.pps.stop_pipeline(EDGES)
    world.pps.create_pipeline(spec_of("edges", "labels"), update=True)
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.version, info.stopped, info.state) == (2, True, PipelineState.PAUSED)
    assert len(world.jobs("edges")) == 1
    world.pps.start_pipeline(EDGES)
    assert branch_provenance(world, "edges") == ["default/edges.spec@master", "default/labels@master"]
    assert world.jobs("edges")[-1] == (JobState.CREATED, "")


def test_a_stopped_pipeline_can_get_another_output_branch(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pps.stop_pipeline(EDGES)
    world.pps.create_pipeline(spec_of("edges", "images", outputBranch="new"), update=True)
    world.pps.start_pipeline(EDGES)
    assert branch_provenance(world, "edges", "new") == ["default/edges.spec@master", "default/images@master"]
    assert [job.output_branch for job in world.pps.list_jobs()] == ["new"]


def test_a_commit_made_by_hand_on_an_output_branch_is_no_job(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pps.stop_pipeline(EDGES)
    world.start_commit("edges")
    assert len(world.jobs("edges")) == 1


def test_pipelines_that_are_missing(world: World) -> None:
    nope = PipelineRef("nope")
    world.pps.stop_pipeline(nope)
    assert not world.pps.delete_pipeline(nope)
    for call in (
        lambda: world.pps.stop_pipeline(nope, must_exist=True),
        lambda: world.pps.start_pipeline(nope),
        lambda: world.pps.delete_pipeline(nope, must_exist=True),
        lambda: world.pps.inspect_pipeline(nope),
    ):
        with pytest.raises(NotFound) as error:
            call()
        assert str(error.value) == 'pipeline "default/nope" not found'
    with pytest.raises(InvalidRequest):
        world.pps.inspect_pipeline(PipelineRef(""))


def test_deleting_a_pipeline_removes_all_of_it(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.put("images", a="1")
    world.run(world.job("edges"), failing="/a")
    assert world.pps.delete_pipeline(EDGES)
    with world.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef("edges")) is None
        assert resolve.find_repo(tx, RepoRef("edges", "spec")) is None
        for table in ("pipelines", "pipeline_versions", "jobs", "outcomes", "troubled_datums"):
            assert tx.row(f"SELECT 1 FROM {table}") is None
    world.put("images", b="2")
    world.pipeline("edges", "images")
    assert world.pps.inspect_pipeline(EDGES).version == 1


def test_the_output_repo_can_be_kept(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pipeline("montage", "edges")
    assert world.pps.delete_pipeline(EDGES, keep_repo=True)
    assert world.commit("edges").error == "job deleted"
    assert branch_provenance(world, "edges") == []
    world.put("edges", a="1")
    assert len(world.jobs("montage")) == 2
    with world.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef("edges", "spec")) is None


def test_a_pipeline_that_others_read_from_needs_force(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    world.pipeline("montage", "edges")
    with pytest.raises(Refused, match=r"default/montage@master"):
        world.pps.delete_pipeline(EDGES)
    assert world.jobs("edges") == [(JobState.CREATED, "")]
    assert world.pps.delete_pipeline(EDGES, force=True)
    assert [info.ref.name for info in world.pps.list_pipelines()] == ["montage"]
    with pytest.raises(NotFound, match="repo default/edges not found"):
        world.pps.rerun_pipeline(PipelineRef("montage"))


@pytest.mark.parametrize("type", ["user", "spec"])
@pytest.mark.parametrize("force", [True, False])
def test_what_a_live_pipeline_needs_cannot_be_deleted(world: World, type: str, force: bool) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    repo = RepoRef("edges", type)
    for call in (
        lambda change: repos.delete(change, repo, force=force),
        lambda change: branches.delete(change, BranchRef(repo, "master"), force=force),
    ):
        with pytest.raises(Refused) as error:
            world.pfs.change(call)
        if force or type == "user":
            assert str(error.value).startswith(
                "cannot delete a repo associated with a pipeline - delete the pipeline instead: "
            )
    world.put("images", a="1")
    assert len(world.jobs("edges")) == 2
    assert world.pps.delete_pipeline(EDGES)


def test_other_branches_of_an_output_repo_can_be_deleted(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    other = BranchRef(RepoRef("edges"), "other")
    world.pfs.change(lambda change: branches.create(change, other))
    world.pfs.change(lambda change: branches.delete(change, other))


def test_deleting_many(world: World) -> None:
    world.repo("images")
    world.pipeline("zebra", "images")
    world.pipeline("ant", "zebra")
    world.pipeline("bee", {"cross": [pfs_input("ant"), pfs_input("images")]})
    assert world.pps.delete_pipelines() == []
    assert world.pps.delete_pipelines(["nowhere"]) == []
    assert len(world.pps.list_pipelines()) == 3
    assert [ref.name for ref in world.pps.delete_pipelines(["default"])] == ["bee", "ant", "zebra"]
    world.pipeline("zebra", "images")
    assert len(world.pps.delete_pipelines(everything=True)) == 1
    assert world.pps.list_pipelines() == []


def test_older_versions(world: World) -> None:
    world.repo("images")
    for tries in (1, 2, 3):
        world.pps.create_pipeline(spec_of("edges", "images", datumTries=tries), update=True)

    def tries_of(name: str) -> int:
        return world.pps.inspect_pipeline(PipelineRef(name)).spec.datum_tries

    assert [tries_of(name) for name in ("edges", "edges^", "edges~2", "edges^^", "edges.1")] == [3, 2, 1, 1, 1]
    with pytest.raises(Refused) as error:
        tries_of("edges^3")
    assert str(error.value) == ('pipeline "default/edges" has only 3 versions, not enough to find ancestor 3')


def test_lists_show_the_most_recently_changed_first(world: World) -> None:
    world.repo("images")
    first = world.pipeline("first", "images")
    second = world.pipeline("second", "images")
    world.pps.create_pipeline(spec_of("first", "images"), update=True)

    def shown(**wanted: object) -> list[tuple[str, int]]:
        return [(info.ref.name, info.version) for info in world.pps.list_pipelines(**wanted)]  # type: ignore[arg-type]

    assert shown() == [("first", 2), ("second", 1)]
    assert shown(history=1) == shown(history=-1) == [("first", 2), ("second", 1), ("first", 1)]
    assert shown(name=PipelineRef("second")) == [("second", 1)]
    assert shown(name=PipelineRef("nope")) == []
    assert shown(projects=["nowhere"]) == []
    assert shown(projects=["default"]) == shown()
    assert shown(commit_set=first) == [("first", 1)]
    assert shown(commit_set=second) == [("second", 1)]
    assert shown(commit_set=world.put("images", a="1")) == [("first", 2), ("second", 1)]


def to_state(world: World, state: PipelineState, reason: str = "") -> bool:
    def step(change: pipelines.Change) -> bool:
        row = change.tx.row("SELECT id FROM pipelines")
        assert row is not None
        return pipelines.to_state(change, row["id"], state, reason)

    return world.pfs.change(step)


def test_states_that_the_controller_reports(world: World) -> None:
    world.repo("images")
    world.pipeline("edges", "images")
    assert not to_state(world, PipelineState.CRASHING)
    assert to_state(world, PipelineState.RUNNING)
    assert not to_state(world, PipelineState.RUNNING)
    assert to_state(world, PipelineState.CRASHING, "no worker starts")
    assert world.pps.inspect_pipeline(EDGES).reason == "no worker starts"
    assert to_state(world, PipelineState.RUNNING)
    assert world.pps.inspect_pipeline(EDGES).reason == ""
    assert to_state(world, PipelineState.FAILURE, "no such image")
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.state, info.reason) == (PipelineState.FAILURE, "no such image")
    assert world.jobs("edges") == [(JobState.FAILURE, "no such image")]
    assert world.commit("edges").error == "no such image"
    assert not to_state(world, PipelineState.RUNNING)
    world.pps.create_pipeline(spec_of("edges", "images"), update=True)
    info = world.pps.inspect_pipeline(EDGES)
    assert (info.state, info.reason) == (PipelineState.STARTING, "")
    world.pps.stop_pipeline(EDGES)
    assert not to_state(world, PipelineState.FAILURE)


def test_a_state_of_a_pipeline_that_was_deleted_meanwhile_is_nobodys(world: World) -> None:
    assert not world.pfs.change(lambda change: pipelines.to_state(change, 12345, PipelineState.RUNNING))
