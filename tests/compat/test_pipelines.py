"""Pipelines by the official SDK: made, changed, listed, stopped, started, run again, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from pachyderm_sdk.api.pps import JobState, PipelineState
from tests.compat.conftest import connect
from tests.compat.place import Place, refused
from tests.compat.running import COPY, counts, create, ended, job, newest, pipeline, plant, reading

from trunkline.testing.commands import wait_for


@pytest.fixture(scope="module")
def shared(address: str) -> Iterator[Place]:
    """A project with the repo `data`, in which each test makes its own pipelines."""
    with plant(connect(address)) as made:
        made.make("data")
        made.put(a=b"1", b=b"22")
        yield made


@pytest.fixture
def p(shared: Place) -> Iterator[Place]:
    """The pipeline `p`, with its first job done."""
    create(shared, "p", "data", COPY)
    ended(shared, "p")
    yield shared
    shared.client.pps.delete_pipeline(pipeline=pipeline(shared, "p"), force=True)


def about(here: Place, name: str = "p") -> pps.PipelineInfo:
    return here.client.pps.inspect_pipeline(pipeline=pipeline(here, name), details=True)


def names(found: object) -> list[str]:
    return [one.pipeline.name for one in found]


# -- making ---------------------------------------------------------------------------------------------


def test_create_pipeline(shared: Place) -> None:
    stub = shared.client.pps
    create(
        shared, "new", "data", COPY, description="copies", datum_tries=None, salt="pepper", job_timeout=timedelta(60)
    )
    info = about(shared, "new")
    assert info.pipeline == pipeline(shared, "new")
    assert (info.version, info.stopped, info.parallelism) == (1, False, 1)
    assert info.type == pps.PipelineInfoPipelineType.PIPELINE_TYPE_TRANSFORM
    assert info.spec_commit.repo == pfs.Repo(name="new", type="spec", project=shared.project)
    details = info.details
    assert (details.output_branch, details.datum_tries, details.reprocess_spec) == ("master", 3, "until_success")
    assert (details.description, details.salt, details.job_timeout) == ("copies", "pepper", timedelta(60))
    read = details.input.pfs
    assert (read.project, read.repo, read.branch, read.name, read.repo_type) == (
        shared.project.name,
        "data",
        "master",
        "in",
        "user",
    )
    assert details.created_at
    assert details.updated_at == details.created_at
    assert json.loads(info.user_spec_json)["description"] == "copies"
    assert json.loads(info.effective_spec_json)["datumTries"] == "3"
    assert not info.auth_token
    repo = shared.pfs.inspect_repo(repo=shared.repo("new"))
    assert repo.description == f"Output repo for pipeline {shared.project.name}/new."
    assert counts(ended(shared, "new")) == (2, 2, 0, 0, 0)
    wait_for(lambda: about(shared, "new").state == PipelineState.PIPELINE_RUNNING, "the state", 30)
    assert about(shared, "new").last_job_state == JobState.JOB_SUCCESS
    stub.delete_pipeline(pipeline=pipeline(shared, "new"))


def test_pipelines_that_cannot_be_made(p: Place) -> None:
    stub, project = p.client.pps, p.project.name
    with refused("ALREADY_EXISTS", f'^pipeline "{project}/p" already exists$'):
        create(p, "p", "data", COPY)
    with refused("NOT_FOUND", f"repo {project}/nope not found"):
        create(p, "q", "nope", COPY)
    with refused("UNKNOWN", 'pipeline "data" cannot be created because a repo with the same name already exists'):
        create(p, "data", "p", COPY)
    with refused("UNKNOWN", "invalid pipeline name"):
        create(p, "no/slash", "data", COPY)
    with refused("UNKNOWN", "is 1 characters longer than the 51 max"):
        create(p, "x" * 52, "data", COPY)
    with refused("UNKNOWN", "request.Pipeline cannot be nil"):
        stub.create_pipeline(transform=pps.Transform(cmd=["true"]), input=reading(p, "data"))
    with refused("UNKNOWN", "no input set"):
        stub.create_pipeline(pipeline=pipeline(p, "q"), transform=pps.Transform(cmd=["true"]), input=pps.Input())
    with refused("UNKNOWN", "input must specify a glob"):
        create(p, "q", "data", COPY, glob="")
    twice = pps.Input(cross=[reading(p, "data"), reading(p, "data")])
    with refused("UNKNOWN", 'name "in" was used more than once'):
        stub.create_pipeline(pipeline=pipeline(p, "q"), transform=pps.Transform(cmd=["true"]), input=twice)
    with refused("UNKNOWN", "ReprocessSpec must be one of 'until_success' or 'every_job'"):
        create(p, "q", "data", COPY, reprocess_spec="sometimes")
    with refused("UNKNOWN", "malformed PodPatch"):
        create(p, "q", "data", COPY, pod_patch="{")
    assert "q" not in names(stub.list_pipeline(projects=[p.project]))


def test_create_pipeline_v2(shared: Place) -> None:
    stub = shared.client.pps
    spec = {
        "pipeline": {"name": "v2", "project": {"name": shared.project.name}},
        "input": {"pfs": {"repo": "data", "glob": "/*"}},
        "transform": {"cmd": ["true"]},
        "datum_tries": 2,
    }
    text = json.dumps(spec)
    dry = stub.create_pipeline_v2(create_pipeline_request_json=text, dry_run=True)
    effective = json.loads(dry.effective_create_pipeline_request_json)
    assert (effective["datumTries"], effective["outputBranch"]) == ("2", "master")
    assert effective["transform"]["image"]
    assert not stub.pipeline_exists(pipeline(shared, "v2"))
    made = stub.create_pipeline_v2(create_pipeline_request_json=text)
    assert json.loads(made.effective_create_pipeline_request_json) == effective
    assert about(shared, "v2").user_spec_json == text, "word for word"
    with refused("ALREADY_EXISTS", "already exists"):
        stub.create_pipeline_v2(create_pipeline_request_json=text)
    stub.create_pipeline_v2(create_pipeline_request_json=text, update=True, reprocess=True)
    assert about(shared, "v2").version == 2
    with refused("INVALID_ARGUMENT", "could not make effective spec: .*nonsense"):
        stub.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec | {"nonsense": 1}))
    with refused("INVALID_ARGUMENT", "could not make effective spec: "):
        stub.create_pipeline_v2(create_pipeline_request_json="{")
    stub.delete_pipeline(pipeline=pipeline(shared, "v2"))


def test_an_update(p: Place) -> None:
    before = about(p)
    create(p, "p", "data", COPY, "true", update=True)
    info = ended(p, "p")
    assert (info.pipeline_version, counts(info)) == (2, (2, 0, 2, 0, 0))
    after = about(p)
    assert after.details.salt == before.details.salt
    assert after.details.created_at == before.details.created_at
    assert after.details.updated_at > before.details.updated_at
    assert after.spec_commit.id != before.spec_commit.id
    create(p, "p", "data", COPY, "true", update=True, reprocess=True)
    assert counts(ended(p, "p")) == (2, 2, 0, 0, 0)
    assert about(p).details.salt != before.details.salt


def test_an_update_kills_what_runs(shared: Place) -> None:
    create(shared, "killed", "data", "sleep 600")
    old = newest(shared, "killed")
    new = create(shared, "killed", "data", "true", update=True)
    assert ended(shared, "killed", old).state == JobState.JOB_KILLED
    reason = "all jobs killed because pipeline was updated for user unknown_username"
    assert ended(shared, "killed", old).reason == reason
    assert ended(shared, "killed", new).state == JobState.JOB_SUCCESS
    shared.client.pps.delete_pipeline(pipeline=pipeline(shared, "killed"))


# -- looking --------------------------------------------------------------------------------------------


def test_inspect_pipeline(p: Place) -> None:
    stub = p.client.pps
    info = stub.inspect_pipeline(pipeline=pipeline(p, "p"))
    assert (info.pipeline.name, info.version) == ("p", 1)
    assert not info.details.transform.cmd
    assert about(p).details.transform.cmd == ["sh"]
    assert about(p).details.workers_requested == 1
    create(p, "p", "data", "true", update=True)
    assert about(p).details.transform.stdin == ["true"]
    assert about(p, "p^1").details.transform.stdin == [COPY]
    assert about(p, "p^").version == 1
    with refused("UNKNOWN", 'pipeline "[^ ]+/p" has only 2 versions, not enough to find ancestor 2'):
        about(p, "p^2")
    with refused("NOT_FOUND", f'pipeline "{p.project.name}/nope" not found'):
        about(p, "nope")
    assert stub.pipeline_exists(pipeline(p, "p"))
    assert not stub.pipeline_exists(pipeline(p, "nope"))


def test_list_pipeline(p: Place) -> None:
    stub, projects = p.client.pps, [p.project]
    create(p, "other", "data", "true")
    first = about(p).spec_commit.id
    create(p, "p", "data", "true", update=True)
    found = list(stub.list_pipeline(projects=projects))
    assert names(found)[:2] == ["p", "other"], "the one that was changed last is first"
    assert found[0].details.transform.stdin == ["true"]
    assert [one.version for one in stub.list_pipeline(pipeline=pipeline(p, "p"))] == [2]
    assert [one.version for one in stub.list_pipeline(pipeline=pipeline(p, "p"), history=1)] == [2, 1]
    assert [one.version for one in stub.list_pipeline(pipeline=pipeline(p, "p"), history=-1)] == [2, 1]
    of_set = stub.list_pipeline(projects=projects, commit_set=pfs.CommitSet(id=first))
    assert [(one.pipeline.name, one.version) for one in of_set] == [("p", 1)]
    assert names(stub.list_pipeline(projects=[pfs.Project(name="nope")])) == []
    pages = [
        names(stub.list_pipeline(projects=projects, page=pps.PipelinePage(page_size=1, page_index=index)))
        for index in (0, 1, 1000)
    ]
    assert pages == [["p"], ["other"], []]
    stub.delete_pipeline(pipeline=pipeline(p, "other"))


# -- stopping, starting, running again ------------------------------------------------------------------


def test_stop_pipeline(p: Place) -> None:
    stub = p.client.pps
    stub.stop_pipeline(pipeline=pipeline(p, "p"))
    info = about(p)
    assert (info.stopped, info.state) == (True, PipelineState.PIPELINE_PAUSED)
    before = newest(p, "p")
    p.put(stopped=b"3")
    assert newest(p, "p") == before, "new data gives no jobs"
    stub.stop_pipeline(pipeline=pipeline(p, "nope"))
    with refused("NOT_FOUND"):
        stub.stop_pipeline(pipeline=pipeline(p, "nope"), must_exist=True)


def test_stop_pipeline_kills_its_jobs(shared: Place) -> None:
    made = create(shared, "halted", "data", "sleep 600")
    shared.client.pps.stop_pipeline(pipeline=pipeline(shared, "halted"))
    info = ended(shared, "halted", made)
    assert info.state == JobState.JOB_KILLED
    assert info.reason == "all jobs killed because pipeline was stopped for user unknown_username"
    shared.client.pps.delete_pipeline(pipeline=pipeline(shared, "halted"))


def test_start_pipeline(p: Place) -> None:
    stub = p.client.pps
    stub.stop_pipeline(pipeline=pipeline(p, "p"))
    p.put(started=b"4")
    stub.start_pipeline(pipeline=pipeline(p, "p"))
    info = ended(p, "p")
    assert info.data_processed == 1
    assert not about(p).stopped
    assert p.read("p@master:/started") == b"4"
    stub.start_pipeline(pipeline=pipeline(p, "p"))
    assert newest(p, "p") == info.job.id, "it was started already"
    with refused("NOT_FOUND", 'pipeline "[^ ]+/nope" not found'):
        stub.start_pipeline(pipeline=pipeline(p, "nope"))


def test_rerun_pipeline(p: Place) -> None:
    stub, before = p.client.pps, about(p)
    stub.rerun_pipeline(pipeline=pipeline(p, "p"))
    info = ended(p, "p")
    assert (info.data_processed, info.pipeline_version) == (0, 2)
    stub.rerun_pipeline(pipeline=pipeline(p, "p"), reprocess=True)
    info = ended(p, "p")
    assert (info.data_skipped, info.pipeline_version) == (0, 3)
    assert about(p).user_spec_json == before.user_spec_json
    with refused("NOT_FOUND", 'pipeline "[^ ]+/nope" not found'):
        stub.rerun_pipeline(pipeline=pipeline(p, "nope"))


def test_run_pipeline(p: Place) -> None:
    with refused("UNIMPLEMENTED", "^unimplemented$"):
        p.client.pps.run_pipeline(pipeline=pipeline(p, "p"))


# -- deleting -------------------------------------------------------------------------------------------


def test_delete_pipeline(p: Place) -> None:
    stub = p.client.pps
    create(p, "q", "p", COPY)
    ended(p, "q")
    with refused("UNKNOWN", "it's in the direct provenance of .*q@master"):
        stub.delete_pipeline(pipeline=pipeline(p, "p"))
    stub.delete_pipeline(pipeline=pipeline(p, "p"), force=True)
    assert not p.pfs.repo_exists(p.repo("p"))
    assert not stub.pipeline_exists(pipeline(p, "p"))
    assert stub.pipeline_exists(pipeline(p, "q"))
    assert p.read("q@master:/a") == b"1"
    stub.delete_pipeline(pipeline=pipeline(p, "q"))
    stub.delete_pipeline(pipeline=pipeline(p, "q"))
    with refused("NOT_FOUND", 'pipeline "[^ ]+/q" not found'):
        stub.delete_pipeline(pipeline=pipeline(p, "q"), must_exist=True)


def test_delete_pipeline_and_keep_its_repo(p: Place) -> None:
    stub = p.client.pps
    stub.delete_pipeline(pipeline=pipeline(p, "p"), keep_repo=True)
    assert not stub.pipeline_exists(pipeline(p, "p"))
    assert p.read("p@master:/a") == b"1"
    assert p.pfs.inspect_branch(branch=p.branch("p@master")).provenance == []
    p.put("p@master", mine=b"now")
    assert p.read("p@master:/mine") == b"now"
    with refused("NOT_FOUND"):
        stub.inspect_job(job=job(p, "p", p.pfs.inspect_branch(branch=p.branch("p@master")).head.id))
    p.pfs.delete_repo(repo=p.repo("p"))


def test_delete_pipelines(address: str, client: Client) -> None:
    with plant(client) as one, plant(client) as other:
        for here in (one, other):
            here.make("data")
            create(here, "a", "data", COPY)
            create(here, "b", "a", COPY)
        assert client.pps.delete_pipelines().pipelines == []
        gone = client.pps.delete_pipelines(projects=[one.project]).pipelines
        assert sorted(found.name for found in gone) == ["a", "b"]
        assert names(client.pps.list_pipeline(projects=[one.project])) == []
        assert [found.repo.name for found in one.pfs.list_repo(projects=[one.project])] == ["data"]
        assert sorted(names(client.pps.list_pipeline(projects=[other.project]))) == ["a", "b"]
        client.pps.delete_pipelines(all=True, keep_repo=True)
        assert names(client.pps.list_pipeline(projects=[other.project])) == []
        repos = sorted(found.repo.name for found in other.pfs.list_repo(type="user", projects=[other.project]))
        assert repos == ["a", "b", "data"]
