"""`storage.Fileset`: file sets without a commit around them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from pachyderm_sdk.api.storage import (
    AppendFile,
    CopyFile,
    CreateFilesetRequest,
    DeleteFile,
    FileFilter,
    PathRange,
)
from tests.compat.place import MISSING, Place, refused

FILES = {"/a.txt": b"1", "/d/x": b"22", "/d/y": b"333", "/empty": b""}


def append(path: str, data: bytes) -> CreateFilesetRequest:
    return CreateFilesetRequest(append_file=AppendFile(path=path, data=data))


def delete(path: str) -> CreateFilesetRequest:
    return CreateFilesetRequest(delete_file=DeleteFile(path=path))


def copy(source: str, src: str, dst: str = "") -> CreateFilesetRequest:
    return CreateFilesetRequest(copy_file=CopyFile(fileset_id=source, src=src, dst=dst))


def create(client: Client, *requests: CreateFilesetRequest) -> str:
    return client.storage.create_fileset(iter(requests)).fileset_id


def read(client: Client, name: str, *filters: FileFilter) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for message in client.storage.read_fileset(fileset_id=name, filters=list(filters)):
        found[message.path] = found.get(message.path, b"") + (message.data or b"")
    return found


def between(lower: str, upper: str) -> FileFilter:
    return FileFilter(path_range=PathRange(lower=lower, upper=upper))


@pytest.fixture
def made(client: Client) -> str:
    return create(client, *(append(path, data) for path, data in FILES.items()))


def test_create_fileset(client: Client, made: str) -> None:
    assert len(made) == 32
    assert read(client, made) == FILES
    changed = create(
        client,
        append("/a.txt", b"1"),
        append("/a.txt", b"2"),  # always appended
        append("/gone", b"1"),
        delete("/gone"),
        delete("/never"),
        append("/dir/f", b"1"),
        delete("/dir/"),
        copy(made, "/d", "/copy"),
        copy(made, "/d/x"),
        copy(made, "/nope"),
    )
    assert read(client, changed) == {"/a.txt": b"12", "/copy/x": b"22", "/copy/y": b"333", "/d/x": b"22"}
    with refused("INVALID_ARGUMENT", "modification: value is required"):
        create(client, CreateFilesetRequest())
    with refused("NOT_FOUND", "file set .* not found"):
        create(client, copy(MISSING, "/"))
    with refused("UNKNOWN", "relative file paths are not allowed"):
        create(client, append("/a/../b", b"1"))
    assert read(client, create(client)) == {}


def test_a_stream_that_breaks_leaves_nothing(client: Client) -> None:
    def broken() -> Iterator[CreateFilesetRequest]:
        yield append("/a", b"1")
        raise RuntimeError("the client's own")

    with refused("UNKNOWN"):
        client.storage.create_fileset(broken())


def test_read_fileset(client: Client, made: str) -> None:
    assert list(read(client, made)) == sorted(FILES)
    assert read(client, made, FileFilter(path_regex="/")) == FILES
    assert list(read(client, made, FileFilter(path_regex=r"\.txt$"))) == ["/a.txt"]
    assert list(read(client, made, FileFilter(path_regex="x|y"))) == ["/a.txt", "/d/x", "/d/y", "/empty"]
    assert list(read(client, made, between("/d", "/e"))) == ["/d/x", "/d/y"]
    assert list(read(client, made, between("", "/d/y"))) == ["/a.txt", "/d/x"]
    assert list(read(client, made, between("/d/y", ""))) == ["/d/y", "/empty"]
    both = (between("/d/y", ""), between("", "/e"), FileFilter(path_regex="d"))
    assert list(read(client, made, *both)) == ["/d/y"]
    assert read(client, made, between("/e", "/d")) == {}
    bare = list(client.storage.read_fileset(fileset_id=made, empty_files=True))
    assert [(one.path, one.data) for one in bare] == [(path, None) for path in sorted(FILES)]
    with refused("INVALID_ARGUMENT", "does not parse"):
        read(client, made, FileFilter(path_regex="("))
    with refused("INVALID_ARGUMENT", "filter: value is required"):
        read(client, made, FileFilter())
    with refused("INVALID_ARGUMENT", "give at most"):
        read(client, made, *[FileFilter(path_regex="a")] * 101)
    with refused("NOT_FOUND", "file set .* not found"):
        read(client, MISSING)


def test_no_regular_expression_holds_up_others(client: Client) -> None:
    """Python's own would need longer than there is time for the first, and other memory than there is for the third."""
    made = create(client, append("/" + "a" * 250, b"1"))
    assert read(client, made, FileFilter(path_regex="(a+)+$"), FileFilter(path_regex="(a|aa)+!")) == {}
    assert len(read(client, made, FileFilter(path_regex="(a|b)*a(a|b){200}$"))) == 1
    for large in ("((a{9}){9}){999}", "a" * 20_000, "(" * 2000, "(?=a)", r"(a)\1", "["):
        with refused("INVALID_ARGUMENT", "^path_regex .* (does not parse|is too long): [^\n]*$"):
            read(client, made, FileFilter(path_regex=large))


def test_long_files_come_in_several_messages(client: Client) -> None:
    content = os.urandom(5 << 20)
    name = create(client, append("/a", content[: 3 << 20]), append("/a", content[3 << 20 :]), append("/b", b"1"))
    messages = list(client.storage.read_fileset(fileset_id=name))
    assert len(messages) > 3
    assert b"".join(one.data for one in messages if one.path == "/a") == content
    assert messages[-1].path == "/b"


def test_read_fileset_cdr(client: Client, made: str) -> None:
    with refused("UNIMPLEMENTED", "ReadFilesetCDR is not built: .*ReadFileset$"):
        list(client.storage.read_fileset_cdr(fileset_id=made))


def test_renew_fileset(client: Client, made: str) -> None:
    client.storage.renew_fileset(fileset_id=made, ttl_seconds=60)
    for seconds, words in ((0, "must be at least one second"), (1801, "exceeds max ttl")):
        with refused("UNKNOWN", words):
            client.storage.renew_fileset(fileset_id=made, ttl_seconds=seconds)
    with refused("NOT_FOUND"):
        client.storage.renew_fileset(fileset_id=MISSING, ttl_seconds=60)


def test_compose_fileset(client: Client, made: str) -> None:
    later = create(client, append("/a.txt", b"2"), delete("/d/"))
    both = client.storage.compose_fileset(fileset_ids=[made, later], ttl_seconds=60).fileset_id
    assert read(client, both) == {"/a.txt": b"12", "/empty": b""}
    other = client.storage.compose_fileset(fileset_ids=[later, made]).fileset_id
    assert read(client, other)["/a.txt"] == b"21"
    with refused("NOT_FOUND"):
        client.storage.compose_fileset(fileset_ids=[made, MISSING])


def test_shard_fileset(client: Client, made: str) -> None:
    shards = client.storage.shard_fileset(fileset_id=made, num_files=2).shards
    assert [(one.lower, one.upper) for one in shards] == [("", "/d/y"), ("/d/y", "")]
    assert [list(read(client, made, FileFilter(path_range=one))) for one in shards] == [
        ["/a.txt", "/d/x"],
        ["/d/y", "/empty"],
    ]
    assert len(client.storage.shard_fileset(fileset_id=made).shards) == 1
    with refused("INVALID_ARGUMENT"):
        client.storage.shard_fileset(fileset_id=made, num_files=-1)


def test_both_services_know_the_same_file_sets(data: Place, made: str) -> None:
    with data.pfs.commit(branch=data.branch()) as commit:
        data.pfs.add_file_set(commit=commit, file_set_id=made)
    commit.wait()
    assert data.read("data@master:/d/y") == b"333"
    total = data.pfs.get_file_set(commit=commit, type=pfs.GetFileSetRequestFileSetType.TOTAL).file_set_id
    assert read(data.client, total) == FILES
