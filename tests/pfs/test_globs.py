"""Globs: what matches, what is captured, what is expanded (spec 01, section 10)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pfs.test_reading import everything, trees, view_of

from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs.globs import Glob

MATCHING = [
    ("/*", "/a"),
    ("/*", "/dir"),
    ("*", "/a"),
    ("/*/*", "/a/b"),
    ("/**", "/a/b/c"),
    ("/**.csv", "/x/y/z.csv"),
    ("/**.csv", "/z.csv"),
    ("/a/**/b", "/a/x/y/b"),
    ("/{a,b}/*", "/b/f"),
    ("/{a*,b}", "/abc"),
    ("/{a,{b,c}d}", "/cd"),
    ("/{,x}a", "/a"),
    ("/{a/b,c}", "/a/b"),
    ("/data-[0-9][0-9].txt", "/data-07.txt"),
    ("/[abc]x", "/bx"),
    ("/[a-c0-3]", "/2"),
    ("/[!a]", "/b"),
    ("/[^a]", "/b"),
    ("/x[!a]y", "/x/y"),
    ("/[[:alpha:]][[:digit:]]", "/a1"),
    ("/[[:^alpha:]]", "/1"),
    ("/[[:alpha:]_-]", "/-"),
    ("/[]a]", "/]"),
    ("/?", "/a"),
    (r"/\*", "/*"),
    (r"/a\[b", "/a[b"),
    ("/a+b", "/a+b"),
    ("/a@b!", "/a@b!"),
    ("/(a|b)", "/b"),
    ("/@(a|b)c", "/ac"),
    ("/*(ab)", "/abab"),
    ("/x*(ab)", "/x"),
    ("/+(a|b)", "/abba"),
    ("/?(a)b", "/b"),
    ("/?(a)b", "/ab"),
    ("/!(tmp)", "/tmp2"),
    ("/!(foo)", "/foobar"),
    ("/!(foo)*", "/bar"),
    ("/(!(foo))", "/foobar"),
    ("/((a)b)*", "/abc"),
    ("/", "/"),
    ("", "/"),
    ("/a//b/", "/a/b"),
    ("/é*", "/éa"),
    ("/a|b", "/a|b"),
]

NOT_MATCHING = [
    ("/*", "/a/b"),
    ("/*", "/"),
    ("/**", "/"),
    ("/", "/a"),
    ("/a", "/ab"),
    ("/a", "/A"),
    ("/?", "/ab"),
    ("/a?b", "/a/b"),
    ("/{a,b}/*", "/c/f"),
    ("/[!a]", "/a"),
    ("/[a-c]", "/-"),
    ("/!(tmp)", "/tmp"),
    ("/!(foo)*", "/foobar"),
    ("/!(foo).txt", "/foobar.txt"),
    ("/!(foo).txt", "/foo.txt"),
    ("/!(a|b)", "/a"),
    ("/(!(foo))", "/foo"),
    ("/+(a)", "/"),
    (r"/\*", "/a"),
    ("/a.b", "/axb"),
]


@pytest.mark.parametrize(("pattern", "path"), MATCHING)
def test_matches(pattern: str, path: str) -> None:
    assert Glob(pattern).matches(path)


@pytest.mark.parametrize(("pattern", "path"), NOT_MATCHING)
def test_does_not_match(pattern: str, path: str) -> None:
    assert not Glob(pattern).matches(path)
    assert Glob(pattern).captures(path) == ()


@pytest.mark.parametrize(
    ("pattern", "path", "captures"),
    [
        ("/(*)-(*).csv", "/a-b.csv", ("a", "b")),
        ("/(*)-(*).csv", "/a-b-c.csv", ("a-b", "c")),
        ("/+(a|b)/(*).go", "/ab/x.go", ("ab", "x")),
        ("/name=(*)/year=(*)/(*).dat", "/name=adele/year=2016/photos.dat", ("adele", "2016", "photos")),
        ("/((a)|(b))", "/b", ("b", None, "b")),
        ("/{(a),(b)}", "/a", ("a", None)),
        ("/?(x)y", "/y", ("",)),
        ("/*(ab)c", "/ababc", ("abab",)),
        ("/!(x)", "/y", ("y",)),
        ("/(**)", "/a/b", ("a/b",)),
        ("/{a,b}", "/a", ()),
    ],
)
def test_captures(pattern: str, path: str, captures: tuple[str | None, ...]) -> None:
    assert Glob(pattern).captures(path) == captures


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("/[abc", "unexpected end of input"),
        ("/[", "unexpected end of input"),
        ("/[!", "unexpected end of input"),
        ("/{a,b", "unexpected end of input"),
        ("/(a|b", "unexpected end of input"),
        ("/a\\", "unexpected end of input"),
        ("/a)", "unexpected token: ) at character 3"),
        ("/a}", "unexpected token: }"),
        ("/a]", "unexpected token: ]"),
        ("/[b-a]", "unexpected token"),
        ("/[[:nope:]]", "unexpected token: ["),
        ("/(a}", "unexpected token: }"),
        ("/{(a,b)}(", "unexpected end of input"),
    ],
)
def test_patterns_that_do_not_parse(pattern: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Glob(pattern)
    assert f"glob '{pattern}' does not parse: ".replace("\\", "\\\\") in refused.value.message
    assert words in refused.value.message
    assert "\n" not in refused.value.message


@given(st.text(alphabet="ab*?[]{}()!@+|,\\/^-:", max_size=14))
@settings(deadline=None, max_examples=400)
def test_any_text_is_a_pattern_or_a_clear_error(pattern: str) -> None:
    try:
        found = Glob(pattern)
    except InvalidRequest as error:
        assert "does not parse" in error.message
    else:
        found.matches("/ab/a")


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "a.txt",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "{a,b}",
        "{a/b,ab}",
        "(*)",
        "(a|b)",
        "+(a)",
        "*(b)",
        "?(a)",
        "!(a)",
        "a*",
    ]
)
LEVELS = st.lists(PIECES, min_size=1, max_size=2).map("".join)
PATTERNS = st.lists(LEVELS, max_size=3).map(lambda parts: "/" + "/".join(parts))


@settings(deadline=None, max_examples=600)
@given(PATTERNS, trees())
def test_expanding_is_filtering_all_paths(pattern: str, files: dict[str, bytes]) -> None:
    try:
        glob = Glob(pattern)
    except InvalidRequest:
        return
    view = view_of(files)
    expected = [path for path in everything(files) if glob.matches(path.rstrip("/") or "/")]
    found = list(glob.expand(view.maps, view.root))
    assert [match.path for match in found] == expected
    for match in found:
        node = view.find(match.path)
        assert node is not None
        assert (match.is_dir, match.size, match.hash) == (node.is_dir, node.size, node.hash)


def test_the_root_matches_only_its_own_pattern_and_only_with_files() -> None:
    view, empty = view_of({"/a": b"1"}), view_of({})
    assert [match.path for match in Glob("/").expand(view.maps, view.root)] == ["/"]
    assert list(Glob("/").expand(empty.maps, empty.root)) == []
    assert [match.path for match in Glob("/**").expand(view.maps, view.root)] == ["/a"]


def test_listing_the_root_is_the_glob_of_one_star() -> None:
    view = view_of({"/a.txt": b"1", "/a/x": b"2", "/b": b"3"})
    assert [node.path for node in view.glob("/*")] == [node.path for node in view.children("/")]
