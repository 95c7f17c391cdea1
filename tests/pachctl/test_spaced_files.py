"""Files in the spaced grammar, against a real pachd: where they go, what is printed, what is refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from .spaced import Real


@pytest.fixture
def data(real: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Real:
    """A repo, and a folder with files that is the current one."""
    real.ok("create repo data")
    work = tmp_path / "work"
    for name, text in (("a.csv", "abc"), ("dir/b.csv", "de"), ("dir/sub/c.csv", "f")):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    monkeypatch.chdir(work)
    return real


def paths(real: Real) -> list[str]:
    return [one["file"]["path"] for one in real.raw("glob file data@master:/**") if one["file_type"] == "FILE"]


def test_list_file_as_in_the_samples(data: Real) -> None:
    data.ok("put file data@master:/f", stdin=b"abc")
    assert data.ok("list file data@master") == "SIZE   \tNAME\n3B\t/f\n"
    assert data.ok("list files data@master:/nope") == "SIZE   \tNAME\n"
    assert data.no("inspect file data@master:/x").startswith("file /x not found")
    assert "not found" in data.run("list file data@nope").err


@pytest.mark.parametrize(
    ("words", "stored"),
    [
        ("data@master -f a.csv", ["/a.csv"]),
        ("data@master -f dir/b.csv", ["/b.csv"]),
        ("data@master -f dir/b.csv --full-path", ["/dir/b.csv"]),
        ("data@master:/x -f a.csv", ["/x"]),
        ("data@master:/x/ -f dir/b.csv", ["/x/b.csv"]),
        ("data@master:x -f a.csv -f dir/b.csv", ["/x/a.csv", "/x/b.csv"]),
        ("data@master -f a.csv,dir/b.csv", ["/a.csv", "/b.csv"]),
        ("data@master -r -f dir", ["/dir/b.csv", "/dir/sub/c.csv"]),
        ("data@master:/x -r -f dir", ["/x/b.csv", "/x/sub/c.csv"]),
        ("data@master:/x/ -r -f dir", ["/x/b.csv", "/x/sub/c.csv"]),
        ("data@master:/x -r -f dir/sub --full-path", ["/x/dir/sub/c.csv"]),
        ("data@master -r -f .", ["/a.csv", "/dir/b.csv", "/dir/sub/c.csv"]),
    ],
)
def test_where_files_go(data: Real, words: str, stored: list[str]) -> None:
    data.ok(f"put file {words}")
    assert paths(data) == stored


def test_putting_replaces_unless_told_to_append(data: Real) -> None:
    data.ok("put file data@master -f a.csv")
    data.ok("put file data@master:/a.csv", stdin=b"XY")
    assert data.ok("get file data@master:/a.csv") == "XY"
    data.ok("put file data@master -f a.csv --append")
    assert data.ok("get file data@master:/a.csv") == "XYabc"


def test_lists_and_archives(data: Real) -> None:
    Path("list").write_text("a.csv\ndir/b.csv\n")
    data.ok("put file data@master -i list")
    assert paths(data) == ["/a.csv", "/b.csv"]
    with tarfile.open("t.tar.gz", "w:gz") as archive:
        archive.add("dir")
    data.ok("put file data@other -f t.tar.gz -f a.csv --untar")
    assert [one["file"]["path"] for one in data.raw("glob file data@other:/**/c.csv")] == ["/dir/sub/c.csv"]
    Path("bad.tar").write_text("nonsense")
    assert "cannot be unpacked" in data.no("put file data@other -f bad.tar --untar")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("put file data@master", "must specify filename when reading data from stdin"),
        ("put file data@master -f nope", "nope doesn't exist"),
        ("put file data@master:/x -r", "cannot set -r and read from stdin (must also set -f or -i)"),
        ("put file data@master -f dir", "dir is a directory: give -r to put everything below it"),
        ("put file data -f a.csv", 'invalid format "data": give REPO@BRANCH or REPO@COMMIT'),
        ("get file data@master:/ -r", "an output path needs to be specified when using the --recursive flag"),
        ("get file data@master:/a --retry", "--retry needs the --output file that is to be completed, and no -r"),
        ("copy file data@master data@master:/x", "path () invalid: a path is needed that is not empty; the root is /"),
    ],
)
def test_what_is_refused(data: Real, words: str, error: str) -> None:
    assert data.no(words) == error


def test_getting(data: Real, tmp_path: Path) -> None:
    data.ok("put file data@master -r -f .")
    assert data.ok("get file data@master:/dir/b.csv --offset 1") == "e"
    told = data.no("get file data@master:/dir")
    assert told.startswith("couldn't download /dir from data@master: ")
    assert told.endswith("Try again with the -r flag")
    out = tmp_path / "out"
    data.ok(["get", "file", "data@master:/dir", "-r", "-o", str(out)])
    assert (out / "sub" / "c.csv").read_text() == "f"
    part = tmp_path / "part"
    part.write_text("a")
    data.ok(["get", "file", "data@master:/a.csv", "--retry", "-o", str(part)])
    assert part.read_text() == "abc"


def test_looking(data: Real) -> None:
    data.ok("put file data@master -r -f .")
    assert data.ok("inspect file data@master:/dir") == "Path: /dir/\nType: dir\nSize: 3B\n"
    assert data.ok("inspect file data@master:/a.csv") == "Path: /a.csv\nDatum: default\nType: file\nSize: 3B\n"
    assert data.ok("glob file data@master:/*.csv") == "SIZE   \tNAME\n3B\t/a.csv\n"
    assert data.ok("list file data@master") == "SIZE   \tNAME\n3B\t/a.csv\n3B\t/dir/\n"
    assert data.raw("list file data@master:/dir")[0]["size_bytes"] == "2"


def test_copy_and_delete(data: Real) -> None:
    data.ok("put file data@master -r -f .")
    data.ok("create project p")
    data.ok("create repo theirs --project p")
    data.ok("copy file data@master:/dir theirs@master:/d --dest-project p")
    assert data.ok("get file theirs@master:/d/b.csv --project p") == "de"
    data.ok("copy file data@master:/a.csv data@master:/dir/b.csv -a")
    assert data.ok("get file data@master:/dir/b.csv") == "deabc"
    assert "not found" in data.no("copy file data@master:/nope data@master:/x")
    assert data.no("delete file data@master:/dir") == "/dir is a directory: give -r to delete everything below it"
    data.ok("delete file data@master:/dir -r")
    data.ok("delete file data@master:/nope")
    assert paths(data) == ["/a.csv"]


def test_diff(data: Real) -> None:
    data.ok("put file data@master -r -f .")
    data.ok("put file data@master:/a.csv", stdin=b"abc\nmore\n")
    assert data.ok("diff file data@master --name-only") == "OP SIZE NAME   \n+  9B   /a.csv \n-  3B   /a.csv \n"
    shown = data.ok("diff file data@master data@master^")
    assert "-abc\n" in shown
    assert "+more\n" in shown
    assert "dir" not in shown
    first = data.ok(["diff", "file", "data@master", "--diff-command", "cat"])
    assert first == "abcabc\nmore\n"
    assert "cannot be run" in data.run("diff file data@master --diff-command /no/such/program").err
    assert data.ok("diff file data@master:/dir") == ""


def test_archives_that_lead_outside_are_refused(data: Real, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("secret")
    with tarfile.open("up.tar", "w") as archive:
        archive.add(outside, "../up")
    with tarfile.open("link.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        archive.addfile(link)
    for name in ("up.tar", "link.tar"):
        failed = data.run(f"put file data@other -f {name} --untar")
        assert failed.code == 1
        assert f"{name} cannot be unpacked" in failed.err
