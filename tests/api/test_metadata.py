"""The official SDK on metadata (spec 04, section 7)."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from betterproto import which_one_of
from pachyderm_sdk import Client
from pachyderm_sdk.api import metadata as m
from pachyderm_sdk.api import pfs, pps

DEFAULT = pfs.ProjectPicker(name="default")
DATA = pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=DEFAULT, name="data", type="user"))
MASTER = pfs.BranchPicker(name=pfs.BranchPickerBranchName(repo=DATA, name="master"))
HEAD = pfs.CommitPicker(branch_head=MASTER)
PIPELINE = pps.PipelinePicker(name=pps.PipelinePickerPipelineName(project=DEFAULT, name="p"))


def edit(client: Client, *edits: m.Edit) -> None:
    client.metadata.edit_metadata(edits=list(edits))


def add(key: str, value: str, **target: Any) -> m.Edit:
    return m.Edit(add_key=m.EditAddKey(key=key, value=value), **target)


def put(key: str, value: str, **target: Any) -> m.Edit:
    return m.Edit(edit_key=m.EditEditKey(key=key, value=value), **target)


def remove(key: str, **target: Any) -> m.Edit:
    return m.Edit(delete_key=m.EditDeleteKey(key=key), **target)


def replace(values: dict[str, str], **target: Any) -> m.Edit:
    return m.Edit(replace=m.EditReplace(replacement=values), **target)


@pytest.fixture
def data(client: Client) -> Client:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/f", data=b"1")
    client.pfs.wait_commit(pfs.Commit.from_uri("data@master"))
    client.pps.create_pipeline_v2(
        create_pipeline_request_json=json.dumps(
            {"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "input": {"pfs": {"repo": "data", "glob": "/"}}}
        )
    )
    return client


def shown(client: Client, target: str) -> list[dict[str, str]]:
    """What inspecting and listing say."""
    repo, master = pfs.Repo.from_uri("data"), pfs.Branch.from_uri("data@master")
    head = pfs.Commit.from_uri("data@master")
    infos: dict[str, list[Any]] = {
        "project": [
            client.pfs.inspect_project(project=pfs.Project(name="default")),
            *client.pfs.list_project(),
        ],
        "repo": [client.pfs.inspect_repo(repo=repo), *(one for one in client.pfs.list_repo() if one.repo == repo)],
        "branch": [client.pfs.inspect_branch(branch=master), *client.pfs.list_branch(repo=repo)],
        "commit": [client.pfs.inspect_commit(commit=head), *client.pfs.list_commit(repo=repo)],
        "pipeline": [
            client.pps.inspect_pipeline(pipeline=pps.Pipeline(name="p")),
            *client.pps.list_pipeline(),
        ],
        "cluster": [client.admin.inspect_cluster()],
    }
    return [one.metadata for one in infos[target]]


TARGETS: list[dict[str, Any]] = [
    {"project": DEFAULT},
    {"repo": DATA},
    {"branch": MASTER},
    {"commit": HEAD},
    {"pipeline": PIPELINE},
    {"cluster": m.ClusterPicker()},
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: next(iter(one)))
def test_each_kind_of_thing_has_its_own(data: Client, target: dict[str, Any]) -> None:
    kind = next(iter(target))
    assert all(one == {} for one in shown(data, kind))
    edit(data, add("a", "1", **target), put("b", "é", **target), put("b", "2", **target))
    found = shown(data, kind)
    assert found
    assert all(one == {"a": "1", "b": "2"} for one in found)
    edit(data, remove("a", **target), remove("missing", **target))
    assert shown(data, kind)[0] == {"b": "2"}
    edit(data, replace({"c": "3"}, **target))
    assert shown(data, kind)[0] == {"c": "3"}
    for other in TARGETS:
        if other != target:
            assert all(one == {} for one in shown(data, next(iter(other))))


def test_nothing_comes_of_it_downstream(data: Client) -> None:
    before = [one.commit.id for one in data.pfs.list_commit()]
    edit(data, add("a", "1", branch=MASTER), add("a", "1", commit=HEAD))
    assert [one.commit.id for one in data.pfs.list_commit()] == before


def test_all_or_nothing_and_every_failure_is_named(data: Client) -> None:
    nope = pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=DEFAULT, name="nope"))
    edit(data, add("a", "1", repo=DATA))
    with pytest.raises(grpc.RpcError) as refused:
        edit(data, put("b", "2", repo=DATA), add("a", "2", repo=DATA), put("a", "1", repo=nope))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.details() == (
        'apply edits: edit #1: add_key target key "a" already exists; use edit_key instead; '
        "edit #2: repo default/nope not found"
    )
    assert shown(data, "repo")[0] == {"a": "1"}
    with pytest.raises(grpc.RpcError) as missing:
        edit(data, put("a", "1", repo=nope))
    assert missing.value.code() == grpc.StatusCode.UNKNOWN
    assert missing.value.details() == "apply edits: edit #0: repo default/nope not found"


@pytest.mark.parametrize(
    "bad",
    [
        m.Edit(cluster=m.ClusterPicker()),
        put("a", "1"),
        put("", "1", cluster=m.ClusterPicker()),
        replace({"": "1"}, cluster=m.ClusterPicker()),
        put("a", "1", repo=pfs.RepoPicker()),
        put("a", "1", branch=pfs.BranchPicker()),
        put("a", "1", commit=pfs.CommitPicker()),
        put("a", "1", pipeline=pps.PipelinePicker()),
    ],
    ids=lambda one: which_one_of(one, "target")[0],
)
def test_what_says_too_little_is_refused(client: Client, bad: m.Edit) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        edit(client, bad)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_commits_by_pickers(data: Client) -> None:
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/f", data=b"2")
    newest, oldest = [one.commit.id for one in data.pfs.list_commit(repo=pfs.Repo.from_uri("data"))]
    by_id = pfs.CommitPicker(id=pfs.CommitPickerCommitByGlobalId(repo=DATA, id=newest))
    above = pfs.CommitPicker(ancestor=pfs.CommitPickerAncestorOf(offset=1, start=by_id))
    root = pfs.CommitPicker(branch_root=pfs.CommitPickerBranchRoot(offset=1, branch=MASTER))
    second = pfs.CommitPicker(branch_root=pfs.CommitPickerBranchRoot(offset=2, branch=MASTER))
    back = pfs.CommitPicker(ancestor=pfs.CommitPickerAncestorOf(offset=1, start=second))
    for number, picker in enumerate((HEAD, by_id, second, above, root, back)):
        edit(data, put(f"k{number}", "1", commit=picker))
    keys = {
        name: set(data.pfs.inspect_commit(commit=pfs.Commit.from_uri(f"data@{name}")).metadata)
        for name in (newest, oldest)
    }
    assert keys == {newest: {"k0", "k1", "k2"}, oldest: {"k3", "k4", "k5"}}
    with pytest.raises(grpc.RpcError, match="not found"):
        edit(data, put("a", "1", commit=pfs.CommitPicker(ancestor=pfs.CommitPickerAncestorOf(offset=2, start=second))))


def test_it_stays_when_the_thing_changes(data: Client) -> None:
    edit(data, add("a", "1", project=DEFAULT), add("a", "1", repo=DATA), add("a", "1", branch=MASTER))
    data.pfs.create_project(project=pfs.Project(name="default"), description="new", update=True)
    data.pfs.create_repo(repo=pfs.Repo.from_uri("data"), description="new", update=True)
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/f", data=b"2")
    assert [shown(data, kind)[0] for kind in ("project", "repo", "branch")] == [{"a": "1"}] * 3
    assert shown(data, "commit")[0] == {}
