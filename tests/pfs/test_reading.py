"""Reading the files of a commit: order, pages, directories, differences (spec 01, sections 9 and 16)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pfs.house import House, add, gone

from trunkline.content.entry import to_entry
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.maps import Maps
from trunkline.objects.memory import MemoryStore
from trunkline.pfs.files import MOST_PER_PAGE, View
from trunkline.pfs.tree import Node


def view_of(files: dict[str, bytes]) -> View:
    """A view of files, without a catalog."""
    store = MemoryStore()
    writer = ContentWriter(store)
    pending = {path: writer.add(data) for path, data in files.items()}
    writer.flush()
    maps = Maps(store)
    entries = sorted((to_entry(path.encode(), one.file()) for path, one in pending.items()), key=lambda one: one[0])
    return View(maps, ContentReader(store), maps.build(entries))


@pytest.fixture
def view() -> View:
    """The files of spec 01, section 16.3."""
    return view_of({"/a.txt": b"1", "/a/x": b"22", "/a/y": b"333", "/b": b""})


def listed(nodes: Iterator[Node]) -> list[str]:
    return [node.path for node in nodes]


# -- order and pages ------------------------------------------------------------------------------------


def test_walking(view: View) -> None:
    assert listed(view.walk("/")) == ["/", "/a.txt", "/a/", "/a/x", "/a/y", "/b"]
    assert listed(view.walk("/a")) == listed(view.walk("a/")) == ["/a/", "/a/x", "/a/y"]
    assert listed(view.walk("/b")) == ["/b"]
    assert listed(view.walk("/nope")) == []
    assert listed(view_of({}).walk("/")) == []


def test_listing(view: View) -> None:
    assert listed(view.children("/")) == ["/a.txt", "/a/", "/b"]
    assert listed(view.children("/a")) == listed(view.children("/a/")) == ["/a/x", "/a/y"]
    assert listed(view.children("/a/x")) == ["/a/x"]
    assert listed(view.children("/nope")) == []
    assert listed(view_of({}).children("/")) == []


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({"marker": "/a.txt", "number": 1}, ["/a/"]),
        ({"number": 2, "reverse": True}, ["/b", "/a/"]),
        ({"marker": "/b", "number": 10, "reverse": True}, ["/a/", "/a.txt"]),
        ({"marker": "/a/"}, ["/b"]),
        ({"marker": "/b"}, []),
        ({"marker": "/a/", "number": 1, "reverse": True}, ["/a.txt"]),
        ({"number": 2}, ["/a.txt", "/a/"]),
    ],
)
def test_pages_of_a_listing(view: View, page: dict[str, object], expected: list[str]) -> None:
    assert listed(view.children("/", **page)) == expected  # type: ignore[arg-type]


def test_a_marker_outside_the_directory_does_not_lead_out_of_it(view: View) -> None:
    assert listed(view.children("/a", marker="/zzz", number=9, reverse=True)) == ["/a/y", "/a/x"]
    assert listed(view.children("/a", marker="/A")) == ["/a/x", "/a/y"]
    assert listed(view.walk("/a", marker="/zzz", number=9, reverse=True)) == ["/a/y", "/a/x", "/a/"]
    assert listed(view.walk("/a", marker="/A")) == ["/a/", "/a/x", "/a/y"]


@pytest.mark.parametrize("call", ["children", "walk"])
def test_pages_that_make_no_sense(view: View, call: str) -> None:
    with pytest.raises(InvalidRequest, match="^number must be > 0 when reverse is true$"):
        getattr(view, call)("/", reverse=True)
    with pytest.raises(InvalidRequest, match=f"^cannot return more than {MOST_PER_PAGE} files at a time$"):
        getattr(view, call)("/", number=MOST_PER_PAGE + 1)


# -- what is found --------------------------------------------------------------------------------------


def test_inspecting(view: View) -> None:
    root, folder, file = view.find("/"), view.find("/a"), view.find("/a/x")
    assert root is not None
    assert (root.path, root.is_dir, root.size) == ("/", True, 6)
    assert folder is not None
    assert (folder.path, folder.is_dir, folder.size) == ("/a/", True, 5)
    assert folder == view.find("/a/") == view.find("a")
    assert file is not None
    assert (file.path, file.is_dir, file.size) == ("/a/x", False, 2)
    for missing in ("/nope", "/a/z", "/a.tx", "/a/x/y"):
        assert view.find(missing) is None
    assert view_of({}).find("/") is None


def test_the_hash_of_a_directory_is_that_of_what_is_below() -> None:
    one = view_of({"/d/x": b"1", "/d/e/y": b"2", "/else": b"3"})
    same = view_of({"/d/x": b"1", "/d/e/y": b"2", "/other": b"4", "/zzz/a": b"5"})
    changed = view_of({"/d/x": b"1", "/d/e/y": b"!", "/else": b"3"})

    def hashes(view: View, *names: str) -> list[bytes]:
        return [node.hash for name in names if (node := view.find(name)) is not None]

    assert hashes(one, "/d", "/d/e", "/d/x") == hashes(same, "/d", "/d/e", "/d/x")
    assert hashes(one, "/")[0] != hashes(same, "/")[0]
    for name in ("/d", "/d/e", "/"):
        assert hashes(one, name) != hashes(changed, name)


def test_reading_bytes_from_an_offset(view: View) -> None:
    node = view.find("/a/y")
    assert node is not None
    assert [b"".join(view.read(node, offset)) for offset in (0, 1, 3, 99)] == [b"333", b"33", b"", b""]
    with pytest.raises(InvalidRequest, match="not negative"):
        b"".join(view.read(node, -1))


# -- what can be read -----------------------------------------------------------------------------------


def test_a_view_does_not_change_while_it_is_read(house: House) -> None:
    house.repo("data")
    house.put("data", a="1")
    view = house.view("data")
    house.write("data", gone("/a"), add("/b", "2"))
    assert listed(view.walk("/")) == ["/", "/a"]


def test_an_open_commit_whose_base_is_unfinished_cannot_be_read(house: House) -> None:
    house.repo("data", "out")
    house.branch("out", "data")
    base = house.commit("out")
    house.put("data", a="1")
    above = house.commit("out")
    with pytest.raises(Refused, match=f"^base commit {base} for commit {above} unfinished$"):
        house.files("out")


def test_a_commit_that_is_finished_between_two_looks_is_read_whole(house: House) -> None:
    """The caller holds the row of the open commit; its layers are gone by the time they are asked for."""
    house.repo("data")
    opened = house.start("data")
    house.put("data", a="1")
    house.finish("data")
    house.settle()
    root = house.pfs.content(opened)
    assert listed(View(house.pfs.maps, house.pfs.reader, root).walk("/")) == ["/", "/a"]
    house.drop("data")
    with pytest.raises(Refused, match=f"^commit {opened} was deleted$"):
        house.pfs.content(opened)


# -- differences ----------------------------------------------------------------------------------------


def test_the_differences_of_the_example() -> None:
    old, new = view_of({"/a/x": b"1", "/b": b"1"}), view_of({"/a/x": b"2", "/b": b"1", "/c": b"3"})
    assert pairs(new, "/", old, "/") == [("/", "/"), ("/a/", "/a/"), ("/a/x", "/a/x"), ("/c", None)]
    assert pairs(old, "/", new, "/") == [("/", "/"), ("/a/", "/a/"), ("/a/x", "/a/x"), (None, "/c")]
    assert pairs(new, "/b", old, "/b") == []
    assert pairs(new, "/c", old, "/c") == [("/c", None)]
    assert pairs(new, "/a", old, "/nope") == [("/a/", None), ("/a/x", None)]
    assert pairs(new, "/nope", old, "/nope") == []


def test_differences_between_two_paths_go_by_what_is_below_them() -> None:
    view = view_of({"/a/x": b"1", "/a/y": b"2", "/b/x": b"1", "/b/z": b"3"})
    assert pairs(view, "/a", view, "/b") == [("/a/", "/b/"), ("/a/y", None), (None, "/b/z")]
    assert pairs(view, "/a/x", view, "/b/x") == []


def test_a_file_that_became_a_directory() -> None:
    old, new = view_of({"/a": b"1"}), view_of({"/a/x": b"1"})
    assert pairs(new, "/", old, "/") == [("/", "/"), (None, "/a"), ("/a/", None), ("/a/x", None)]


def pairs(new: View, path: str, old: View, older_path: str) -> list[tuple[str | None, str | None]]:
    # One store for both, as in a repo.
    maps = new.maps
    if old.maps is not maps:
        old = View(maps, old.reader, maps.build(list(old.maps.range(old.root))))
    return [(left and left.path, right and right.path) for left, right in new.diff(path, old, older_path)]


# -- against the plainest reading of the rules -----------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "a.txt", "a-b", "ab", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files of which none is another's directory."""
    files: dict[str, bytes] = {}
    for path in draw(st.lists(PATHS, max_size=12, unique=True)):
        above = {folder[:-1] for folder in paths.ancestors(path)}
        if not above & set(files) and not any(other.startswith(path + "/") for other in files):
            files[path] = draw(st.sampled_from([b"", b"1", b"22"]))
    return files


def everything(files: dict[str, bytes]) -> list[str]:
    """All paths, directories included, in path order."""
    folders = {folder for path in files for folder in paths.ancestors(path)}
    return sorted([*files, *folders], key=str.encode)


@settings(deadline=None, max_examples=150)
@given(trees(), st.data())
def test_walks_and_listings_are_filters_of_all_paths(files: dict[str, bytes], data: st.DataObject) -> None:
    view, every = view_of(files), everything(files)
    assert listed(view.walk("/")) == every
    for folder in [path for path in every if path.endswith("/")]:
        below = [path for path in every if path.startswith(folder)]
        children = [path for path in below if path != folder and "/" not in path[len(folder) :].rstrip("/")]
        assert listed(view.walk(folder)) == below
        assert listed(view.children(folder)) == children
        marker = data.draw(st.sampled_from([*below, folder + "zz", folder + "a"]))
        number = data.draw(st.integers(1, 4))
        for call, expected in ((view.walk, below), (view.children, children)):
            after = [path for path in expected if path > marker]
            before = [path for path in reversed(expected) if path < marker]
            assert listed(call(folder, marker=marker)) == after
            assert listed(call(folder, marker=marker, number=number)) == after[:number]
            assert listed(call(folder, marker=marker, number=number, reverse=True)) == before[:number]
            assert listed(call(folder, number=number, reverse=True)) == expected[::-1][:number]
        node = view.find(folder)
        assert node is not None
        assert node.size == sum(len(text) for path, text in files.items() if path.startswith(folder))


@settings(deadline=None, max_examples=150)
@given(trees(), st.data())
def test_ranges_are_filters_of_walks_and_globs(files: dict[str, bytes], data: st.DataObject) -> None:
    view, every = view_of(files), everything(files)
    ends = st.sampled_from(["", *every, *(path + "a" for path in every), *(path[:-1] for path in every), "/zz"])
    low, high = data.draw(ends), data.draw(ends)

    def within(found: list[str]) -> list[str]:
        return [path for path in found if path >= low and (not high or path < high)]

    for start in every or ["/"]:
        assert listed(view.walk_between(start, low, high)) == within(listed(view.walk(start)))
    for pattern in ("/", "/*", "/*/*", "/a/*", "/*/a", "/**", "/a**", "/**/*", "/!(a)", "/{a,b}/**"):
        assert listed(view.glob(pattern, low, high)) == within(listed(view.glob(pattern)))


@settings(deadline=None, max_examples=150)
@given(trees(), trees())
def test_differences_are_the_paths_that_differ(new: dict[str, bytes], old: dict[str, bytes]) -> None:
    left, right = view_of(new), view_of(old)

    def below(files: dict[str, bytes], path: str) -> object:
        if path.endswith("/"):
            return {name: text for name, text in files.items() if name.startswith(path)} or None
        return files.get(path)

    expected = [
        (path if below(new, path) is not None else None, path if below(old, path) is not None else None)
        for path in sorted({*everything(new), *everything(old)}, key=str.encode)
        if below(new, path) != below(old, path)
    ]
    assert pairs(left, "/", right, "/") == expected
