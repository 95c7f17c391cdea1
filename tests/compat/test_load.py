"""Load tests."""

from __future__ import annotations

import json

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import place, refused

SMALL = "{commits: 2, files: 4, deletes: 1, most_bytes: 5000}"


def forget(client: Client, name: str) -> None:
    project = pfs.Project(name=name)
    client.pps.delete_pipelines(projects=[project])
    client.pfs.delete_project(project=project, force=True)


def hashes(client: Client, name: str, repo: str = "load") -> dict[str, bytes]:
    found = client.pfs.walk_file(file=pfs.File.from_uri(f"{name}/{repo}@master:/"))
    return {one.file.path: one.hash for one in found if one.file_type == pfs.FileType.FILE}


def test_run_load_test(client: Client) -> None:
    """The same seed makes the same files; pipelines of one's own are run over them; a test can go on."""
    one = client.pps.run_load_test(load_spec=SMALL, seed=3, parallelism=1)
    two = client.pps.run_load_test(load_spec=SMALL, seed=3)
    three = client.pps.run_load_test(load_spec=SMALL, seed=4)
    assert (one.error, two.error, three.error) == ("", "", "")
    files = hashes(client, one.state_id)
    assert files == hashes(client, two.state_id) == hashes(client, one.state_id, "load-copy")
    assert files != hashes(client, three.state_id)
    again = client.pps.run_load_test(load_spec=SMALL, seed=5, state_id=one.state_id)
    assert (again.error, again.state_id) == ("", one.state_id)
    assert len(list(client.pfs.list_commit(repo=pfs.Repo.from_uri(f"{one.state_id}/load")))) == 5
    for name in (one.state_id, two.state_id, three.state_id):
        forget(client, name)


def test_a_load_under_which_a_job_fails(client: Client) -> None:
    dag = {
        "pipeline": {"name": "breaks", "project": {"name": "nowhere"}},
        "transform": {"cmd": ["false"]},
        "input": {"cross": [{"pfs": {"repo": "load", "glob": "/", "project": "nowhere"}}]},
        "dry_run": True,
    }
    ended = client.pps.run_load_test(dag_spec=json.dumps(dag), load_spec=SMALL)
    assert ended.error.startswith(f"job {ended.state_id}/breaks@")
    assert "ended as FAILURE: datum" in ended.error
    info = client.pps.inspect_pipeline(pipeline=pps.Pipeline(name="breaks", project=pfs.Project(name=ended.state_id)))
    assert info.pipeline.project.name == ended.state_id
    forget(client, ended.state_id)


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"load_spec": "{nonsense: 1}"}, "INVALID_ARGUMENT", "malformed load_spec: .*nonsense"),
        ({"load_spec": "{commits: 0}"}, "INVALID_ARGUMENT", "malformed load_spec: .*commits"),
        ({"load_spec": "{least_bytes: 9, most_bytes: 1}"}, "INVALID_ARGUMENT", "least_bytes is more than most_bytes"),
        ({"load_spec": "["}, "INVALID_ARGUMENT", "^malformed load_spec line 1"),
        ({"dag_spec": "{nonsense: 1}"}, "INVALID_ARGUMENT", 'malformed dag_spec: unknown field "nonsense"'),
        ({"dag_spec": "{description: x}"}, "UNKNOWN", ""),
        ({"state_id": "load-nothing"}, "NOT_FOUND", 'project "load-nothing" not found'),
    ],
)
def test_loads_that_are_refused(client: Client, given: dict[str, str], code: str, says: str) -> None:
    before = {one.project.name for one in client.pfs.list_project()}
    with refused(code, says):
        client.pps.run_load_test(**given)
    assert {one.project.name for one in client.pfs.list_project()} == before


def test_other_projects_are_not_written_to(client: Client) -> None:
    here = place(client)
    here.make("load")
    with refused("NOT_FOUND", "this project is something else"):
        client.pps.run_load_test(state_id=here.project.name)


def test_run_load_test_default(client: Client) -> None:
    ended = client.pps.run_load_test_default()
    assert ended.error == ""
    assert hashes(client, ended.state_id) == hashes(client, ended.state_id, "load-copy") != {}
    forget(client, ended.state_id)
