"""The official SDK on walks, searches and what looks after the whole (spec 01, sections 2, 3, 4, 6, 7 and 12)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import betterproto
import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, taskapi
from pachyderm_sdk.errors import AuthServiceNotActivated
from tests.api.serving import Serving

from trunkline.kernel.errors import Corrupt
from trunkline.wire import pfs_pb2

DEFAULT = pfs.ProjectPicker(name="default")


def picked_repo(name: str) -> pfs.RepoPicker:
    return pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=DEFAULT, name=name))


def picked_branch(name: str) -> pfs.BranchPicker:
    return pfs.BranchPicker(name=pfs.BranchPickerBranchName(repo=picked_repo(name), name="master"))


def head(name: str) -> pfs.CommitPicker:
    return pfs.CommitPicker(branch_head=picked_branch(name))


def branch(uri: str) -> pfs.Branch:
    return pfs.Branch.from_uri(uri)


def commit(uri: str) -> pfs.Commit:
    return pfs.Commit.from_uri(uri)


def put(client: Client, path: str, data: bytes, repo: str = "data") -> str:
    client.pfs.put_file_from_bytes(commit=commit(f"{repo}@master"), path=path, data=data)
    return client.pfs.wait_commit(commit(f"{repo}@master")).commit.id


# -- walks ----------------------------------------------------------------------------------------------


@pytest.fixture
def diamond(client: Client) -> Client:
    """tip → left, right → end → far."""
    for name in ("tip", "left", "right", "end", "far"):
        client.pfs.create_repo(repo=pfs.Repo.from_uri(name))
    for name, upstream in (("left", ["tip"]), ("right", ["tip"]), ("end", ["left", "right"]), ("far", ["end"])):
        client.pfs.create_branch(
            branch=branch(f"{name}@master"), provenance=[branch(f"{one}@master") for one in upstream]
        )
    client.pfs.start_commit(branch=branch("tip@master"))
    return client


def of_commits(found: Iterable[pfs.CommitInfo]) -> list[str]:
    return [one.commit.repo.name for one in found]


def of_branches(found: Iterable[pfs.BranchInfo]) -> list[str]:
    return [one.branch.repo.name for one in found]


def test_walks_go_breadth_first_and_leave_out_their_start(diamond: Client) -> None:
    api = diamond.pfs
    up, down = ["end", "left", "right", "tip"], ["left", "right", "end", "far"]
    assert of_commits(api.walk_commit_provenance(start=[head("far")])) == up
    assert of_branches(api.walk_branch_provenance(start=[picked_branch("far")])) == up
    assert of_commits(api.walk_commit_subvenance(start=[head("tip")])) == down
    assert of_branches(api.walk_branch_subvenance(start=[picked_branch("tip")])) == down
    assert of_commits(api.walk_commit_provenance(start=[head("tip")])) == []


def test_walks_have_limits(diamond: Client) -> None:
    api = diamond.pfs
    assert of_commits(api.walk_commit_provenance(start=[head("far")], max_commits=2)) == ["end", "left"]
    assert of_commits(api.walk_commit_provenance(start=[head("far")], max_depth=2)) == ["end", "left", "right"]
    assert of_branches(api.walk_branch_subvenance(start=[picked_branch("tip")], max_branches=1)) == ["left"]
    assert of_branches(api.walk_branch_subvenance(start=[picked_branch("tip")], max_depth=1)) == ["left", "right"]


def test_several_starts_are_walked_one_after_another(diamond: Client) -> None:
    found = diamond.pfs.walk_commit_provenance(start=[head("left"), head("end")])
    assert of_commits(found) == ["tip", "left", "right", "tip"]
    with pytest.raises(grpc.RpcError) as missing:
        list(diamond.pfs.walk_branch_provenance(start=[picked_branch("tip"), picked_branch("nope")]))
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND


# -- looking for commits --------------------------------------------------------------------------------


def found_in(
    client: Client, path: str, start: str = "data@master", limit: int = 0
) -> tuple[list[str], tuple[str, int]]:
    """The commits found, and the last that was looked at with the number of them."""
    *found, last = client.pfs.find_commits(start=commit(start), file_path=path, limit=limit)
    assert betterproto.which_one_of(last, "result")[0] == "last_searched_commit"
    return [one.found_commit.id for one in found], (last.last_searched_commit.id, last.commits_searched)


def test_commits_that_changed_a_path(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    c1 = put(client, "/other", b"1")
    c2 = put(client, "/d/f", b"1")
    c3 = put(client, "/d/f", b"1")
    c4 = put(client, "/d/f", b"2")
    client.pfs.delete_file(commit=commit("data@master"), path="/d/f")
    c5 = client.pfs.wait_commit(commit("data@master")).commit.id
    for path in ("/d/f", "d/f", "/d", "/d/"):
        assert found_in(client, path) == ([c5, c4, c2], (c1, 5))
    assert found_in(client, "/") == ([c5, c4, c2, c1], (c1, 5))
    assert found_in(client, "/nope") == ([], (c1, 5))
    assert found_in(client, "/d/f", limit=1) == ([c5], (c5, 1))
    assert found_in(client, "/d/f", limit=2) == ([c5, c4], (c4, 2))
    assert found_in(client, "/d/f", start=f"data@{c3}") == ([c2], (c1, 3))


def test_what_cannot_be_searched(serving: Serving, client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pfs.start_commit(branch=branch("data@master"))
    for start, code in (("data@master", "UNAVAILABLE"), ("data@nope", "NOT_FOUND")):
        with pytest.raises(grpc.RpcError) as refused:
            list(client.pfs.find_commits(start=commit(start), file_path="/f"))
        assert refused.value.code().name == code
    with pytest.raises(grpc.RpcError) as unnamed:
        list(serving.raw.FindCommits(pfs_pb2.FindCommitsRequest(file_path="/f")))
    assert unnamed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_search_ends_before_its_deadline(serving: Serving, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    for number in range(3):
        newest = put(client, "/f", str(number).encode())
    monkeypatch.setattr("trunkline.api.dispatch.NEAR_DEADLINE", 0.0)  # any time used is too much
    start = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="data"), id=newest)
    request = pfs_pb2.FindCommitsRequest(start=start, file_path="/f")
    answers = list(serving.raw.FindCommits(request, timeout=60))
    assert [one.WhichOneof("result") for one in answers] == ["found_commit", "last_searched_commit"]
    assert answers[1].last_searched_commit.id == newest
    assert len(list(serving.raw.FindCommits(request))) == 4  # no deadline, no end before the end


# -- forgetting, summaries, the store -------------------------------------------------------------------


def test_a_forgotten_commit(client: Client) -> None:
    for name in ("data", "out"):
        client.pfs.create_repo(repo=pfs.Repo.from_uri(name))
    client.pfs.create_branch(branch=branch("out@master"), provenance=[branch("data@master")])
    ids = []
    for number in (b"1", b"2"):
        opened = client.pfs.inspect_commit(commit=commit("out@master")).commit
        client.pfs.put_file_from_bytes(commit=opened, path="/f", data=number)
        client.pfs.finish_commit(commit=opened)
        ids.append(client.pfs.wait_commit(opened).commit.id)
        put(client, "/x", number)
    client.pfs.finish_commit(commit=commit("out@master"))
    client.pfs.wait_commit(commit("out@master"))
    first = pfs.CommitPicker(id=pfs.CommitPickerCommitByGlobalId(repo=picked_repo("out"), id=ids[0]))
    client.pfs.forget_commit(commit=first)
    for read in (
        lambda: client.pfs.inspect_file(file=pfs.File.from_uri(f"out@{ids[0]}:/f")),
        lambda: list(client.pfs.list_file(file=pfs.File.from_uri(f"out@{ids[0]}:/"))),
    ):
        with pytest.raises(grpc.RpcError, match="the commit is forgotten"):
            read()
    info = client.pfs.inspect_commit(commit=commit(f"out@{ids[0]}"))
    assert info.finished.timestamp() > 0
    assert info.details.size_bytes == 0
    with client.pfs.pfs_file(pfs.File.from_uri("out@master:/f")) as kept:
        assert kept.read() == b"2"
    with pytest.raises(grpc.RpcError, match="the branch head cannot be a forgotten commit"):
        client.pfs.forget_commit(commit=head("out"))
    with pytest.raises(grpc.RpcError, match="the commit to be forgotten must be in an output repo"):
        client.pfs.forget_commit(commit=head("data"))


def test_projects_with_their_defaults(client: Client) -> None:
    client.pfs.create_project(project=pfs.Project(name="alpha"), description="first")
    answer = client.pfs.inspect_project_v2(project=pfs.Project(name="alpha"))
    assert (answer.info.description, answer.defaults_json) == ("first", "{}")
    with pytest.raises(grpc.RpcError) as missing:
        client.pfs.inspect_project_v2(project=pfs.Project(name="nope"))
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert missing.value.details() == 'could not inspect project "nope": project "nope" not found'
    with pytest.raises(grpc.RpcError) as unnamed:
        client.pfs.inspect_project_v2()
    assert unnamed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_summary_of_repos(client: Client) -> None:
    for name in ("alpha", "empty"):
        client.pfs.create_project(project=pfs.Project(name=name))
    for uri in ("data", "more", "alpha/data"):
        client.pfs.create_repo(repo=pfs.Repo.from_uri(uri))
    client.pfs.create_repo(repo=pfs.Repo(name="data", type="spec", project=pfs.Project(name="default")))
    put(client, "/f", b"12345")
    put(client, "/f", b"123", repo="more")
    names = [pfs.ProjectPicker(name=name) for name in ("default", "alpha", "empty", "unknown")]
    found = client.pfs.repos_summary(projects=names).summaries
    assert [(one.project.name, one.user_repo_count, one.size_bytes) for one in found] == [
        ("alpha", 1, 0),
        ("default", 2, 8),
    ]
    assert client.pfs.repos_summary(projects=names[1:2]).summaries == found[:1]
    assert client.pfs.repos_summary().summaries == found


def test_everything_goes_and_the_default_project_comes_again(client: Client) -> None:
    client.pfs.create_project(project=pfs.Project(name="default"), description="mine", update=True)
    client.pfs.create_project(project=pfs.Project(name="alpha"))
    for uri in ("data", "out", "alpha/data"):
        client.pfs.create_repo(repo=pfs.Repo.from_uri(uri))
    client.pfs.create_branch(branch=branch("out@master"), provenance=[branch("data@master")])
    put(client, "/f", b"1")
    client.pfs.delete_all()
    assert list(client.pfs.list_repo()) == []
    assert list(client.pfs.list_commit_set()) == []
    assert [(one.project.name, one.description) for one in client.pfs.list_project()] == [("default", "")]
    client.pfs.delete_all()


def test_the_store_is_counted_and_read(serving: Serving, client: Client, tmp_path: Path) -> None:
    assert client.pfs.check_storage().chunk_object_count == 0
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    for number in range(5):
        put(client, "/f", f"text {number}".encode() * 1000)
    chunks = sorted(bytes.fromhex(key.rpartition("/")[2]) for key in serving.store.keys("chunks/"))
    count = len(chunks)
    assert client.pfs.check_storage(read_chunk_data=True).chunk_object_count == count >= 2
    assert client.pfs.check_storage(chunk_begin=chunks[1]).chunk_object_count == count - 1
    assert client.pfs.check_storage(chunk_end=chunks[1]).chunk_object_count == 1
    assert client.pfs.check_storage(chunk_begin=chunks[0], chunk_end=chunks[-1]).chunk_object_count == count - 1
    (path,) = (tmp_path / "store").rglob(f"*{chunks[0].hex()[2:]}*")
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1] + b"?")
    with pytest.raises(grpc.RpcError) as broken:
        client.pfs.check_storage(read_chunk_data=True)
    assert broken.value.code().name == Corrupt.grpc_status
    assert client.pfs.check_storage().chunk_object_count == count
    path.write_bytes(whole)


def test_there_are_no_tasks_and_no_login(serving: Serving, client: Client) -> None:
    assert list(client.pfs.list_task(group=taskapi.Group(namespace="storage", group="x"))) == []
    with pytest.raises(grpc.RpcError) as unnamed:
        list(client.pfs.list_task())
    assert unnamed.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(AuthServiceNotActivated, match="the auth service is not activated"):
        client.pfs.activate_auth()
