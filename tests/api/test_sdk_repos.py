"""The official SDK on projects, repos, branches, commits and commit sets (spec 01, sections 2 to 7)."""

from __future__ import annotations

import itertools
import threading

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving

from trunkline.wire import pfs_pb2

MASTER = pfs.Branch.from_uri("data@master")


def repo(uri: str) -> pfs.Repo:
    return pfs.Repo.from_uri(uri)


def branch(uri: str) -> pfs.Branch:
    return pfs.Branch.from_uri(uri)


def commit(uri: str) -> pfs.Commit:
    return pfs.Commit.from_uri(uri)


def put(client: Client, uri: str, path: str, data: bytes) -> str:
    """A write of its own; returns the id of the commit, once it is finished."""
    client.pfs.put_file_from_bytes(commit=commit(uri), path=path, data=data)
    return client.pfs.wait_commit(commit(uri)).commit.id


# -- projects and repos ---------------------------------------------------------------------------------


def test_projects(client: Client) -> None:
    client.pfs.create_project(project=pfs.Project(name="alpha"), description="first")
    info = client.pfs.inspect_project(project=pfs.Project(name="alpha"))
    assert (info.project.name, info.description) == ("alpha", "first")
    assert info.created_at.timestamp() > 0
    assert [one.project.name for one in client.pfs.list_project()] == ["default", "alpha"]
    client.pfs.create_repo(repo=repo("alpha/data"))
    with pytest.raises(grpc.RpcError) as refused:
        client.pfs.delete_project(project=pfs.Project(name="alpha"))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    client.pfs.delete_repos(projects=[pfs.Project(name="alpha")])
    client.pfs.delete_project(project=pfs.Project(name="alpha"))
    assert [one.project.name for one in client.pfs.list_project()] == ["default"]


def test_repos(client: Client) -> None:
    client.pfs.create_project(project=pfs.Project(name="alpha"))
    for uri in ("data", "alpha/data", "empty"):
        client.pfs.create_repo(repo=repo(uri), description=f"is {uri}")
    put(client, "data@master", "/f", b"12345")
    put(client, "data@dev", "/f", b"123456789")
    infos = {one.repo.as_uri(): one for one in client.pfs.list_repo(type="user")}
    assert list(infos) == ["alpha/data", "default/data", "default/empty"]
    assert infos["default/data"].size_bytes_upper_bound == 5  # master only
    assert infos["default/data"].description == "is data"
    assert [one.name for one in infos["default/data"].branches] == ["master", "dev"]
    assert [one.repo.as_uri() for one in client.pfs.list_repo(projects=[pfs.Project(name="alpha")])] == ["alpha/data"]
    page = pfs.RepoPage(page_size=2, page_index=1)
    assert [one.repo.as_uri() for one in client.pfs.list_repo(page=page)] == ["default/empty"]
    info = client.pfs.inspect_repo(repo=repo("data"))
    assert info.details.size_bytes == 5
    assert client.pfs.inspect_repo(repo=repo("empty")).details.size_bytes == 0
    assert client.pfs.delete_repo(repo=repo("data")).deleted
    assert not client.pfs.delete_repo(repo=repo("data")).deleted
    assert not client.pfs.repo_exists(repo("data"))


def test_all_repos_go_whoever_comes_from_whom(client: Client) -> None:
    """An older repo that comes from a newer one does not keep it alive, since it goes as well."""
    for name in ("old", "new"):
        client.pfs.create_repo(repo=repo(name))
    client.pfs.create_branch(branch=branch("old@master"), provenance=[branch("new@master")])
    with pytest.raises(grpc.RpcError, match="direct provenance"):
        client.pfs.delete_repo(repo=repo("new"))
    deleted = client.pfs.delete_repos(all=True)
    assert {one.name for one in deleted.repos} == {"old", "new"}
    assert list(client.pfs.list_repo()) == []
    assert client.pfs.delete_repos().repos == []


# -- branches -------------------------------------------------------------------------------------------


def test_branches(client: Client) -> None:
    for name in ("data", "out", "end"):
        client.pfs.create_repo(repo=repo(name))
    client.pfs.create_branch(branch=branch("out@master"), provenance=[branch("data@master")])
    client.pfs.create_branch(branch=branch("end@master"), provenance=[branch("out@master")])
    first = put(client, "data@master", "/f", b"1")
    client.pfs.create_branch(branch=branch("data@dev"), head=commit("data@master"))
    info = client.pfs.inspect_branch(branch=branch("data@master"))
    assert info.head.id == first
    assert not info.head.branch
    assert {one.as_uri() for one in info.subvenance} == {"default/out@master", "default/end@master"}
    info = client.pfs.inspect_branch(branch=branch("end@master"))
    assert {one.as_uri() for one in info.provenance} == {"default/out@master", "default/data@master"}
    assert [one.as_uri() for one in info.direct_provenance] == ["default/out@master"]
    assert [one.branch.name for one in client.pfs.list_branch(repo=repo("data"))] == ["dev", "master"]
    assert [one.branch.name for one in client.pfs.list_branch(repo=repo("data"), reverse=True)] == ["master", "dev"]
    with pytest.raises(grpc.RpcError) as refused:
        client.pfs.delete_branch(branch=branch("data@master"))
    assert refused.value.code() == grpc.StatusCode.UNKNOWN
    assert "cannot be deleted because it's in the direct provenance of [default/out@master]" in refused.value.details()
    client.pfs.delete_branch(branch=branch("data@master"), force=True)
    assert not client.pfs.branch_exists(branch("data@master"))
    assert client.pfs.commit_exists(commit(f"data@{first}"))


# -- commits --------------------------------------------------------------------------------------------


@pytest.fixture
def chain(client: Client) -> tuple[Client, list[str]]:
    """c1 ← c2 ← c3 on master of data."""
    client.pfs.create_repo(repo=repo("data"))
    return client, [put(client, "data@master", "/f", number) for number in (b"1", b"22", b"333")]


def test_lists_of_commits(chain: tuple[Client, list[str]]) -> None:
    client, made = chain
    infos = list(client.pfs.list_commit(repo=repo("data")))
    assert [one.commit.id for one in infos] == made[::-1]
    assert [one.size_bytes_upper_bound for one in infos] == [3, 2, 1]
    assert [one.details.size_bytes for one in infos] == [3, 2, 1]
    assert infos[0].parent_commit.id == made[1]
    assert [one.id for one in infos[1].child_commits] == [made[2]]
    assert not infos[0].parent_commit.branch
    assert infos[1].child_commits[0].branch.name == "master"
    window = client.pfs.list_commit(repo=repo("data"), to=commit("data@master"), from_=commit(f"data@{made[0]}"))
    assert [one.commit.id for one in window] == made[:0:-1]
    assert [one.commit.id for one in client.pfs.list_commit(repo=repo("data"), number=1, reverse=True)] == made[:1]
    paged = client.pfs.list_commit(repo=repo("data"), started_time=infos[0].started, number=1)
    assert [one.commit.id for one in paged] == [made[1]]
    assert list(client.pfs.list_commit(repo=repo("data"), origin_kind=pfs.OriginKind.AUTO)) == []
    assert len(list(client.pfs.list_commit(repo=repo("data"), origin_kind=pfs.OriginKind.AUTO, all=True))) == 3


def test_squash_and_drop(chain: tuple[Client, list[str]]) -> None:
    """Spec 01, 16.5."""
    client, (c1, c2, c3) = chain
    client.pfs.squash_commit(commit=commit(f"data@{c2}"))
    assert client.pfs.inspect_commit(commit=commit("data@master")).parent_commit.id == c1
    assert client.pfs.inspect_file(file=pfs.File.from_uri("data@master:/f")).size_bytes == 3
    with pytest.raises(grpc.RpcError, match="cannot squash a commit that has no children"):
        client.pfs.squash_commit(commit=commit(f"data@{c3}"))
    with pytest.raises(grpc.RpcError, match="cannot drop a commit that has children"):
        client.pfs.drop_commit(commit=commit(f"data@{c1}"))
    client.pfs.drop_commit(commit=commit("data@master"))
    client.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=c1))
    assert not client.pfs.commit_exists(commit(f"data@{c1}"))
    assert list(client.pfs.list_file(file=pfs.File.from_uri("data@master:/"))) == []
    client.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=c1))  # nothing to do


def test_sets(chain: tuple[Client, list[str]]) -> None:
    client, (*_, c3) = chain
    client.pfs.create_repo(repo=repo("out"))
    client.pfs.create_branch(branch=branch("out@master"), provenance=[MASTER])
    made = client.pfs.inspect_branch(branch=branch("out@master")).head.id
    infos = list(client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=made)))
    assert [(one.commit.repo.name, one.commit.id) for one in infos] == [("data", c3), ("out", made)]
    assert [(one.id, one.branch.name) for one in infos[1].direct_provenance] == [(c3, "master")]
    assert [(one.id, one.branch.name) for one in infos[0].direct_subvenance] == [(made, "master")]
    newest = next(iter(client.pfs.list_commit_set()))
    assert newest.commit_set.id == made
    assert [one.commit.id for one in newest.commits] == [c3, made]
    assert list(client.pfs.list_commit_set(project=pfs.Project(name="nope"))) == []
    client.pfs.finish_commit(commit=commit("out@master"))
    assert len(client.pfs.wait_commit_set(pfs.CommitSet(id=made))) == 2


def test_a_commit_can_be_cleared_and_failed(chain: tuple[Client, list[str]]) -> None:
    client, _ = chain
    opened = client.pfs.start_commit(branch=MASTER, description="to be failed")
    client.pfs.put_file_from_bytes(commit=opened, path="/g", data=b"1")
    client.pfs.clear_commit(commit=opened)
    assert [one.file.path for one in client.pfs.list_file(file=pfs.File(commit=opened, path="/"))] == ["/f"]
    client.pfs.finish_commit(commit=opened, error="it broke")
    info = client.pfs.wait_commit(opened)
    assert (info.error, info.description, info.details.size_bytes) == ("it broke", "to be failed", 0)
    with pytest.raises(grpc.RpcError, match="cannot clear finished commit"):
        client.pfs.clear_commit(commit=opened)


def test_waiting_for_what_is_not_finished(serving: Serving, chain: tuple[Client, list[str]]) -> None:
    client, _ = chain
    opened = client.pfs.start_commit(branch=MASTER)
    assert client.pfs.inspect_commit(commit=opened, wait=pfs.CommitState.READY).finished.timestamp() == 0
    answer: list[pfs.CommitInfo] = []
    waiting = threading.Thread(target=lambda: answer.append(client.pfs.wait_commit(opened)))
    waiting.start()
    client.pfs.finish_commit(commit=opened)
    waiting.join(30)
    assert answer[0].finished.timestamp() > 0


def test_a_reader_of_a_finishing_commit_waits_for_it(chain: tuple[Client, list[str]]) -> None:
    client, _ = chain
    for number in range(10):
        with client.pfs.commit(branch=MASTER) as opened:
            opened.put_file_from_bytes(f"/n{number}", b"1")
        found = [one.file.path for one in client.pfs.list_file(file=pfs.File(commit=opened, path="/"))]
        assert f"/n{number}" in found


def test_a_subscription(chain: tuple[Client, list[str]]) -> None:
    client, made = chain
    stream = client.pfs.subscribe_commit(repo=repo("data"), branch="master", state=pfs.CommitState.FINISHED)
    assert [one.commit.id for one in itertools.islice(stream, 3)] == made
    new = put(client, "data@master", "/g", b"1")
    assert next(stream).commit.id == new


def test_a_given_parent(chain: tuple[Client, list[str]]) -> None:
    client, (c1, *_) = chain
    with client.pfs.commit(branch=MASTER, parent=commit(f"data@{c1}")) as opened:
        pass
    assert opened.wait().parent_commit.id == c1
    assert client.pfs.inspect_file(file=pfs.File.from_uri("data@master:/f")).size_bytes == 1


def test_messages_without_a_project_or_a_type_mean_the_default(
    serving: Serving, chain: tuple[Client, list[str]]
) -> None:
    _, made = chain
    bare = pfs_pb2.Repo(name="data")
    assert serving.raw.InspectRepo(pfs_pb2.InspectRepoRequest(repo=bare)).repo.project.name == "default"
    request = pfs_pb2.InspectCommitRequest(commit=pfs_pb2.Commit(repo=bare, id=made[0]))
    assert serving.raw.InspectCommit(request).commit.repo.type == "user"
