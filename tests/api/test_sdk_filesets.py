"""The official SDK makes, reads, composes and adds file sets, and uses the cache: spec 01, sections 11 and 12."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving
from tests.api.test_errors import MISSING_ID

from trunkline.wire import pfs_pb2 as m

MASTER = pfs.Branch.from_uri("data@master")
S = grpc.StatusCode


@pytest.fixture
def data(client: Client) -> Client:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    return client


def add(path: str, content: bytes, tag: str = "") -> pfs.ModifyFileRequest:
    return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, datum=tag, raw=content))


def delete(path: str) -> pfs.ModifyFileRequest:
    return pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))


def made(client: Client, *requests: pfs.ModifyFileRequest) -> str:
    return client.pfs.create_file_set(iter(requests)).file_set_id


def virtual(name: str) -> pfs.Commit:
    repo = pfs.Repo(name="__filesets__", type="user", project=pfs.Project(name="default"))
    return pfs.Commit(repo=repo, id=name)


def inside(name: str, path: str) -> pfs.File:
    return pfs.File(commit=virtual(name), path=path)


def files(client: Client, commit: pfs.Commit) -> dict[str, bytes]:
    found = {}
    for info in client.pfs.walk_file(file=pfs.File(commit=commit, path="/")):
        if info.file_type == pfs.FileType.FILE:
            found[info.file.path] = b"".join(one.value for one in client.pfs.get_file(file=info.file))
    return found


def test_every_read_call_takes_a_file_set_for_a_commit(data: Client) -> None:
    name = made(data, add("/d/a", b"12"), add("/d/b", b"3", tag="t"), add("/c", b"4"))
    assert len(name) == 32
    info = data.pfs.inspect_commit(commit=virtual(name))
    assert info == pfs.CommitInfo(commit=virtual(name), description="FileSet - Virtual Commit")
    assert data.pfs.inspect_commit(commit=virtual(name), wait=pfs.CommitState.FINISHED) == info
    assert data.pfs.path_exists(inside(name, "/d/a"))
    assert not data.pfs.path_exists(inside(name, "/nope"))
    directory = data.pfs.inspect_file(file=inside(name, "/d"))
    assert (directory.size_bytes, directory.file_type, directory.file.commit) == (3, pfs.FileType.DIR, virtual(name))
    assert data.pfs.inspect_file(file=inside(name, "/d/b")).file.datum == "t"
    assert [one.file.path for one in data.pfs.list_file(file=inside(name, "/"))] == ["/c", "/d/"]
    assert [one.file.path for one in data.pfs.walk_file(file=inside(name, "/d"))] == ["/d/", "/d/a", "/d/b"]
    found = data.pfs.glob_file(commit=virtual(name), pattern="/*/b")
    assert [one.file.path for one in found] == ["/d/b"]
    with data.pfs.pfs_file(inside(name, "/d/a")) as stream:
        assert stream.read() == b"12"
    with data.pfs.pfs_tar_file(inside(name, "/")) as tar:
        assert [member.name for member in tar] == ["", "c", "d", "d/a", "d/b"]
    new = [one.new_file.file.path for one in data.pfs.diff_file(new_file=inside(name, "/"))]
    assert new == ["/", "/c", "/d/", "/d/a", "/d/b"]
    with pytest.raises(grpc.RpcError) as missing:
        data.pfs.inspect_file(file=inside(name, "/nope"))
    assert missing.value.details() == f"file /nope not found in repo default/__filesets__ at commit {name}"
    dashed = f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
    assert files(data, virtual(dashed)) == {"/c": b"4", "/d/a": b"12", "/d/b": b"3"}


def test_a_file_set_is_compared_with_a_commit(data: Client) -> None:
    data.pfs.put_file_from_bytes(commit=pfs.Commit.from_uri("data@master"), path="/a", data=b"1")
    name = made(data, add("/a", b"1"), add("/b", b"2"))
    pairs = data.pfs.diff_file(new_file=inside(name, "/"), old_file=pfs.File.from_uri("data@master:/"))
    assert [one.new_file.file.path for one in pairs] == ["/", "/b"]


def test_from_many_writers_into_one_commit(data: Client) -> None:
    """What the original's workers do: each makes a file set, one adds them all."""
    names = [made(data, delete(f"/{number}"), add(f"/{number}", b"%d" % number)) for number in range(5)]
    with data.pfs.commit(branch=MASTER) as commit:
        for name in names:
            data.pfs.add_file_set(commit=commit, file_set_id=name)
        assert len(files(data, commit)) == 5
    commit.wait()
    assert files(data, commit) == {f"/{number}": b"%d" % number for number in range(5)}
    with pytest.raises(grpc.RpcError) as late:
        data.pfs.add_file_set(commit=commit, file_set_id=names[0])
    assert (late.value.code(), late.value.details()) == (
        S.UNKNOWN,
        f"commit default/data@{commit.id} has already finished",
    )


def test_what_a_commit_holds_and_what_it_changed(data: Client) -> None:
    with data.pfs.commit(branch=MASTER) as first:
        first.put_file_from_bytes("/a", b"1")
        first.put_file_from_bytes("/b", b"1")
    with data.pfs.commit(branch=MASTER) as second:
        second.delete_file(path="/a")
        second.put_file_from_bytes("/b", b"2")
    total = data.pfs.get_file_set(commit=second).file_set_id
    diff = data.pfs.get_file_set(commit=second, type=pfs.GetFileSetRequestFileSetType.DIFF).file_set_id
    assert files(data, virtual(total)) == files(data, virtual(diff)) == {"/b": b"2"}
    again = data.pfs.get_file_set(commit=virtual(diff)).file_set_id
    assert files(data, virtual(again)) == {"/b": b"2"}
    with data.pfs.commit(branch=pfs.Branch.from_uri("data@other"), parent=first) as third:
        third.put_file_from_bytes("/c", b"3")
        data.pfs.add_file_set(commit=third, file_set_id=diff)
    third.wait()
    assert files(data, third) == {"/b": b"2", "/c": b"3"}


def test_composed_copied_and_sharded(data: Client) -> None:
    one, two = made(data, add("/a", b"1"), add("/d/b", b"2")), made(data, add("/a", b"3"))
    name = data.pfs.compose_file_set(file_set_ids=[one, two], ttl_seconds=60, compact=True).file_set_id
    assert files(data, virtual(name)) == {"/a": b"13", "/d/b": b"2"}
    default = data.pfs.compose_file_set(file_set_ids=[two]).file_set_id
    assert files(data, virtual(default)) == {"/a": b"3"}
    with data.pfs.commit(branch=MASTER) as commit:
        commit.copy_file(src=inside(name, "/d"), dst="/e")
    commit.wait()
    assert files(data, commit) == {"/e/b": b"2"}
    shards = data.pfs.shard_file_set(file_set_id=name, num_files=1).shards
    assert shards == [pfs.PathRange(lower="", upper="/d/b"), pfs.PathRange(lower="/d/b", upper="")]
    with tarfile.open(fileobj=io.BytesIO(tarred(data, name, shards[1])), mode="r") as tar:
        assert [member.name for member in tar if member.isfile()] == ["/d/b"]


def tarred(client: Client, name: str, part: pfs.PathRange) -> bytes:
    found = client.pfs.get_file_tar(file=inside(name, "/"), path_range=part)
    return b"".join(one.value for one in found)


def test_leases_end(serving: Serving, data: Client) -> None:
    name, other = made(data, add("/a", b"1")), made(data, add("/a", b"1"))
    serving.clock.advance(500)
    data.pfs.renew_file_set(file_set_id=name, ttl_seconds=500)
    serving.clock.advance(400)
    assert files(data, virtual(name)) == {"/a": b"1"}
    serving.pfs.catalog.watch.until(lambda: True if rows(serving) == 1 else None)
    for call in (
        lambda: data.pfs.inspect_commit(commit=virtual(other)),
        lambda: data.pfs.inspect_file(file=inside(other, "/a")),
        lambda: data.pfs.renew_file_set(file_set_id=other, ttl_seconds=500),
        lambda: data.pfs.shard_file_set(file_set_id=other),
    ):
        with pytest.raises(grpc.RpcError, match=f"file set {other} not found") as gone:
            call()
        assert gone.value.code() == S.NOT_FOUND


def rows(serving: Serving) -> int:
    with serving.catalog.read() as tx:
        return sum(1 for _ in tx.rows("SELECT id FROM file_sets"))


@pytest.mark.parametrize(
    ("call", "status", "text"),
    [
        (lambda c, n: made(c, pfs.ModifyFileRequest(set_commit=virtual(n))), S.INVALID_ARGUMENT, "cannot set commit"),
        (lambda c, n: made(c, add("/../x", b"")), S.UNKNOWN, "relative file paths"),
        (lambda c, n: c.pfs.renew_file_set(file_set_id=n), S.UNKNOWN, "must be at least one second"),
        (lambda c, n: c.pfs.renew_file_set(file_set_id=n, ttl_seconds=1801), S.UNKNOWN, "exceeds max ttl"),
        (lambda c, n: c.pfs.renew_file_set(file_set_id=n, ttl_seconds=2**63 - 1), S.UNKNOWN, "exceeds max ttl"),
        (lambda c, n: c.pfs.renew_file_set(file_set_id=MISSING_ID, ttl_seconds=9), S.NOT_FOUND, "not found"),
        (lambda c, n: c.pfs.compose_file_set(file_set_ids=[n, "x"]), S.INVALID_ARGUMENT, "32 hexadecimal digits"),
        (lambda c, n: c.pfs.compose_file_set(file_set_ids=[n], ttl_seconds=-1), S.UNKNOWN, "at least one second"),
        (lambda c, n: c.pfs.shard_file_set(file_set_id=n, num_files=-1), S.INVALID_ARGUMENT, "negative"),
        (lambda c, n: c.pfs.get_file_set(commit=virtual(n), type=7), S.INVALID_ARGUMENT, "no kind of file set"),
        (lambda c, n: c.pfs.get_file_set(commit=pfs.Commit.from_uri("nope@master")), S.NOT_FOUND, "repo .* not found"),
        (lambda c, n: c.pfs.inspect_commit(commit=virtual("master")), S.INVALID_ARGUMENT, "32 hexadecimal digits"),
        (lambda c, n: c.pfs.start_commit(branch=pfs.Branch.from_uri("__filesets__@x")), S.NOT_FOUND, "not found"),
        (lambda c, n: c.pfs.put_file_from_bytes(commit=virtual(n), path="/a", data=b""), S.NOT_FOUND, "not found"),
        (lambda c, n: c.pfs.get_cache(key="nope"), S.UNKNOWN, "no rows in result set"),
        (lambda c, n: c.pfs.put_cache(key="k", file_set_ids=[MISSING_ID]), S.NOT_FOUND, "not found"),
    ],
)
def test_what_is_refused(data: Client, call: object, status: grpc.StatusCode, text: str) -> None:
    name = made(data, add("/a", b"1"))
    with pytest.raises(grpc.RpcError, match=text) as refused:
        call(data, name)  # type: ignore[operator]
    assert refused.value.code() == status
    assert files(data, virtual(name)) == {"/a": b"1"}


def test_a_stream_that_breaks_off_leaves_no_file_set(serving: Serving) -> None:
    def requests() -> Iterator[m.ModifyFileRequest]:
        yield m.ModifyFileRequest(add_file=m.AddFile(path="/a", raw={"value": b"1"}))
        call.cancel()

    call = serving.raw.CreateFileSet.future(requests())
    with pytest.raises((grpc.RpcError, grpc.FutureCancelledError)):
        call.result()
    assert rows(serving) == 0


def test_the_cache(serving: Serving, data: Client) -> None:
    name = made(data, add("/a", b"1"))
    request = m.PutCacheRequest(key="k", file_set_ids=[name], tag="job/1")
    request.value.Pack(m.PathRange(lower="l", upper="u"))
    serving.raw.PutCache(request)
    assert data.pfs.get_cache(key="k").value.type_url.endswith("PathRange")
    assert serving.raw.GetCache(m.GetCacheRequest(key="k")).value == request.value
    serving.clock.advance(10_000)
    assert files(data, virtual(name)) == {"/a": b"1"}
    data.pfs.clear_cache(tag_prefix="job/")
    with pytest.raises(grpc.RpcError, match="no rows"):
        data.pfs.get_cache(key="k")
    with pytest.raises(grpc.RpcError, match="not found"):
        data.pfs.inspect_commit(commit=virtual(name))
