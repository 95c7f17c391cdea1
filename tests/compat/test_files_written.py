"""ModifyFile, with everything that the SDK makes of it: spec 01, section 8."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from pachyderm_sdk.errors import InvalidTransactionOperation
from tests.compat.place import MISSING, Place, refused

Request = pfs.ModifyFileRequest


def add(path: str, data: bytes, datum: str = "") -> Request:
    return Request(add_file=pfs.AddFile(path=path, raw=data, datum=datum))


def drop(path: str, datum: str = "") -> Request:
    return Request(delete_file=pfs.DeleteFile(path=path, datum=datum))


def modify(place: Place, target: pfs.Commit, *requests: Request) -> None:
    place.pfs.modify_file(iter([Request(set_commit=target), *requests]))


def test_modify_file(data: Place) -> None:
    modify(data, data.commit(), add("/a", b"1"), add("/a", b"2"), add("/d/x", b"3"), drop("/nope"), add("/empty", b""))
    first = data.pfs.wait_commit(data.commit())
    assert (first.origin.kind, first.error) == (pfs.OriginKind.USER, "")
    assert data.walk() == ["/", "/a", "/d/", "/d/x", "/empty"]
    assert data.read("data@master:/a") == b"12"
    modify(data, data.commit(), drop("/a"), add("/a", b"3"), drop("/d/"), add("d//y/", b"4"))
    assert data.walk() == ["/", "/a", "/d/", "/d/y", "/empty"]
    assert data.read("data@master:/a") == b"3"
    modify(data, data.commit(), drop("/"), add("/only", b""))
    assert data.walk() == ["/", "/only"]
    modify(data, data.commit())  # a commit of its own, with nothing in it
    assert data.pfs.inspect_commit(commit=data.commit("data@master^3")).commit.id == first.commit.id


def test_targets(data: Place) -> None:
    stub = data.pfs
    opened = stub.start_commit(branch=data.branch())
    modify(data, opened, add("/by-id", b""))
    modify(data, data.commit(), add("/by-branch", b""))
    modify(data, pfs.Commit(repo=data.repo(), id="master"), add("/by-name", b""))
    stub.finish_commit(commit=opened)
    assert data.walk() == ["/", "/by-branch", "/by-id", "/by-name"]
    for target in (opened, pfs.Commit(repo=data.repo(), id="master"), data.commit("data@master^0")):
        with refused("UNKNOWN", "commit .* has already finished"):
            modify(data, target, add("/f", b""))
    modify(data, data.commit("data@new"), add("/f", b""))
    assert not stub.inspect_commit(commit=data.commit("data@new")).parent_commit
    with refused("NOT_FOUND", "repo .*/nope not found"):
        modify(data, data.commit("nope@master"), add("/f", b""))
    with refused("NOT_FOUND", f"commit .*@{MISSING} not found"):
        modify(data, data.commit(f"data@{MISSING}"), add("/f", b""))
    with refused("NOT_FOUND", 'branch "nope" not found'):
        modify(data, pfs.Commit(repo=data.repo(), id="nope"), add("/f", b""))
    data.make("out")
    stub.create_branch(branch=data.branch("out@master"), provenance=[data.branch()])
    stub.finish_commit(commit=data.commit("out@master"))
    with refused("UNKNOWN", "cannot start a commit on an output branch: .*out@master"):
        modify(data, data.commit("out@master"), add("/f", b""))


def test_order_of_messages(data: Place) -> None:
    with refused("INVALID_ARGUMENT", "first message must be a commit"):
        data.pfs.modify_file(iter([add("/f", b"")]))
    with refused("INVALID_ARGUMENT", "first message must be a commit"):
        data.pfs.modify_file(iter([]))
    with refused("INVALID_ARGUMENT", "cannot set commit"):
        modify(data, data.commit(), Request(set_commit=data.commit()))
    with refused("INVALID_ARGUMENT", "body: value is required"):
        modify(data, data.commit(), Request())
    assert list(data.pfs.list_commit(repo=data.repo())) == []


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("", "INVALID_ARGUMENT", r"path \(\) invalid"),
        ("/a/../b", "UNKNOWN", "relative file paths are not allowed"),
        ("/./b", "UNKNOWN", "relative file paths are not allowed"),
        ("/a\nb", "INVALID_ARGUMENT", "invalid: only printable characters allowed"),
        ("/a\0b", "INVALID_ARGUMENT", "invalid: only printable characters allowed"),
    ],
)
def test_bad_paths(data: Place, path: str, code: str, words: str) -> None:
    for request in (add(path, b""), drop(path)):
        with refused(code, words):
            modify(data, data.commit(), add("/ok", b""), request)
    assert list(data.pfs.list_commit(repo=data.repo())) == []


def test_a_stream_that_breaks_leaves_nothing(data: Place) -> None:
    data.put(f=b"1")

    def broken() -> Iterator[Request]:
        yield Request(set_commit=data.commit())
        yield add("/g", b"1")
        raise RuntimeError("the client's own")

    with pytest.raises((grpc.RpcError, RuntimeError)):
        data.pfs.modify_file(broken())
    assert data.walk() == ["/", "/f"]
    assert len(list(data.pfs.list_commit(repo=data.repo()))) == 1


def test_tags(data: Place) -> None:
    with data.pfs.commit(branch=data.branch()) as commit:
        modify(data, commit, add("/a", b"1", "one"), add("/b", b"2", "two"))
        modify(data, commit, drop("/a"), drop("/b", "two"))  # without a tag: the usual one, which /a has not
    commit.wait()
    assert data.walk() == ["/", "/a"]
    assert data.pfs.inspect_file(file=data.file("data@master:/a")).file.datum == "one"
    with data.pfs.commit(branch=data.branch()) as commit:
        modify(data, commit, add("/d/x", b"1", "one"), add("/d/y", b"1", "two"), drop("/d/", "two"))
    commit.wait()
    assert data.walk() == ["/", "/a", "/d/", "/d/x"]
    with data.pfs.commit(branch=data.branch()) as commit:
        modify(data, commit, add("/a", b"1", "two"))
    assert "duplicate path output by different datums (/a from one and two)" in commit.wait().error


def test_copy_file(data: Place) -> None:
    data.put(d__a=b"1", d__b=b"2", f=b"3")
    source, master = "data@master", data.commit()
    data.pfs.copy_file(commit=master, src=data.file(f"{source}:/d"), dst="/copy")
    assert data.walk("data@master:/copy") == ["/copy/", "/copy/a", "/copy/b"]
    data.pfs.copy_file(commit=master, src=data.file(f"{source}:/f"), dst="/d/a")
    assert data.read("data@master:/d/a") == b"3"
    data.pfs.copy_file(commit=master, src=data.file(f"{source}:/d/b"), dst="/d/a", append=True)
    assert data.read("data@master:/d/a") == b"32"
    before = data.walk()
    data.pfs.copy_file(commit=master, src=data.file(f"{source}:/nope"), dst="/x")
    assert data.walk() == before
    data.make("other")
    data.pfs.copy_file(commit=data.commit("other@master"), src=data.file(f"{source}:/"), dst="/all")
    assert data.walk("other@master:/all/copy") == ["/all/copy/", "/all/copy/a", "/all/copy/b"]
    with refused("NOT_FOUND", 'branch "nope" not found'):
        data.pfs.copy_file(commit=master, src=data.file("data@nope:/f"), dst="/x")


# -- the SDK's own ways to say it -----------------------------------------------------------------------


def test_an_open_commit_of_the_sdk(data: Place, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/g").write_bytes(b"7")
    data.put(old=b"1", gone=b"2")
    with data.pfs.commit(branch=data.branch(), description="everything") as commit:
        made = commit.put_file_from_bytes("/bytes", b"12")
        assert (made.path, made.commit.id) == ("/bytes", commit.id)
        commit.put_file_from_bytes("/bytes", b"3", append=True)
        commit.put_file_from_file(path="/file", file=io.BytesIO(b"4"))
        commit.put_file_from_file(path="/file", file=io.BytesIO(b"5"), append=True)
        commit.put_files(source=tmp_path / "in", path="/folder")
        commit.copy_file(src=data.file("data@master^:/old"), dst="/copied")
        commit.delete_file(path="/gone")
        assert data.pfs.path_exists(made)
    assert commit.wait().description == "everything"
    assert [one.commit.id for one in commit.wait_all()] == [commit.id]
    assert data.walk() == ["/", "/bytes", "/copied", "/file", "/folder/", "/folder/deep/", "/folder/deep/g", "/old"]
    assert data.read("data@master:/bytes") == b"123"
    assert data.read("data@master:/file") == b"45"
    with pytest.raises(AttributeError):
        commit.put_file_from_bytes("/late", b"")


def test_a_commit_whose_block_fails_is_finished_all_the_same(data: Place) -> None:
    with pytest.raises(KeyError), data.pfs.commit(branch=data.branch()) as commit:
        commit.put_file_from_bytes("/f", b"1")
        raise KeyError("the caller's own")
    assert commit.wait().finished


def test_put_files_by_the_stub(data: Place, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(100))
    master = data.commit()
    data.pfs.put_files(commit=master, source=tmp_path, path="/")
    data.pfs.put_file_from_bytes(commit=master, path="/b", data=b"1")
    data.pfs.put_file_from_bytes(commit=master, path="/b", data=b"2", append=True)
    with (tmp_path / "a").open("rb") as file:
        data.pfs.put_file_from_file(commit=master, path="/c", file=file)
    data.pfs.delete_file(commit=master, path="/a")
    assert data.read("data@master:/c") == (tmp_path / "a").read_bytes()
    assert data.read("data@master:/b") == b"12"
    assert data.walk() == ["/", "/b", "/c"]


def test_a_long_file_in_several_messages(data: Place) -> None:
    content = os.urandom(1 << 20) * 21  # the SDK sends 19 MiB at once
    data.pfs.put_file_from_bytes(commit=data.commit(), path="/long", data=content)
    assert data.read("data@master:/long") == content
    assert data.pfs.inspect_file(file=data.file("data@master:/long")).size_bytes == len(content)


def test_no_files_in_a_transaction(data: Place) -> None:
    with data.client.transaction.transaction():
        with pytest.raises(InvalidTransactionOperation):
            data.pfs.put_file_from_bytes(commit=data.commit(), path="/f", data=b"1")
        with pytest.raises(InvalidTransactionOperation):
            data.pfs.delete_file(commit=data.commit(), path="/f")


# -- URLs -----------------------------------------------------------------------------------------------


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/page"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(b"of the web" if found else b"no")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_put_file_from_url(data: Place, web: str) -> None:
    with data.pfs.commit(branch=data.branch()) as commit:
        commit.put_file_from_url(path="/page", url=f"{web}/page")
    commit.wait()
    data.pfs.put_file_from_url(commit=data.commit(), path="/page", url=f"{web}/page")  # replaces
    assert data.read("data@master:/page") == b"of the web"
    with refused("UNKNOWN", f'error retrieving content from "{web}/nope": 404'):
        data.pfs.put_file_from_url(commit=data.commit(), path="/page", url=f"{web}/nope")
    with refused("INVALID_ARGUMENT", "unrecognized object store: gopher"):
        data.pfs.put_file_from_url(commit=data.commit(), path="/page", url="gopher://x/y")
    assert data.read("data@master:/page") == b"of the web"


def test_two_writers_of_one_branch_lose_nothing(data: Place, address: str) -> None:
    host, _, port = address.rpartition(":")

    def write(name: str) -> None:
        client = Client(host=host, port=int(port))
        for number in range(5):
            client.pfs.put_file_from_bytes(commit=data.commit(), path=f"/{name}{number}", data=b"1")

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    data.pfs.wait_commit(data.commit())
    assert len(data.walk()) == 11
