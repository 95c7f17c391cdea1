"""The staging folder: filled without escaping, emptied without a trace, copied from a bounded cache."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.content.entry import FileEntry, to_entry
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import FailedPrecondition, NotFound, StorageFailed
from trunkline.maps.maps import Maps
from trunkline.objects.memory import MemoryStore
from trunkline.testing.content import noise, read_file, write_file, write_files
from trunkline.worker.copies import Copies
from trunkline.worker.gather import CannotUpload, Gatherer
from trunkline.worker.model import Datum, Input
from trunkline.worker.runtimes.protocol import Linked
from trunkline.worker.staging import Stager
from trunkline.worker.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "pfs")


def names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


# -- the tree -------------------------------------------------------------------------------------------------


def test_everything_goes_whatever_its_mode(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").touch()
    for _ in range(3):
        deep = tree.root / "a" / "b" / "c"
        deep.mkdir(parents=True)
        (deep / "file").touch()
        (deep / "link").symlink_to(outside)
        os.mkfifo(deep / "pipe")
        (tree.root / "link").symlink_to(outside)
        (tree.root / "file").touch(mode=0)
        for folder in (deep, deep.parent, deep.parent.parent, tree.root):
            folder.chmod(0)
        tree.empty()
        assert names(tree.root) == []
        assert stat.S_IMODE(tree.root.stat().st_mode) == 0o755
    assert names(outside) == ["keep"]


def test_no_depth_is_too_deep(tree: Tree) -> None:
    descriptor = os.open(tree.root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    tree.empty()
    assert names(tree.root) == []


def test_folders_that_are_used_again_are_as_good_as_new(tree: Tree) -> None:
    for number in range(3):
        for name in ("out", f"in-{number}/a", "in/b/c"):
            tree.folder(name)
            folder = tree.root / name
            assert names(folder) == []
            assert stat.S_IMODE(folder.stat().st_mode) == 0o755
            (folder / "left").touch()
            folder.chmod(0o500)
        tree.empty()


def test_many_folders_are_not_all_kept(tree: Tree) -> None:
    for number in range(200):
        tree.folder(f"{number}")
    tree.empty()
    assert len(names(tree.root.with_name("pfs-spare"))) <= 64


def test_a_folder_that_user_code_took_away_is_made_again(tree: Tree, tmp_path: Path) -> None:
    tree.root.rmdir()
    tree.empty()
    assert tree.root.is_dir()
    tree.root.rmdir()
    tree.root.symlink_to(tmp_path)
    tree.empty()
    assert not tree.root.is_symlink()
    assert tree.root.is_dir()


@given(st.recursive(st.just(None), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)))
@settings(deadline=None, max_examples=60)
def test_any_tree_is_emptied(shape: dict | None) -> None:
    def make(folder: Path, shape: dict) -> None:
        for name, inner in shape.items():
            if inner is None:
                (folder / name).touch()
            else:
                (folder / name).mkdir()
                make(folder / name, inner)

    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "pfs")
        for _ in range(2):
            make(tree.root, shape or {})
            tree.empty()
            assert names(tree.root) == []


# -- copies ---------------------------------------------------------------------------------------------------


class CountingReader(ContentReader):
    """Counts how often a file is read from the store."""

    reads = 0

    def read(self, file, offset=0, length=None):
        self.reads += 1
        return super().read(file, offset, length)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def written(copies: Copies, file: FileEntry, place: Path) -> bytes:
    with place.open("wb") as target:
        copies.write(file, target.fileno())
    return place.read_bytes()


@pytest.mark.parametrize("length", [0, 1, 1000, 65_536, 65_537, 3_000_000])
def test_a_file_that_is_staged_again_and_again_is_read_at_most_twice(
    store: MemoryStore, tmp_path: Path, length: int
) -> None:
    content = noise("a", length)
    file = write_file(store, content)
    reader = CountingReader(store)
    copies = Copies(reader, tmp_path / "copies", 10_000_000)
    for number in range(5):
        place = tmp_path / f"{number}"
        assert written(copies, file, place) == content
        place.write_bytes(b"changed by user code")
    assert reader.reads <= 2


def test_the_cache_is_bounded_and_forgets_the_oldest(store: MemoryStore, tmp_path: Path) -> None:
    contents = [noise(str(number), 100_000) for number in range(5)]
    files = write_files(store, contents)
    copies = Copies(ContentReader(store), tmp_path / "copies", 250_000)
    for _ in range(4):
        for file, content in zip(files, contents, strict=True):
            assert written(copies, file, tmp_path / "target") == content
            assert sum(each.stat().st_size for each in (tmp_path / "copies").iterdir()) <= 250_000
    huge = write_file(store, noise("huge", 300_000))
    for _ in range(3):
        assert len(written(copies, huge, tmp_path / "target")) == 300_000


def test_old_copies_do_not_survive_a_start(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "old").touch()
    Copies(ContentReader(store), tmp_path / "copies", 1)
    assert list((tmp_path / "copies").iterdir()) == []


# -- staging --------------------------------------------------------------------------------------------------


class Commit:
    """A commit in a store, and a stager for it."""

    def __init__(self, store: MemoryStore, tree: Tree, files: dict[str, bytes]) -> None:
        self.maps = Maps(store)
        self.tree = tree
        paths = sorted(files)
        entries = write_files(store, [files[path] for path in paths])
        self.root = self.maps.build(
            to_entry(path.encode(), each) for path, each in zip(paths, entries, strict=True)
        ).pack()
        reader = ContentReader(store)
        copies = Copies(reader, tree.root.with_name("copies"), 1 << 20)
        self.stager = Stager(self.maps, reader, copies, tree)

    def stage(self, *inputs: tuple[str, str], **more: object) -> tuple[int, list[str]]:
        """Stages (name, path) matches; returns the bytes and the files."""
        matches = tuple(Input(name=name, path=path, root=self.root, **more) for name, path in inputs)
        size = self.stager.stage(Datum(id="d" * 64, inputs=matches), "A=b\n")
        files = [str(each.relative_to(self.tree.root)) for each in self.tree.root.rglob("*") if each.is_file()]
        return size, sorted(files)


@pytest.fixture
def commit(store: MemoryStore, tree: Tree) -> Commit:
    files = {"/a": b"1", "/a.b": b"22", "/d/x": b"333", "/d/y/z": b"4444", "/d-": b"", "/dd": b"5", "/ü [*]": b"6"}
    return Commit(store, tree, files)


def test_a_match_is_staged_at_its_place(commit: Commit) -> None:
    assert commit.stage(("in", "/a")) == (1, [".env", "in/a"])
    assert commit.stage(("in", "/d/")) == (7, [".env", "in/d/x", "in/d/y/z"])
    assert commit.stage(("in", "/d/y/"), ("other", "/ü [*]")) == (5, [".env", "in/d/y/z", "other/ü [*]"])
    assert commit.stage(("in", "/"))[0] == 12
    assert names(commit.tree.root / "out") == []
    assert (commit.tree.root / ".env").read_text() == "A=b\n"
    assert (commit.tree.root / "in" / "d" / "x").read_bytes() == b"333"


def test_several_inputs_of_one_name_share_the_folder(commit: Commit) -> None:
    """What two of them match is there once."""
    assert commit.stage(("in", "/a"), ("in", "/d/x"), ("in", "/a")) == (4, [".env", "in/a", "in/d/x"])
    assert commit.stage(("in", "/d/"), ("in", "/d/x"), ("o", "/d/x")) == (10, [".env", "in/d/x", "in/d/y/z", "o/d/x"])


def test_two_files_of_one_path_are_told(commit: Commit, store: MemoryStore) -> None:
    other = Commit(store, commit.tree, {"/a": b"1", "/d/x": b"other"})
    both = [Input(name="in", path=path, root=one.root) for path in ("/a", "/d/") for one in (commit, other)]
    with pytest.raises(FailedPrecondition, match='inputs named "in" have two files of one path .at /d/x.'):
        commit.stager.stage(Datum(id="d" * 64, inputs=tuple(both)), "")
    same = tuple(both[:2])
    assert commit.stager.stage(Datum(id="d" * 64, inputs=same), "") == 1


def test_empty_files(commit: Commit) -> None:
    assert commit.stage(("in", "/d/"), empty_files=True) == (0, [".env", "in/d/x", "in/d/y/z"])
    assert (commit.tree.root / "in" / "d" / "x").read_bytes() == b""


def test_a_commit_without_files_is_an_empty_folder(store: MemoryStore, tree: Tree) -> None:
    commit = Commit(store, tree, {})
    assert commit.stage(("in", "/")) == (0, [".env"])
    assert (tree.root / "in").is_dir()


@pytest.mark.parametrize("name", ["out", ".env", ".scratch", "..", "", "a/b"])
def test_inputs_cannot_have_every_name(commit: Commit, name: str) -> None:
    with pytest.raises(NotFound, match="give it another name"):
        commit.stage((name, "/a"))


def test_what_is_not_there(commit: Commit) -> None:
    with pytest.raises(NotFound, match="/gone is not in the commit"):
        commit.stage(("in", "/gone"))


def test_a_file_and_a_folder_of_one_path_are_told(commit: Commit, store: MemoryStore) -> None:
    other = Commit.__new__(Commit)
    (entry,) = write_files(store, [b"x"])
    other.root = commit.maps.build([to_entry(b"/a/b", entry)]).pack()
    inputs = tuple(Input(name="in", path="/", root=root) for root in (commit.root, other.root))
    for order in (inputs, inputs[::-1]):
        with pytest.raises(FailedPrecondition, match='inputs named "in" have a file and a directory of one path'):
            commit.stager.stage(Datum(id="d" * 64, inputs=order), "")


# -- gathering ------------------------------------------------------------------------------------------------


class Follower:
    """As much of a sandbox as gathering needs: what each link leads to is given."""

    def __init__(self, answers: dict[str, list[Linked]]) -> None:
        self.answers = answers

    def follow(self, links):
        for link in links:
            yield from self.answers[link]


@pytest.fixture
def out(commit: Commit) -> Path:
    commit.stage(("in", "/"))
    return commit.tree.root / "out"


def gathered(commit: Commit, store: MemoryStore, answers: dict[str, list[Linked]] | None = None) -> dict[str, bytes]:
    inputs = tuple(Input(name=name, path="/", root=commit.root, empty_files=name == "no") for name in ("in", "no"))
    writer = ContentWriter(store)
    found = Gatherer(commit.tree, commit.stager).gather(Datum(id="d", inputs=inputs), Follower(answers or {}), writer)
    writer.flush()
    assert found.size == sum(each.size for _, each in found.files)
    assert [path for path, _ in found.files] == sorted((path for path, _ in found.files), key=str.encode)
    files = {path: each if isinstance(each, FileEntry) else each.file() for path, each in found.files}
    return {path: read_file(store, file) for path, file in files.items()}


def test_what_is_gathered(commit: Commit, store: MemoryStore, out: Path) -> None:
    (out / "empty").mkdir()
    (out / "d" / "e").mkdir(parents=True)
    files = {"/a": b"", "/d/e/f": b"x" * 70_000, "/d.": b"1", "/ü ([*]) 'q'": b"2", "/big": noise("big", 5_000_000)}
    for path, content in files.items():
        (out / path[1:]).write_bytes(content)
    os.mkfifo(out / "pipe")
    (out / "a").chmod(0)
    (out / "d").chmod(0o300)
    assert gathered(commit, store) == files


@pytest.mark.parametrize(
    "name", [b"tab\there", b"new\nline", b"not utf-8 \xff", b"bell\x07", b"zero width \xe2\x80\x8b"]
)
def test_names_that_no_commit_can_have(commit: Commit, store: MemoryStore, out: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(out) + b"/" + name)).touch()
    with pytest.raises(CannotUpload, match="its name cannot be represented in PFS"):
        gathered(commit, store)


def test_a_path_that_is_too_long(commit: Commit, store: MemoryStore, out: Path) -> None:
    folder = out
    for _ in range(15):
        folder = folder / ("n" * 250)
        folder.mkdir()
    gathered(commit, store)
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(3):
        os.mkdir("n" * 250, dir_fd=descriptor)
        inner = os.open("n" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    with pytest.raises(CannotUpload, match="longer than 4096 bytes"):
        gathered(commit, store)


def test_out_itself_may_not_be_replaced(commit: Commit, store: MemoryStore, out: Path, tmp_path: Path) -> None:
    out.rmdir()
    with pytest.raises(StorageFailed, match="/pfs/out"):
        gathered(commit, store)
    out.symlink_to(tmp_path)
    with pytest.raises(StorageFailed, match="/pfs/out"):
        gathered(commit, store)


def opened(path: Path, content: bytes) -> int:
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


def test_links(commit: Commit, store: MemoryStore, out: Path, tmp_path: Path) -> None:
    for name in ("one", "original", "folder"):
        (out / name).symlink_to("anywhere")
    answers = {
        "/pfs/out/one": [Linked("/pfs/out/one", "/etc/x", opened(tmp_path / "1", b"one"))],
        "/pfs/out/original": [Linked("/pfs/out/original", "/pfs/no/d/x", opened(tmp_path / "2", b""))],
        "/pfs/out/folder": [
            Linked("/pfs/out/folder/a", "/pfs/in/d/a", opened(tmp_path / "3", b"a")),
            Linked("/pfs/out/folder/b", "/pfs/.scratch/b", opened(tmp_path / "4", b"b")),
        ],
    }
    assert gathered(commit, store, answers) == {
        "/folder/a": b"a",
        "/folder/b": b"b",
        "/one": b"one",
        "/original": b"333",
    }


@pytest.mark.parametrize(
    ("target", "problem", "message"),
    [
        ("/pfs/out/x", "", 'could not find input "out"'),
        ("/pfs/unknown/x", "", 'could not find input "unknown"'),
        ("", "its target is gone", "symbolic link /pfs/out/bad: its target is gone"),
    ],
)
def test_links_that_lead_where_they_must_not(
    commit: Commit, store: MemoryStore, out: Path, tmp_path: Path, target: str, problem: str, message: str
) -> None:
    (out / "bad").symlink_to("anywhere")
    (out / "good").symlink_to("anywhere")
    file, after = (opened(tmp_path / name, b"x") for name in ("1", "2"))
    if problem:
        os.close(file)
    answers = {
        "/pfs/out/bad": [Linked("/pfs/out/bad", target, -1 if problem else file, problem)],
        "/pfs/out/good": [Linked("/pfs/out/good", "/etc/x", after)],
    }
    with pytest.raises(CannotUpload, match=message):
        gathered(commit, store, answers)
    for each in (file, after):
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(each)
