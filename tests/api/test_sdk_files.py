"""The official SDK writes and reads files: the patterns of spec 01, sections 15 and 16, over a real connection."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving

MASTER = pfs.Branch.from_uri("data@master")


@pytest.fixture
def data(client: Client) -> Client:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    return client


def file(uri: str) -> pfs.File:
    return pfs.File.from_uri(uri)


def read(client: Client, uri: str) -> bytes:
    with client.pfs.pfs_file(file(uri)) as stream:
        return stream.read()


def listed(client: Client, uri: str, **page: object) -> list[str]:
    return [info.file.path for info in client.pfs.list_file(file=file(uri), **page)]


# -- commits --------------------------------------------------------------------------------------------


def test_a_commit_as_a_context(data: Client) -> None:
    with data.pfs.commit(branch=MASTER, description="three files") as commit:
        commit.put_file_from_bytes("/greeting.txt", b"Hello!")
        commit.put_file_from_bytes("/d/a", b"1")
        commit.put_file_from_file(path="/d/b", file=io.BytesIO(b"22"))
        assert read(data, f"data@{commit.id}:/greeting.txt") == b"Hello!"
    info = commit.wait()
    assert (info.description, info.error, info.details.size_bytes) == ("three files", "", 9)
    assert info.started <= info.finishing <= info.finished
    assert info.origin.kind == pfs.OriginKind.USER
    assert not info.commit.branch
    assert (info.commit.repo.name, info.commit.repo.type, info.commit.repo.project.name) == ("data", "user", "default")
    assert len(commit.wait_all()) == 1
    assert listed(data, "data@master:/") == ["/d/", "/greeting.txt"]


def test_bytes_replace_or_append(data: Client) -> None:
    """Spec 01, 16.1."""
    master = pfs.Commit.from_uri("data@master")
    data.pfs.put_file_from_bytes(commit=master, path="/f", data=b"abc")
    first = data.pfs.inspect_branch(branch=MASTER).head
    data.pfs.put_file_from_bytes(commit=master, path="/f", data=b"de", append=True)
    second = data.pfs.wait_commit(master)
    assert second.parent_commit.id == first.id
    assert read(data, "data@master:/f") == b"abcde"
    data.pfs.put_file_from_bytes(commit=master, path="/f", data=b"de")
    assert read(data, "data@master:/f") == b"de"
    assert read(data, f"data@{first.id}:/f") == b"abc"
    assert read(data, "data@master^2:/f") == b"abc"
    data.pfs.put_file_from_bytes(commit=master, path="/empty", data=b"")
    assert read(data, "data@master:/empty") == b""
    assert data.pfs.inspect_file(file=file("data@master:/empty")).size_bytes == 0


def test_an_open_commit_takes_several_streams(data: Client) -> None:
    """Spec 01, 16.2."""
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/base", data=b"0")
    commit = data.pfs.start_commit(branch=MASTER)
    assert not commit.branch
    data.pfs.put_file_from_bytes(commit=commit, path="/by-id", data=b"1")
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/by-branch", data=b"2")
    assert listed(data, f"data@{commit.id}:/") == ["/base", "/by-branch", "/by-id"]
    assert data.pfs.inspect_file(file=file(f"data@{commit.id}:/base")).committed.timestamp() == 0
    with pytest.raises(grpc.RpcError, match="parent commit .* has not been finished"):
        data.pfs.start_commit(branch=MASTER)
    data.pfs.finish_commit(commit=commit)
    with pytest.raises(grpc.RpcError) as refused:
        data.pfs.finish_commit(commit=commit)
    assert refused.value.code() == grpc.StatusCode.UNKNOWN
    assert refused.value.details() == f"commit default/data@{commit.id} has already finished"


def test_a_folder_is_put_whole(data: Client, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/a").write_bytes(b"1")
    (tmp_path / "in/deep/b").write_bytes(b"22")
    with data.pfs.commit(branch=MASTER) as commit:
        commit.put_files(source=tmp_path / "in", path="/out")
    commit.wait()
    assert listed(data, "data@master:/out") == ["/out/a", "/out/deep/"]
    assert read(data, "data@master:/out/deep/b") == b"22"


def test_a_long_file_goes_through_in_pieces(data: Client) -> None:
    content = os.urandom(1 << 20) * 45  # more than two of the SDK's messages
    with data.pfs.commit(branch=MASTER) as commit:
        commit.put_file_from_bytes("/big", content)
    commit.wait()
    assert read(data, "data@master:/big") == content
    tail = b"".join(one.value for one in data.pfs.get_file(file=file("data@master:/big"), offset=len(content) - 7))
    assert tail == content[-7:]
    assert not b"".join(one.value for one in data.pfs.get_file(file=file("data@master:/big"), offset=len(content)))


def test_copies_and_deletes(data: Client) -> None:
    master = pfs.Commit.from_uri("data@master")
    with data.pfs.commit(branch=MASTER) as commit:
        commit.put_file_from_bytes("/d/a", b"1")
        commit.put_file_from_bytes("/d/b", b"2")
    commit.wait()
    with data.pfs.commit(branch=MASTER) as commit:
        commit.copy_file(src=file("data@master^:/d"), dst="/copy")
        commit.copy_file(src=file("data@master^:/d/a"), dst="/d/b", append=True)
        commit.delete_file(path="/d/a")
    commit.wait()
    assert [info.file.path for info in data.pfs.walk_file(file=file("data@master:/"))] == [
        "/",
        "/copy/",
        "/copy/a",
        "/copy/b",
        "/d/",
        "/d/b",
    ]
    assert read(data, "data@master:/d/b") == b"21"
    data.pfs.copy_file(commit=master, src=file("data@master:/copy/a"), dst="/again")
    data.pfs.delete_file(commit=master, path="/copy/")
    assert listed(data, "data@master:/") == ["/again", "/d/"]


# -- reading --------------------------------------------------------------------------------------------


@pytest.fixture
def example(data: Client) -> Client:
    """The files of spec 01, 16.3."""
    with data.pfs.commit(branch=MASTER) as commit:
        for path, content in (("/a.txt", b"1"), ("/a/x", b"22"), ("/a/y", b"333"), ("/b", b"")):
            commit.put_file_from_bytes(path, content)
    commit.wait()
    return data


def test_infos(example: Client) -> None:
    head = example.pfs.inspect_commit(commit=pfs.Commit.from_uri("data@master"))
    infos = {info.file.path: info for info in example.pfs.walk_file(file=file("data@master:/"))}
    assert list(infos) == ["/", "/a.txt", "/a/", "/a/x", "/a/y", "/b"]
    assert {path: info.size_bytes for path, info in infos.items()} == {
        "/": 6,
        "/a.txt": 1,
        "/a/": 5,
        "/a/x": 2,
        "/a/y": 3,
        "/b": 0,
    }
    for path, info in infos.items():
        is_dir = path.endswith("/")
        assert info.file_type == (pfs.FileType.DIR if is_dir else pfs.FileType.FILE)
        assert info.file.datum == ("" if is_dir else "default")
        assert len(info.hash) == 32
        assert info.committed == head.finishing
        assert info.file.commit.id == head.commit.id
        assert not info.file.commit.branch
    for path in ("/a", "/a/", "a"):
        assert example.pfs.inspect_file(file=file(f"data@master:{path}")) == infos["/a/"]


def test_pages(example: Client) -> None:
    master = pfs.Commit.from_uri("data@master")
    marker = pfs.File(commit=master, path="/a.txt")
    assert listed(example, "data@master:/", pagination_marker=marker, number=1) == ["/a/"]
    assert listed(example, "data@master:/", number=2, reverse=True) == ["/b", "/a/"]
    marker = pfs.File(commit=master, path="/b")
    assert listed(example, "data@master:/", pagination_marker=marker, number=9, reverse=True) == ["/a/", "/a.txt"]
    assert listed(example, "data@master:/a/x") == ["/a/x"]
    assert listed(example, "data@master:/nope") == []


def test_globs(example: Client) -> None:
    def glob(pattern: str) -> list[str]:
        commit = pfs.Commit.from_uri("data@master")
        return [info.file.path for info in example.pfs.glob_file(commit=commit, pattern=pattern)]

    assert glob("/*") == listed(example, "data@master:/")
    assert glob("/") == ["/"]
    assert glob("/*/*") == glob("*/*") == ["/a/x", "/a/y"]
    assert glob("/**") == ["/a.txt", "/a/", "/a/x", "/a/y", "/b"]
    assert glob("/nope*") == []
    with pytest.raises(grpc.RpcError, match="unexpected end of input") as refused:
        glob("/[a")
    assert refused.value.code() == grpc.StatusCode.UNKNOWN


def test_differences(data: Client) -> None:
    """Spec 01, 16.4."""
    with data.pfs.commit(branch=MASTER) as commit:
        commit.put_file_from_bytes("/a/x", b"1")
        commit.put_file_from_bytes("/b", b"1")
    commit.wait()

    def diff(new: str, old: str | None = None) -> list[tuple[str | None, str | None]]:
        older = None if old is None else file(old)
        found = data.pfs.diff_file(new_file=file(new), old_file=older)
        return [(one.new_file.file.path or None, one.old_file.file.path or None) for one in found]

    assert diff("data@master:/") == [("/", None), ("/a/", None), ("/a/x", None), ("/b", None)]
    with data.pfs.commit(branch=MASTER) as commit:
        commit.put_file_from_bytes("/a/x", b"2")
        commit.put_file_from_bytes("/c", b"3")
    commit.wait()
    assert diff("data@master:/") == [("/", "/"), ("/a/", "/a/"), ("/a/x", "/a/x"), ("/c", None)]
    assert diff("data@master:/", "data@master:/") == []
    assert diff("data@master^:/", "data@master:/")[-1] == (None, "/c")
    assert diff("data@master:/a/x") == [("/a/x", "/a/x")]


def test_one_file_or_a_tar(example: Client) -> None:
    for path, words in (
        ("/a", "cannot get directory or non-regular file. Use GetFileTAR instead"),
        ("/a/*", "matched multiple files. Use GetFileTAR instead"),
    ):
        with pytest.raises(ValueError) as refused:
            example.pfs.pfs_file(file(f"data@master:{path}"))
        assert refused.value.__cause__.details() == words
    head = example.pfs.inspect_branch(branch=MASTER).head.id
    with pytest.raises(ValueError) as refused:
        example.pfs.pfs_file(file("data@master:/nope"))
    assert refused.value.__cause__.code() == grpc.StatusCode.NOT_FOUND
    assert refused.value.__cause__.details() == f"file /nope not found in repo default/data at commit {head}"
    assert read(example, "data@master:/a.*") == b"1"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/a/", ["/a/", "/a/x", "/a/y"]),
        ("/", ["/", "/a.txt", "/a/", "/a/x", "/a/y", "/b"]),
        ("/a/*", ["/a/x", "/a/y"]),
        ("/**", ["/a.txt", "/a/", "/a/x", "/a/y", "/b"]),
        ("/a.txt", ["/a.txt"]),
    ],
)
def test_tars_have_each_entry_once_in_order(example: Client, tmp_path: Path, path: str, names: list[str]) -> None:
    stream = io.BytesIO(b"".join(one.value for one in example.pfs.get_file_tar(file=file(f"data@master:{path}"))))
    assert len(stream.getvalue()) % 512 == 0
    assert stream.getvalue().endswith(bytes(1024))
    entries = tarfile.open(fileobj=stream).getmembers()  # noqa: SIM115
    assert [one.name.rstrip("/") + ("/" if one.isdir() else "") for one in entries] == names
    assert {(one.mode, one.uid, one.gid, one.mtime, one.uname) for one in entries} == {(0, 0, 0, 0, "")}


def test_a_tar_is_unpacked_by_the_sdk(example: Client, tmp_path: Path) -> None:
    with example.pfs.pfs_tar_file(file("data@master:/")) as tar:
        tar.extractall(tmp_path)
    assert (tmp_path / "a/y").read_bytes() == b"333"
    assert (tmp_path / "a.txt").read_bytes() == b"1"
    assert (tmp_path / "b").read_bytes() == b""


def test_a_tar_of_long_and_foreign_names(data: Client, tmp_path: Path) -> None:
    names = ["/" + "/".join(["long" * 20] * 3) + "/file", "/日本/é.txt"]
    with data.pfs.commit(branch=MASTER) as commit:
        for number, name in enumerate(names):
            commit.put_file_from_bytes(name, bytes([number]) * 1000)
    commit.wait()
    with data.pfs.pfs_tar_file(file("data@master:/")) as tar:
        tar.extractall(tmp_path)
    for number, name in enumerate(names):
        assert (tmp_path / name[1:]).read_bytes() == bytes([number]) * 1000


# -- does it exist? -------------------------------------------------------------------------------------


def test_exists_helpers(example: Client) -> None:
    stub = example.pfs
    assert stub.project_exists(pfs.Project(name="default"))
    assert not stub.project_exists(pfs.Project(name="nope"))
    assert stub.repo_exists(pfs.Repo.from_uri("data"))
    assert not stub.repo_exists(pfs.Repo.from_uri("nope"))
    assert not stub.repo_exists(pfs.Repo.from_uri("nope/data"))
    assert stub.branch_exists(MASTER)
    assert not stub.branch_exists(pfs.Branch.from_uri("data@nope"))
    assert not stub.branch_exists(pfs.Branch.from_uri("nope@master"))
    assert stub.commit_exists(pfs.Commit.from_uri("data@master"))
    assert not stub.commit_exists(pfs.Commit.from_uri("data@master^"))
    assert not stub.commit_exists(pfs.Commit.from_uri("data@" + "0" * 12 + "4" + "0" * 19))
    assert stub.path_exists(file("data@master:/a"))
    assert stub.path_exists(file("data@master:/a/x"))
    assert not stub.path_exists(file("data@master:/nope"))
    with pytest.raises(ValueError, match="commit does not exist"):
        stub.path_exists(file("data@nope:/a"))


def test_commits_are_named_in_every_way_that_clients_know(example: Client) -> None:
    head = example.pfs.inspect_branch(branch=MASTER).head
    for uri in (
        "data@master",
        f"data@{head.id}",
        f"data@master={head.id}",
        "data@master^0",
        f"data@{head.id}^0",
        "default/data@master",
    ):
        assert example.pfs.inspect_commit(commit=pfs.Commit.from_uri(uri)).commit.id == head.id
    bare = pfs.Commit(repo=pfs.Repo(name="data"), id=head.id)
    assert example.pfs.inspect_commit(commit=bare).commit.id == head.id
    only_branch = pfs.Commit(branch=MASTER)
    assert example.pfs.inspect_commit(commit=only_branch).commit.id == head.id


def test_a_commit_of_another_connection_is_seen_at_once(serving: Serving) -> None:
    host, _, port = serving.address.rpartition(":")
    one, two = Client(host=host, port=int(port)), Client(host=host, port=int(port))
    one.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    for number in range(20):
        one.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/n", data=str(number).encode())
        assert read(two, "data@master:/n") == str(number).encode()
