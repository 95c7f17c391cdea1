"""File sets, the cache, and what looks after the store: spec 01, sections 11 and 12."""

from __future__ import annotations

import pytest
from betterproto.lib.google.protobuf import Any
from pachyderm_sdk.api import pfs
from pachyderm_sdk.api.taskapi import Group
from tests.compat.place import MISSING, Place, refused

FileSetType = pfs.GetFileSetRequestFileSetType


def add(path: str, data: bytes) -> pfs.ModifyFileRequest:
    return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data))


def drop(path: str) -> pfs.ModifyFileRequest:
    return pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))


def create(place: Place, *requests: pfs.ModifyFileRequest) -> str:
    return place.pfs.create_file_set(iter(requests)).file_set_id


def virtual(name: str) -> pfs.Commit:
    return pfs.Commit(repo=pfs.Repo(name="__filesets__", type="user"), id=name)


def content(place: Place, name: str) -> dict[str, bytes]:
    found = {}
    for info in place.pfs.walk_file(file=pfs.File(commit=virtual(name), path="/")):
        if info.file_type == pfs.FileType.FILE:
            with place.pfs.pfs_file(pfs.File(commit=virtual(name), path=info.file.path)) as stream:
                found[info.file.path] = stream.read()
    return found


@pytest.fixture
def made(data: Place) -> tuple[Place, str]:
    return data, create(data, add("/a", b"1"), add("/d/x", b"22"))


def test_create_file_set(made: tuple[Place, str]) -> None:
    place, name = made
    assert len(name) == 32
    assert content(place, name) == {"/a": b"1", "/d/x": b"22"}
    info = place.pfs.inspect_commit(commit=virtual(name))
    assert info.description == "FileSet - Virtual Commit"
    assert place.pfs.inspect_file(file=pfs.File(commit=virtual(name), path="/d")).size_bytes == 2
    assert [one.file.path for one in place.pfs.glob_file(commit=virtual(name), pattern="/*")] == ["/a", "/d/"]
    with refused("INVALID_ARGUMENT", "cannot set commit"):
        create(place, pfs.ModifyFileRequest(set_commit=place.commit()))
    with refused("NOT_FOUND", "file set .* not found"):
        content(place, MISSING)


def test_get_file_set(data: Place) -> None:
    data.put(a=b"1", b=b"1")
    data.put(a=b"2", c=b"3")
    total = data.pfs.get_file_set(commit=data.commit(), type=FileSetType.TOTAL).file_set_id
    assert content(data, total) == {"/a": b"2", "/b": b"1", "/c": b"3"}
    change = data.pfs.get_file_set(commit=data.commit(), type=FileSetType.DIFF).file_set_id
    assert content(data, change) == {"/a": b"2", "/c": b"3"}
    with refused("NOT_FOUND", 'branch "nope" not found'):
        data.pfs.get_file_set(commit=data.commit("data@nope"))


def test_add_file_set(made: tuple[Place, str]) -> None:
    place, name = made
    with place.pfs.commit(branch=place.branch()) as commit:
        commit.put_file_from_bytes("/own", b"3")
        place.pfs.add_file_set(commit=commit, file_set_id=name)
        place.pfs.add_file_set(commit=commit, file_set_id=create(place, drop("/own"), add("/a", b"4")))
    commit.wait()
    assert place.walk() == ["/", "/a", "/d/", "/d/x"]
    assert place.read("data@master:/a") == b"14"
    for target in (commit, place.commit()):
        with refused("UNKNOWN", "commit .* has already finished"):
            place.pfs.add_file_set(commit=target, file_set_id=name)
    opened = place.pfs.start_commit(branch=place.branch())
    with refused("NOT_FOUND", "file set .* not found"):
        place.pfs.add_file_set(commit=opened, file_set_id=MISSING)
    with refused("INVALID_ARGUMENT", "it has 32 hexadecimal digits"):
        place.pfs.add_file_set(commit=opened, file_set_id="nope")


def test_renew_file_set(made: tuple[Place, str]) -> None:
    place, name = made
    place.pfs.renew_file_set(file_set_id=name, ttl_seconds=1800)
    with refused("UNKNOWN", r"ttl \(0\) must be at least one second"):
        place.pfs.renew_file_set(file_set_id=name, ttl_seconds=0)
    with refused("UNKNOWN", r"ttl \(1801000000000\) exceeds max ttl \(1800000000000\)"):
        place.pfs.renew_file_set(file_set_id=name, ttl_seconds=1801)
    with refused("NOT_FOUND", "file set .* not found"):
        place.pfs.renew_file_set(file_set_id=MISSING, ttl_seconds=60)


def test_compose_file_set(made: tuple[Place, str]) -> None:
    place, name = made
    later = create(place, add("/a", b"2"), drop("/d/"))
    for compact in (False, True):
        both = place.pfs.compose_file_set(file_set_ids=[name, later], ttl_seconds=60, compact=compact).file_set_id
        assert content(place, both) == {"/a": b"12"}
    with refused("NOT_FOUND", "file set .* not found"):
        place.pfs.compose_file_set(file_set_ids=[name, MISSING], ttl_seconds=60)
    with refused("UNKNOWN", "exceeds max ttl"):
        place.pfs.compose_file_set(file_set_ids=[name], ttl_seconds=9999)


def test_shard_file_set(made: tuple[Place, str]) -> None:
    place, name = made

    def shards(**how: int) -> list[tuple[str, str]]:
        return [(one.lower, one.upper) for one in place.pfs.shard_file_set(file_set_id=name, **how).shards]

    assert shards() == [("", "")]
    assert shards(num_files=1) == shards(size_bytes=2) == [("", "/d/x"), ("/d/x", "")]
    with refused("NOT_FOUND", "file set .* not found"):
        place.pfs.shard_file_set(file_set_id=MISSING)
    with refused("INVALID_ARGUMENT"):
        shards(num_files=-1)


# -- the cache ------------------------------------------------------------------------------------------


def put_cache(place: Place, key: str, file_sets: list[str]) -> Any:
    value = Any(type_url="type.googleapis.com/pfs_v2.Repo", value=bytes(pfs.Repo(name=key)))
    place.pfs.put_cache(key=key, value=value, file_set_ids=file_sets, tag=f"{place.project.name}/{key}")
    return value


def test_put_cache(made: tuple[Place, str]) -> None:
    place, name = made
    key = place.project.name
    put_cache(place, key, [])
    value = put_cache(place, key, [name])  # replaces
    assert place.pfs.get_cache(key=key).value == value
    with refused("NOT_FOUND"):
        put_cache(place, key, [MISSING])


def test_get_cache(data: Place) -> None:
    value = put_cache(data, data.project.name, [])
    assert data.pfs.get_cache(key=data.project.name).value == value
    with refused("UNKNOWN"):
        data.pfs.get_cache(key="nope")


def test_clear_cache(data: Place) -> None:
    keys = [f"{data.project.name}{end}" for end in "ab"]
    for key in keys:
        put_cache(data, key, [])
    data.pfs.clear_cache(tag_prefix=f"{data.project.name}/{keys[0]}")
    with refused("UNKNOWN"):
        data.pfs.get_cache(key=keys[0])
    assert data.pfs.get_cache(key=keys[1])


# -- the store ------------------------------------------------------------------------------------------


def test_check_storage(data: Place) -> None:
    data.put(a=data.project.name.encode())
    count = data.pfs.check_storage().chunk_object_count
    assert count > 0
    assert data.pfs.check_storage(read_chunk_data=True).chunk_object_count == count
    middle = bytes([128])
    halves = [data.pfs.check_storage(chunk_end=middle), data.pfs.check_storage(chunk_begin=middle)]
    assert sum(one.chunk_object_count for one in halves) == count


def test_list_task(data: Place) -> None:
    for stub in (data.pfs, data.client.pps):
        assert list(stub.list_task(group=Group(namespace="any", group="x"))) == []
        with refused("INVALID_ARGUMENT", "group: value is required"):
            list(stub.list_task())


def test_fsck(data: Place) -> None:
    data.put(a=b"1")
    for how in ({}, {"fix": True}, {"zombie_all": True}, {"zombie_target": data.commit()}):
        assert [one.error for one in data.pfs.fsck(**how) if one.error] == []
