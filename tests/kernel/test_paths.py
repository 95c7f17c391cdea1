"""Paths: cleaned as in release 2.11, and never able to leave their root."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest, Refused


@pytest.mark.parametrize(
    ("given_path", "cleaned"),
    [
        ("a", "/a"),
        ("/a", "/a"),
        ("//a///b//", "/a/b"),
        ("a/b/", "/a/b"),
        ("", "/"),
        (".", "/"),
        ("/", "/"),
        ("///", "/"),
        ("./a", "/a"),
        ("/a b", "/a b"),
    ],
)
def test_cleaning(given_path: str, cleaned: str) -> None:
    assert paths.clean(given_path) == cleaned


@pytest.mark.parametrize(
    "path", ["/a", "a", "a/b.c", "/a b", "/ä/日本", "/a*b", "/x[1](2){3}!@+^?", "/...", "/a..b", "a//b"]
)
def test_paths_that_files_may_have(path: str) -> None:
    paths.check(path)
    assert paths.file_path(path).startswith("/")


@pytest.mark.parametrize("path", ["..", "../x", "/a/../b", "a/..", "/../..", "./a", "/a/./b"])
def test_relative_elements_are_refused(path: str) -> None:
    with pytest.raises(Refused, match="relative file paths are not allowed"):
        paths.check(path)


@pytest.mark.parametrize("path", ["", "/a\nb", "/a\0b", "/\x1b[31m", "/a\u2028b", "/\x7f", "/\ud800"])
def test_empty_and_unprintable_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^path \(.*\) invalid: "):
        paths.check(path)


@pytest.mark.parametrize("path", ["/", "//"])
def test_the_root_is_no_file(path: str) -> None:
    with pytest.raises(InvalidRequest, match="the root is a directory"):
        paths.file_path(path)


def test_paths_that_could_not_be_staged_are_refused() -> None:
    paths.check("/" + "a" * 255)
    with pytest.raises(InvalidRequest, match="longer than"):
        paths.check("/" + "a" * 256)
    with pytest.raises(InvalidRequest, match="longer than"):
        paths.check("/" + "é" * 128)  # 256 bytes
    with pytest.raises(InvalidRequest, match="longer than"):
        paths.check("/aaaaaaaaa" * 410)


def test_directories_above() -> None:
    assert paths.ancestors("/a/b/c") == ["/", "/a/", "/a/b/"]
    assert paths.ancestors("/a/b/") == ["/", "/a/"]
    assert paths.ancestors("/a") == ["/"]
    assert paths.as_directory("/a") == paths.as_directory("/a/") == "/a/"
    assert paths.as_directory("/") == "/"


@given(st.text(alphabet="ab./ é\n", max_size=12))
def test_a_path_that_passes_stays_below_its_root(path: str) -> None:
    try:
        cleaned = paths.file_path(path)
    except (InvalidRequest, Refused):
        return
    assert cleaned == paths.clean(cleaned)
    assert posixpath.normpath("/pfs/in" + cleaned) == "/pfs/in" + cleaned
