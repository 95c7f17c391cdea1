"""Defaults of the cluster and of projects, effective specs, and what changing defaults does to pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import Place, place, refused


@pytest.fixture(autouse=True)
def _as_before(client: Client) -> Iterator[None]:
    """The server is everybody's: neither defaults nor pipelines are left."""
    yield
    client.pps.delete_pipelines(all=True)
    client.pps.set_cluster_defaults(cluster_defaults_json="{}")


def defaults(**fields: Any) -> str:
    return json.dumps({"createPipelineRequest": fields})


def pipeline(here: Place, name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=here.project)


def spec(here: Place, name: str, repo: str = "data", **fields: Any) -> str:
    given = {
        "pipeline": {"name": name, "project": {"name": here.project.name}},
        "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/*/* /pfs/out/"]},
        "input": {"pfs": {"repo": repo, "glob": "/*", "project": here.project.name}},
        **fields,
    }
    return json.dumps(given)


def create(here: Place, name: str, repo: str = "data", **fields: Any) -> dict[str, Any]:
    """Makes a pipeline; returns its effective spec."""
    made = here.client.pps.create_pipeline_v2(create_pipeline_request_json=spec(here, name, repo, **fields))
    return json.loads(made.effective_create_pipeline_request_json)


def inspect(here: Place, name: str) -> pps.PipelineInfo:
    return here.client.pps.inspect_pipeline(pipeline=pipeline(here, name), details=True)


def effective(here: Place, name: str) -> dict[str, Any]:
    return json.loads(inspect(here, name).effective_spec_json)


def wait(here: Place, name: str, id: str) -> pps.JobInfo:
    return here.client.pps.inspect_job(job=pps.Job(pipeline=pipeline(here, name), id=id), wait=True)


def test_get_cluster_defaults(client: Client) -> None:
    assert client.pps.get_cluster_defaults().cluster_defaults_json == "{}"
    text = '{ "create_pipeline_request": {"datum_tries": 5} }'
    assert client.pps.set_cluster_defaults(cluster_defaults_json=text).affected_pipelines == []
    assert client.pps.get_cluster_defaults().cluster_defaults_json == text


def test_get_project_defaults(here: Place) -> None:
    unset = here.client.pps.get_project_defaults(project=here.project)
    assert (unset.project_defaults_json, unset.created_by) == ("{}", "")
    text = defaults(datumTries="4")
    assert here.client.pps.set_project_defaults(project=here.project, project_defaults_json=text) is not None
    found = here.client.pps.get_project_defaults(project=here.project)
    assert found.project_defaults_json == text
    assert found.created_at.year > 2000
    assert here.pfs.inspect_project_v2(project=here.project).defaults_json == text
    other = place(here.client)
    assert here.client.pps.get_project_defaults(project=other.project).project_defaults_json == "{}"


def test_defaults_go_with_their_project(here: Place) -> None:
    here.client.pps.set_project_defaults(project=here.project, project_defaults_json=defaults(datumTries="4"))
    here.pfs.delete_project(project=here.project)
    here.pfs.create_project(project=here.project)
    assert here.client.pps.get_project_defaults(project=here.project).project_defaults_json == "{}"


def test_set_cluster_defaults_refuses(client: Client) -> None:
    client.pps.set_cluster_defaults(cluster_defaults_json=defaults(datumTries="5"))
    for text in ("", "{", "[]", '{"nonsense": {}}', defaults(nonsense=1), defaults(datumTries="x")):
        with refused("INVALID_ARGUMENT", "^invalid cluster defaults JSON"):
            client.pps.set_cluster_defaults(cluster_defaults_json=text)
    with refused("INVALID_ARGUMENT", "reprocess is set without regenerate"):
        client.pps.set_cluster_defaults(cluster_defaults_json="{}", reprocess=True)
    assert client.pps.get_cluster_defaults().cluster_defaults_json == defaults(datumTries="5")


def test_set_project_defaults_refuses(here: Place) -> None:
    with refused("INVALID_ARGUMENT", "^invalid project defaults JSON"):
        here.client.pps.set_project_defaults(project=here.project, project_defaults_json="no")
    nowhere = pfs.Project(name="nowhere")
    with refused("NOT_FOUND", 'project "nowhere" not found'):
        here.client.pps.set_project_defaults(project=nowhere, project_defaults_json="{}")
    with refused("NOT_FOUND", 'project "nowhere" not found'):
        here.client.pps.get_project_defaults(project=nowhere)
    with refused("INVALID_ARGUMENT", "project"):
        here.client.pps.get_project_defaults()


def test_set_cluster_defaults(data: Place) -> None:
    """Built in, then the cluster's, then the project's, then the user's; null takes away."""
    stub = data.client.pps
    stub.set_cluster_defaults(cluster_defaults_json=defaults(datumTries=5, resourceRequests={"cpu": 1}))
    stub.set_project_defaults(
        project=data.project,
        project_defaults_json=defaults(
            resource_requests={"memory": "1Gi"}, reprocess_spec="every_job", description="ours"
        ),
    )
    made = create(data, "merged", description=None)
    assert made.pop("pipeline") == {"name": "merged", "project": {"name": data.project.name}}
    assert made.pop("transform")["image"] == "ubuntu:20.04"
    assert made.pop("input")
    assert made == {
        "outputBranch": "master",
        "datumTries": "5",
        "reprocessSpec": "every_job",
        "resourceRequests": {"cpu": 1, "memory": "1Gi"},
    }
    info = inspect(data, "merged")
    assert info.user_spec_json == spec(data, "merged", description=None)
    assert json.loads(info.effective_spec_json) == {**json.loads(info.effective_spec_json), **made}
    assert (info.details.datum_tries, info.details.resource_requests.memory) == (5, "1Gi")
    assert info.details.description == ""
    elsewhere = place(data.client)
    elsewhere.make("data")
    assert "memory" not in create(elsewhere, "other")["resourceRequests"]


def test_a_message_does_not_override_a_default_with_what_it_leaves_unset(data: Place) -> None:
    data.client.pps.set_cluster_defaults(cluster_defaults_json=defaults(datumTries="7", outputBranch="results"))
    data.client.pps.create_pipeline(
        pipeline=pipeline(data, "plain"),
        transform=pps.Transform(cmd=["true"]),
        input=pps.Input(pfs=pps.PfsInput(repo="data", glob="/*", project=data.project.name)),
    )
    details = inspect(data, "plain").details
    assert (details.datum_tries, details.output_branch) == (7, "results")


def test_create_pipeline_v2_dry_run(data: Place) -> None:
    data.client.pps.set_project_defaults(project=data.project, project_defaults_json=defaults(datumTries="2"))
    made = data.client.pps.create_pipeline_v2(create_pipeline_request_json=spec(data, "tried"), dry_run=True)
    assert json.loads(made.effective_create_pipeline_request_json)["datumTries"] == "2"
    assert not data.client.pps.pipeline_exists(pipeline(data, "tried"))
    with refused("INVALID_ARGUMENT", "^could not make effective spec: .*nonsense"):
        data.client.pps.create_pipeline_v2(create_pipeline_request_json=spec(data, "tried", nonsense=1), dry_run=True)
    with refused("UNKNOWN", "request.Pipeline cannot be nil"):
        data.client.pps.create_pipeline_v2(create_pipeline_request_json="{}", dry_run=True)


def test_regenerate(data: Place) -> None:
    """Pipelines that come out different get a new version and a new job, all in one commit set; others do not."""
    stub = data.client.pps
    create(data, "first")
    create(data, "second", "first")
    create(data, "own", datumTries="9")
    wait(data, "second", data.put(x=b"1"))
    before = {name: inspect(data, name).version for name in ("first", "second", "own")}
    text = defaults(datumTries="4")
    unchanged = stub.set_project_defaults(project=data.project, project_defaults_json=text)
    assert unchanged.affected_pipelines == []
    assert {name: inspect(data, name).version for name in before} == before
    tried = stub.set_project_defaults(project=data.project, project_defaults_json=text, regenerate=True, dry_run=True)
    assert [one.name for one in tried.affected_pipelines] == ["first", "second"]
    assert {name: inspect(data, name).version for name in before} == before
    done = stub.set_project_defaults(project=data.project, project_defaults_json=text, regenerate=True)
    assert done.affected_pipelines == tried.affected_pipelines
    infos = {name: inspect(data, name) for name in before}
    assert {name: info.version for name, info in infos.items()} == {"first": 2, "second": 2, "own": 1}
    assert infos["first"].spec_commit.id == infos["second"].spec_commit.id
    assert infos["first"].details.datum_tries == 4
    ended = wait(data, "second", infos["second"].spec_commit.id)
    assert (ended.state, ended.data_skipped, ended.data_total) == (pps.JobState.JOB_SUCCESS, 1, 1)
    again = stub.set_project_defaults(project=data.project, project_defaults_json=text, regenerate=True)
    assert again.affected_pipelines == []


def test_regenerate_and_reprocess(data: Place) -> None:
    create(data, "worker")
    wait(data, "worker", data.put(x=b"1"))
    salt = inspect(data, "worker").details.salt
    done = data.client.pps.set_project_defaults(
        project=data.project,
        project_defaults_json=defaults(transform={"env": {"LEVEL": "3"}}),
        regenerate=True,
        reprocess=True,
    )
    assert [one.name for one in done.affected_pipelines] == ["worker"]
    info = inspect(data, "worker")
    assert (info.details.transform.env, info.details.salt != salt) == ({"LEVEL": "3"}, True)
    ended = wait(data, "worker", info.spec_commit.id)
    assert (ended.data_processed, ended.data_skipped) == (1, 0)


def test_regenerate_happens_wholly_or_not_at_all(data: Place) -> None:
    create(data, "good")
    create(data, "narrow", outputBranch="out")
    text = defaults(podSpec="{", datumTries="4")
    for dry_run in (True, False):
        with refused("UNKNOWN", f"pipeline {data.project.name}/good cannot have these defaults: malformed PodSpec"):
            data.client.pps.set_project_defaults(
                project=data.project, project_defaults_json=text, regenerate=True, dry_run=dry_run
            )
    assert data.client.pps.get_project_defaults(project=data.project).project_defaults_json == "{}"
    assert inspect(data, "good").version == inspect(data, "narrow").version == 1


def test_regenerate_leaves_stopped_pipelines_stopped(data: Place) -> None:
    create(data, "sleeper")
    data.client.pps.stop_pipeline(pipeline=pipeline(data, "sleeper"))
    data.client.pps.set_cluster_defaults(cluster_defaults_json=defaults(datumTries="4"), regenerate=True)
    info = inspect(data, "sleeper")
    assert (info.version, info.stopped, info.details.datum_tries) == (2, True, 4)
    assert info.state == pps.PipelineState.PIPELINE_PAUSED


def test_a_rerun_keeps_the_effective_spec(data: Place) -> None:
    create(data, "again")
    data.client.pps.set_cluster_defaults(cluster_defaults_json=defaults(datumTries="4"))
    before = inspect(data, "again")
    data.client.pps.rerun_pipeline(pipeline=pipeline(data, "again"))
    after = inspect(data, "again")
    assert (after.version, after.details.datum_tries) == (2, 3)
    assert (after.user_spec_json, after.effective_spec_json) == (before.user_spec_json, before.effective_spec_json)


def test_a_transaction_has_the_defaults_of_when_it_was_put_together(data: Place) -> None:
    stub = data.client.pps
    stub.set_project_defaults(project=data.project, project_defaults_json=defaults(datumTries="2"))
    with data.client.transaction.transaction():
        create(data, "early")
        stub.set_project_defaults(project=data.project, project_defaults_json=defaults(datumTries="8"))
    assert effective(data, "early")["datumTries"] == "2"
    create(data, "late")
    assert effective(data, "late")["datumTries"] == "8"
