"""Reading, listing, comparing files: every RPC with all its options, spec 01, sections 9 and 10."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest
from pachyderm_sdk.api import pfs
from tests.compat.place import MISSING, Place, refused

FILES = {"/a.txt": b"1", "/a/x": b"22", "/a/y": b"333", "/b": b""}
WALK = ["/", "/a.txt", "/a/", "/a/x", "/a/y", "/b"]


@pytest.fixture
def example(data: Place) -> Place:
    """The files of spec 01, 16.3."""
    with data.pfs.commit(branch=data.branch()) as commit:
        for path, content in FILES.items():
            commit.put_file_from_bytes(path, content)
    commit.wait()
    return data


def paths(infos) -> list[str]:
    return [one.file.path for one in infos]


def taken(messages) -> bytes:
    return b"".join(one.value for one in messages)


def marker(path: str) -> pfs.File:
    return pfs.File(path=path)


# -- content --------------------------------------------------------------------------------------------


def test_get_file(example: Place) -> None:
    stub, file = example.pfs, example.file
    assert taken(stub.get_file(file=file("data@master:/a/y"))) == b"333"
    assert taken(stub.get_file(file=file("data@master:/a.*"))) == b"1"  # a pattern that one file matches
    for offset, rest in ((1, b"33"), (3, b""), (99, b"")):
        assert taken(stub.get_file(file=file("data@master:/a/y"), offset=offset)) == rest
    assert taken(stub.get_file(file=file("data@master:/b"))) == b""
    only = pfs.PathRange(lower="/a/y", upper="/b")
    assert taken(stub.get_file(file=file("data@master:/a/*"), path_range=only)) == b"333"
    with refused("NOT_FOUND", "file /a/x not found"):
        list(stub.get_file(file=file("data@master:/a/x"), path_range=only))
    head = stub.inspect_branch(branch=example.branch()).head.id
    for path, code, words in (
        ("/nope", "NOT_FOUND", f"file /nope not found in repo .*/data at commit {head}"),
        ("/x*", "NOT_FOUND", "file /x.* not found in repo"),
        ("/a", "UNKNOWN", "cannot get directory or non-regular file. Use GetFileTAR instead"),
        ("/a/*", "UNKNOWN", "matched multiple files. Use GetFileTAR instead"),
        ("/[a", "UNKNOWN", "unexpected end of input"),
    ):
        with refused(code, words):
            stub.pfs_file(file=file(f"data@master:{path}"))
    with refused("INVALID_ARGUMENT"):
        list(stub.get_file(file=file("data@master:/a/y"), offset=-1))
    with refused("NOT_FOUND", "repo .*/nope not found"):
        list(stub.get_file(file=file("nope@master:/a")))
    with refused("NOT_FOUND", f"commit .*@{MISSING} not found"):
        list(stub.get_file(file=file(f"data@{MISSING}:/a")))


def test_a_file_of_the_sdk(example: Place, tmp_path: Path) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(50_000))
    example.pfs.put_file_from_bytes(commit=example.commit(), path="/lines", data=lines)
    file = example.file("data@master:/lines")
    with example.pfs.pfs_file(file) as stream:
        assert stream.readable()
        assert stream.peek(4) == b"line"
        assert stream.readline() == b"line 0\n"
        assert stream.read(7) == b"line 1\n"
        assert sum(1 for _ in stream) == 49_998
    assert stream.closed
    with example.pfs.pfs_file(file) as stream, (tmp_path / "copy").open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    assert hashlib.sha256((tmp_path / "copy").read_bytes()).digest() == hashlib.sha256(lines).digest()
    with example.pfs.pfs_file(file) as stream:  # given up in the middle
        stream.read(10)


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [one.name.rstrip("/") + "/" * one.isdir() for one in tar.getmembers()]


def test_get_file_tar(example: Place, tmp_path: Path) -> None:
    stub = example.pfs

    def tar(path: str, lower: str = "", upper: str = "") -> list[str]:
        bounds = pfs.PathRange(lower=lower, upper=upper)
        return names(taken(stub.get_file_tar(file=example.file(f"data@master:{path}"), path_range=bounds)))

    assert tar("/") == WALK
    assert tar("/a") == tar("/a/") == ["/a/", "/a/x", "/a/y"]
    assert tar("/a/*") == ["/a/x", "/a/y"]
    assert tar("/**") == WALK[1:]
    assert tar("/a.txt") == ["/a.txt"]
    assert tar("/", "/a/", "/b") == ["/a/", "/a/x", "/a/y"]
    assert tar("/", "/a/x") == ["/a/x", "/a/y", "/b"]
    assert tar("/", "", "/a/y") == ["/", "/a.txt", "/a/", "/a/x"]
    assert tar("/", "/a/", "/a/a") == ["/a/"]
    assert tar("/", "/c") == []
    with example.pfs.pfs_tar_file(example.file("data@master:/")) as opened:
        opened.extractall(tmp_path)
    assert {f"/{one.relative_to(tmp_path)}": one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == FILES
    with refused("NOT_FOUND", "file /nope not found in repo"):
        tar("/nope")


# -- directories ----------------------------------------------------------------------------------------


def test_inspect_file(example: Place) -> None:
    stub, head = example.pfs, example.pfs.inspect_commit(commit=example.commit())
    for path, is_dir, size in (
        ("/a.txt", False, 1),
        ("/a", True, 5),
        ("/a/", True, 5),
        ("/", True, 6),
        ("a/x", False, 2),
    ):
        info = stub.inspect_file(file=example.file(f"data@master:{path}"))
        assert info.file_type == (pfs.FileType.DIR if is_dir else pfs.FileType.FILE)
        assert (info.size_bytes, len(info.hash), info.committed) == (size, 32, head.finishing)
        assert info.file.path == "/" + path.strip("/") + "/" * (is_dir and path != "/")
        assert info.file.commit.id == head.commit.id
        assert not info.file.commit.branch
        assert info.file.datum == ("" if is_dir else "default")
    for path in ("/nope", "/a/z", "/*", "/a.txt/x"):
        with refused("NOT_FOUND", "file .* not found in repo .*/data at commit"):
            stub.inspect_file(file=example.file(f"data@master:{path}"))
    stub.start_commit(branch=example.branch("data@empty"))
    with refused("NOT_FOUND", "file / not found"):
        stub.inspect_file(file=example.file("data@empty:/"))


def test_list_file(example: Place) -> None:
    def listed(path: str, **page: object) -> list[str]:
        return paths(example.pfs.list_file(file=example.file(f"data@master:{path}"), **page))

    assert listed("/") == ["/a.txt", "/a/", "/b"]
    assert listed("/a") == listed("/a/") == ["/a/x", "/a/y"]
    assert listed("/a/x") == ["/a/x"]
    assert listed("/nope") == []
    assert listed("/", number=2) == ["/a.txt", "/a/"]
    assert listed("/", number=1, pagination_marker=marker("/a.txt")) == ["/a/"]
    assert listed("/", pagination_marker=marker("/a/")) == ["/b"]
    assert listed("/", pagination_marker=marker("/b")) == []
    assert listed("/", number=2, reverse=True) == ["/b", "/a/"]
    assert listed("/", number=2, reverse=True, pagination_marker=marker("/b")) == ["/a/", "/a.txt"]
    assert listed("/", number=9, reverse=True, pagination_marker=marker("/a.txt")) == []
    with refused("INVALID_ARGUMENT", "number must be > 0 when reverse is true"):
        listed("/", reverse=True)
    with refused("INVALID_ARGUMENT", "cannot return more than 100000 files at a time"):
        listed("/", number=100_001)
    with refused("NOT_FOUND", 'branch "nope" not found'):
        paths(example.pfs.list_file(file=example.file("data@nope:/")))


def test_walk_file(example: Place) -> None:
    def walked(path: str, **page: object) -> list[str]:
        return paths(example.pfs.walk_file(file=example.file(f"data@master:{path}"), **page))

    assert walked("/") == WALK
    assert walked("/a") == ["/a/", "/a/x", "/a/y"]
    assert walked("/a/x") == ["/a/x"]
    assert walked("/", number=3) == WALK[:3]
    assert walked("/", number=2, pagination_marker=marker("/a/")) == ["/a/x", "/a/y"]
    assert walked("/", pagination_marker=marker("/a/y")) == ["/b"]
    assert walked("/", number=9, reverse=True) == WALK[::-1]
    assert walked("/", number=3, reverse=True, pagination_marker=marker("/b")) == ["/a/y", "/a/x", "/a/"]
    with refused("INVALID_ARGUMENT", "number must be > 0 when reverse is true"):
        walked("/", reverse=True)
    with refused("INVALID_ARGUMENT", "cannot return more than 100000 files"):
        walked("/", number=100_001)
    head = example.pfs.inspect_branch(branch=example.branch()).head.id
    with refused("NOT_FOUND", rf"commit/{head} does not contain item: \(/nope\)"):
        walked("/nope")
    example.pfs.start_commit(branch=example.branch("data@empty"))
    assert example.walk("data@empty:/") == []


def test_pages_of_a_walk_are_the_walk(example: Place) -> None:
    for ask in (example.pfs.list_file, example.pfs.walk_file):
        root = example.file("data@master:/")
        whole = paths(ask(file=root))
        for size in (1, 2, 4):
            forth: list[str] = []
            while page := paths(ask(file=root, number=size, pagination_marker=marker(forth[-1] if forth else ""))):
                forth += page
            assert forth == whole
            back: list[str] = []
            while page := paths(
                ask(file=root, number=size, reverse=True, pagination_marker=marker(back[-1] if back else ""))
            ):
                back += page
            assert back == whole[::-1]


def test_glob_file(example: Place) -> None:
    def glob(pattern: str, lower: str = "", upper: str = "") -> list[str]:
        bounds = pfs.PathRange(lower=lower, upper=upper)
        return paths(example.pfs.glob_file(commit=example.commit(), pattern=pattern, path_range=bounds))

    assert glob("/*") == glob("*") == ["/a.txt", "/a/", "/b"]
    assert glob("/") == ["/"]
    assert glob("/**") == WALK[1:]
    assert glob("/{a,b}*") == ["/a.txt", "/a/", "/b"]
    assert glob("/a/[x-z]") == ["/a/x", "/a/y"]
    assert glob("/!(b)") == ["/a.txt", "/a/"]
    assert glob("/nope") == []
    assert glob("/**", "/a/", "/b") == ["/a/", "/a/x", "/a/y"]
    assert glob("/*", "/a/") == ["/a/", "/b"]
    assert glob("/**", "", "/a/") == ["/a.txt"]
    assert glob("/*/*", "/a/y") == ["/a/y"]
    with refused("UNKNOWN", "unexpected end of input"):
        glob("/[a")
    with refused("NOT_FOUND", 'branch "nope" not found'):
        list(example.pfs.glob_file(commit=example.commit("data@nope"), pattern="/"))


def test_diff_file(data: Place) -> None:
    def diff(new: str, old: str = "", **how: object) -> list[tuple[str, str]]:
        older = data.file(old) if old else None
        found = data.pfs.diff_file(new_file=data.file(new), old_file=older, **how)
        return [(one.new_file.file.path, one.old_file.file.path) for one in found]

    data.put(a__x=b"1", b=b"1", same__z=b"1")
    assert diff("data@master:/a") == [("/a/", ""), ("/a/x", "")]
    data.put(a__x=b"2", c=b"3")
    expected = [("/", "/"), ("/a/", "/a/"), ("/a/x", "/a/x"), ("/c", "")]
    assert diff("data@master:/") == expected
    assert diff("data@master:/", shallow=True) == expected  # as in 2.11
    assert diff("data@master:/", "data@master:/") == []
    assert diff("data@master^:/", "data@master:/")[-1] == ("", "/c")
    assert diff("data@master:/a", "data@master:/same") == [("/a/", "/same/"), ("/a/x", ""), ("", "/same/z")]
    assert diff("data@master:/nope") == []
    with refused("NOT_FOUND", 'branch "nope" not found'):
        diff("data@nope:/")


def test_an_open_commit_is_read_as_far_as_it_goes(example: Place) -> None:
    opened = example.pfs.start_commit(branch=example.branch())
    example.pfs.put_file_from_bytes(commit=opened, path="/new", data=b"1")
    assert example.walk(f"data@{opened.id}:/") == [*WALK, "/new"]
    info = example.pfs.inspect_file(file=example.file(f"data@{opened.id}:/new"))
    assert info.committed.timestamp() == 0
    example.pfs.finish_commit(commit=opened)
    child = example.pfs.start_commit(branch=example.branch())
    grandchild = example.pfs.start_commit(branch=example.branch("data@side"), parent=example.commit("data@master^"))
    assert example.walk(f"data@{grandchild.id}:/") == [*WALK, "/new"]
    assert child


def test_exists_helpers(example: Place) -> None:
    stub = example.pfs
    assert stub.project_exists(example.project)
    assert not stub.project_exists(pfs.Project(name="nope"))
    assert stub.repo_exists(example.repo())
    assert not stub.repo_exists(example.repo("nope"))
    assert stub.branch_exists(example.branch())
    assert not stub.branch_exists(example.branch("data@nope"))
    assert stub.commit_exists(example.commit())
    assert not stub.commit_exists(example.commit(f"data@{MISSING}"))
    assert stub.path_exists(example.file("data@master:/a"))
    assert not stub.path_exists(example.file("data@master:/nope"))
    with pytest.raises(ValueError, match="commit does not exist"):
        stub.path_exists(example.file("data@nope:/a"))
