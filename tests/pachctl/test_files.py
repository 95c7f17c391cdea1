"""put-file, get-file and the commands that list files, against a server in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trunkline.pachctl import upload
from trunkline.wire import pfs_pb2 as pfs

from .conftest import Pachd


@pytest.fixture
def data(pachd: Pachd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pachd:
    """A repo `data`, and some local files in the current folder."""
    pachd.ok("create-repo", "data")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name, text in (("one", "1"), ("d/a", "aa"), ("d/sub/b", "bbb"), ("d/empty", "")):
        (tmp_path / name).write_text(text)
    return pachd


def stored(pachd: Pachd, branch: str = "master") -> dict[str, bytes]:
    """The files of a branch's head."""
    return pachd.pfs.files["data", pachd.pfs.heads["data", branch]]


# -- put-file: targets --


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["p", "-f", "one"], ["/p"]),
        (["-f", "one"], ["/one"]),
        (["-f", "d/a"], ["/d/a"]),
        (["-f", "./d/../one"], ["/one"]),
        (["p/", "-f", "d/a"], ["/p/a"]),
        (["p", "-f", "one", "-f", "d/a"], ["/p/d/a", "/p/one"]),
        (["p", "-f", "one,d/a"], ["/p/d/a", "/p/one"]),
        (["-f", "one", "-f", "d/a"], ["/d/a", "/one"]),
        (["p", "-r", "-f", "d"], ["/p/a", "/p/empty", "/p/sub/b"]),
        (["/", "-r", "-f", "d"], ["/a", "/empty", "/sub/b"]),
        (["-r", "-f", "d"], ["/d/a", "/d/empty", "/d/sub/b"]),
        (["p", "-r", "-f", "d", "-f", "one"], ["/p/d/a", "/p/d/empty", "/p/d/sub/b", "/p/one"]),
        (["p", "-f", "http://h/x/y.csv"], ["/p"]),
        (["-f", "http://h/x/y.csv"], ["/x/y.csv"]),
        (["p", "-r", "-f", "s3://bucket/dir"], ["/p"]),
    ],
)
def test_targets(data: Pachd, words: list[str], targets: list[str]) -> None:
    data.ok("put-file", "data", "master", *words)
    assert sorted(stored(data)) == targets


def test_a_folder_as_a_whole(data: Pachd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "d")
    data.ok("put-file", "data", "master", "-r", "-f", ".")
    assert sorted(stored(data)) == ["/a", "/empty", "/sub/b"]


def test_a_name_with_a_comma(data: Pachd, tmp_path: Path) -> None:
    (tmp_path / "x,y").write_text("z")
    data.ok("put-file", "data", "master", "-f", "x,y")
    assert stored(data) == {"/x,y": b"z"}


def test_appends_unless_told_to_overwrite(data: Pachd) -> None:
    data.ok("put-file", "data", "master", "p", "-f", "one")
    data.ok("put-file", "data", "master", "p", "-f", "d/a")
    assert stored(data) == {"/p": b"1aa"}
    data.ok("put-file", "data", "master", "p", "-o", "-f", "d/sub/b")
    assert stored(data) == {"/p": b"bbb"}


def test_stdin(data: Pachd) -> None:
    assert data.ok("put-file", "data", "master", "p", stdin=b"\x00\xff") == "Reading from stdin.\n"
    assert stored(data) == {"/p": b"\x00\xff"}
    data.ok("put-file", "data", "master", "q", "-f", "-", stdin=b"")
    assert stored(data)["/q"] == b""
    nameless = data.run("put-file", "data", "master")
    assert (nameless.code, nameless.out) == (2, "")
    assert nameless.err.startswith("no filename specified")


def test_input_file(data: Pachd, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("one\n\n d/a \n")
    data.ok("put-file", "data", "master", "p", "-i", "list")
    assert sorted(stored(data)) == ["/p/d/a", "/p/one"]
    data.ok("put-file", "data", "master", "q", "-i", "-", stdin=b"d/sub/b\n")
    assert stored(data)["/q"] == b"bbb"
    (tmp_path / "none").write_text("\n")
    assert data.run("put-file", "data", "master", "p", "-i", "none").code == 2
    assert data.run("put-file", "data", "master", "p", "-i", "nolist").err == (
        "nolist cannot be read: No such file or directory\n"
    )


def test_one_stream_in_pieces(data: Pachd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK_BYTES", 10)
    content = os.urandom(35)
    (tmp_path / "big").write_bytes(content)
    data.ok("put-file", "data", "master", "big", "-o", "-f", "big")
    assert stored(data) == {"/big": content}
    bodies = [request.WhichOneof("body") for request in data.pfs.requests]
    assert bodies == ["set_commit", "delete_file", *["add_file"] * 4]


def test_urls_are_read_by_the_server(data: Pachd) -> None:
    data.ok("put-file", "data", "master", "p", "-r", "-f", "s3://bucket/dir")
    sent = data.pfs.requests[-1].add_file.url
    assert (sent.URL, sent.recursive) == ("s3://bucket/dir", True)


@pytest.mark.parametrize(("path", "deleted"), [("p", "/p"), ("/p/q", "/p/q"), (None, "/dir")])
def test_urls_replace_what_they_bring_and_no_more(data: Pachd, path: str | None, deleted: str) -> None:
    data.ok("put-file", "data", "master", *([path] if path else []), "-o", "-r", "-f", "s3://bucket/dir")
    sent = [request.delete_file for request in data.pfs.requests if request.HasField("delete_file")]
    assert [(one.path, one.datum) for one in sent] == [(deleted, "")]


@pytest.mark.parametrize(("path", "deleted", "by_tag"), [("/", "/", True), ("/p/", "/p", False)])
def test_urls_below_a_folder_do_not_remove_it(data: Pachd, path: str, deleted: str, by_tag: bool) -> None:
    """A delete that ends with a slash would take everything below with it."""
    data.ok("put", "file", f"data@master:{path}", "-r", "-f", "s3://bucket/dir")
    (sent,) = [request.delete_file for request in data.pfs.requests if request.HasField("delete_file")]
    assert (sent.path, bool(sent.datum)) == (deleted, by_tag)


def test_into_an_open_commit(data: Pachd) -> None:
    started = data.ok("start-commit", "data", "master").strip()
    data.ok("put-file", "data", started, "p", "-f", "one")
    data.ok("put-file", "data", "master", "q", "-f", "one")
    assert data.pfs.heads["data", "master"] == started
    assert sorted(stored(data)) == ["/p", "/q"]


def test_a_message_makes_a_commit_of_its_own(data: Pachd) -> None:
    data.ok("put-file", "data", "master", "p", "-m", "why", "-f", "one")
    (info,) = data.pfs.commits
    assert info.description == "why"
    assert info.HasField("finished")


def test_a_message_leaves_no_open_commit_behind(data: Pachd) -> None:
    failed = data.run("put-file", "data", "master", "../p", "-m", "why", "-f", "one")
    assert failed.code == 1
    assert isinstance(data.pfs.requests[-1], pfs.DropCommitRequest)


def test_flags_of_old(data: Pachd) -> None:
    result = data.run("put-file", "data", "master", "p", "-c", "-p", "3", "-f", "one")
    assert result.code == 0
    assert result.err.count("\n") == 1


# -- put-file: what is refused --


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["p", "-f", "nope"], 2, "nope doesn't exist"),
        (["p", "-f", "d"], 2, "d is a directory: give -r to put everything below it"),
        (["p", "-r"], 2, "cannot set -r and read from stdin (must also set -f or -i)"),
        (["", "-f", "one"], 2, "path () invalid: a file needs a path that is not empty"),
        (["-f", "../x/one"], 2, "../x/one has no place of its own in a repo: give a PATH for it"),
        (["../p", "-f", "one"], 1, "path (../p) invalid: relative file paths are not allowed"),
        (["p", "-f", "one", "-f", "one"], 2, "multiple files put with the path p/one, aborting; nothing has been put"),
        (["p", "-f", "-", "-f", "-"], 2, "standard input can be read only once"),
    ],
)
def test_refusals(data: Pachd, tmp_path: Path, words: list[str], code: int, text: str) -> None:
    (tmp_path.parent / "x").mkdir(exist_ok=True)
    (tmp_path.parent / "x" / "one").write_text("1")
    result = data.run("put-file", "data", "master", *words)
    assert (result.code, result.out, result.err) == (code, "", f"{text}\n")
    assert ("data", "master") not in data.pfs.heads


def test_no_such_repo(data: Pachd) -> None:
    result = data.run("put-file", "nope", "master", "p", "-f", "one")
    assert (result.code, result.err) == (4, "repo default/nope not found\n")


def test_trouble_in_the_middle_stores_nothing(data: Pachd, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "d" / "zpipe")
    fifo = data.run("put-file", "data", "master", "p", "-r", "-f", "d")
    assert (fifo.code, fifo.err) == (2, "d/zpipe is neither a file nor a directory: it cannot be stored\n")
    (tmp_path / "d" / "zpipe").unlink()
    (tmp_path / "d" / "zlink").symlink_to("sub")
    link = data.run("put-file", "data", "master", "p", "-r", "-f", "d")
    assert link.err == "d/zlink is a link to a directory and is not followed: put it by itself\n"
    assert ("data", "master") not in data.pfs.heads


# -- get-file --


@pytest.fixture
def filled(data: Pachd) -> Pachd:
    """A commit with files at several depths."""
    content = {"/a.txt": b"A" * 2500, "/dir/x": b"x", "/dir/deep/y": b"yy", "/dir2/z": b""}
    data.pfs.add_commit("data", content)
    return data


def test_get_file_to_stdout(filled: Pachd) -> None:
    assert filled.run("get-file", "data", "master", "a.txt").raw == b"A" * 2500
    missing = filled.run("get-file", "data", "master", "/b")
    assert (missing.code, missing.raw) == (4, b"")
    assert missing.err.startswith("file /b not found in repo default/data")


def test_get_file_to_disk(filled: Pachd, tmp_path: Path) -> None:
    filled.ok("get-file", "data", "master", "/a.txt", "-o", "out")
    assert (tmp_path / "out").read_bytes() == b"A" * 2500
    filled.ok("get-file", "data", "master", "/a.txt", "-o", "d")
    assert (tmp_path / "d" / "a.txt").exists()
    assert filled.run("get-file", "data", "master", "/no", "-o", "out").code == 4
    assert (tmp_path / "out").read_bytes() == b"A" * 2500
    nowhere = filled.run("get-file", "data", "master", "/a.txt", "-o", "no/such/out")
    assert (nowhere.code, nowhere.err) == (1, "cannot write no/such/out: No such file or directory\n")


def test_get_directory_needs_r_and_o(filled: Pachd) -> None:
    plain = filled.run("get-file", "data", "master", "/dir")
    assert plain.code == 2
    assert "Try again with the -r flag" in plain.err
    no_output = filled.run("get-file", "data", "master", "/dir", "-r")
    assert no_output.err == "an output path needs to be specified when using the --recursive flag\n"


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("/dir", ["deep/y", "x"]),
        ("dir/", ["deep/y", "x"]),
        ("/", ["a.txt", "dir/deep/y", "dir/x", "dir2/z"]),
        ("/dir/*", ["deep/y", "x"]),
    ],
)
def test_get_recursively(filled: Pachd, tmp_path: Path, path: str, files: list[str]) -> None:
    filled.ok("get-file", "data", "master", path, "-r", "-o", "out")
    found = [str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert sorted(found) == files


def test_get_one_file_recursively(filled: Pachd, tmp_path: Path) -> None:
    filled.ok("get-file", "data", "master", "/a.txt", "-r", "-o", "out")
    assert (tmp_path / "out").read_bytes() == b"A" * 2500
    filled.ok("get-file", "data", "master", "/dir/x", "-r", "-o", "d")
    assert (tmp_path / "d" / "x").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["/dir/../../evil", "../evil", "/dir/a/../../../evil"])
def test_nothing_is_written_outside(filled: Pachd, tmp_path: Path, name: str) -> None:
    filled.pfs.tar_names = ["/dir/x", name]
    result = filled.run("get-file", "data", "master", "/dir", "-r", "-o", "deep/out")
    assert result.code == 2
    assert "would be written outside of deep/out: refused" in result.err
    assert not list(tmp_path.rglob("evil"))


# -- lists --


def test_list_file(filled: Pachd) -> None:
    assert filled.ok("list-file", "data", "master") == (
        "NAME  TYPE SIZE     \na.txt file 2.441KiB \ndir   dir  3B       \ndir2  dir  0B       \n"
    )
    assert filled.ok("list-file", "data", "master", "/dir") == (
        "NAME     TYPE SIZE \ndir/deep dir  2B   \ndir/x    file 1B   \n"
    )
    missing = filled.run("list-file", "data", "master", "nope")
    assert (missing.code, missing.out) == (4, "")
    assert missing.err.startswith("file nope not found")
    assert filled.run("list-file", "data", "dev").code == 4
    raw = json.loads(filled.ok("list-file", "data", "master", "/dir2", "--raw"))
    assert raw == {"file": {"path": "/dir2/z"}, "fileType": "FILE"}


def test_a_long_list_repeats_its_header(data: Pachd) -> None:
    data.pfs.add_commit("data", {f"/{number:03}": b"" for number in range(100)})
    lines = data.ok("list-file", "data", "master").splitlines()
    assert [index for index, line in enumerate(lines) if line.startswith("NAME")] == [0, 50, 100]
    assert len(lines) == 103


def test_inspect_file(filled: Pachd) -> None:
    assert filled.ok("inspect-file", "data", "master", "/dir") == ("Path: dir\nType: dir\nSize: 3B\nChildren: deep x\n")
    assert filled.ok("inspect-file", "data", "master", "a.txt") == "Path: a.txt\nType: file\nSize: 2.441KiB\n"
    assert filled.run("inspect-file", "data", "master", "b").code == 4


def test_inspect_file_does_not_list_millions(data: Pachd) -> None:
    data.pfs.add_commit("data", {f"/{number:03}": b"" for number in range(150)})
    children = data.ok("inspect-file", "data", "master", "/").splitlines()[-1].split()
    assert (len(children), children[-1]) == (102, "…")


def test_glob_file(filled: Pachd) -> None:
    assert filled.ok("glob-file", "data", "master", "/dir*/x").splitlines()[1:] == ["dir/x file 1B   "]
    bad = filled.run("glob-file", "data", "master", "[")
    assert (bad.code, bad.err) == (1, "unexpected end of input\n")


def test_diff_file(filled: Pachd) -> None:
    filled.ok("put-file", "data", "master", "/dir/x", "-o", "-f", "one")
    filled.ok("put-file", "data", "master", "/new", "-f", "one")
    text = filled.ok("diff-file", "data", "master", "/", "data", "master^^", "/")
    assert text == (
        "New Files:\nNAME  TYPE SIZE \ndir/x file 1B   \nnew   file 1B   \n"
        "Old Files:\nNAME  TYPE SIZE \ndir/x file 1B   \n"
    )
    shallow = filled.ok("diff-file", "-s", "data", "master", "/", "data", "master^^", "/")
    assert shallow == "New Files:\nNAME TYPE SIZE \nnew  file 1B   \n"
    wrong = filled.run("diff-file", "data", "master", "/", "data")
    assert (wrong.code, wrong.err) == (2, "diff-file expects either 3 or 6 args, got 4\n")


def test_copy_file(filled: Pachd) -> None:
    filled.ok("copy-file", "data", "master", "/dir/x", "data", "master", "/a.txt")
    assert stored(filled)["/a.txt"] == b"A" * 2500 + b"x"
    filled.ok("copy-file", "data", "master", "/dir/x", "data", "other", "/copy", "-o")
    assert stored(filled, "other") == {"/copy": b"x"}
    assert filled.run("copy-file", "data", "master", "/no", "data", "master", "/y").code == 4
    assert filled.run("copy-file", "data", "master", "/dir/x", "data", "master", "").code == 2


def test_delete_file(filled: Pachd) -> None:
    filled.ok("delete-file", "data", "master", "/dir")
    assert sorted(stored(filled)) == ["/a.txt", "/dir2/z"]
    filled.ok("delete-file", "data", "master", "a.txt")
    assert sorted(stored(filled)) == ["/dir2/z"]
    assert filled.run("delete-file", "data", "master", "a.txt").code == 4
    empty = filled.run("delete-file", "data", "master", "")
    assert (empty.code, sorted(stored(filled))) == (2, ["/dir2/z"])
