"""One law: the cost follows the change. What a call touches in the store does not grow with the files that are there.

Each operation is done by a server whose caches are cold, on repos of a thousand and of a hundred thousand files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.api.serving import Serving
from tests.api.test_errors import ON_MASTER, add, branch, commit, delete, file, repo

from trunkline.pfs import modify
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.wire import pfs_pb2 as m

CATALOGS = ("sqlite",)  # it counts objects, which are the same on every catalog

SMALL, LARGE = 1_000, 100_000
LEVELS = 6
"""Objects more that the larger map may cost: a level or two of the tree, at each edge of what is touched."""


class Filled:
    """A home with a repo of some files, a hundred to a directory, all in one commit; served anew for each question."""

    def __init__(self, home: Path, count: int) -> None:
        self.home = home
        self.count = count
        serving = Serving(home)
        serving.raw.CreateRepo(m.CreateRepoRequest(repo=repo("data")))
        every = (
            modify.Append(f"/flat/{number:06}" if number % 2 else f"/d{number // 100:04}/{number:06}", "", b"x")
            for number in range(count)
        )
        modify.write(serving.pfs, CommitRef(RepoRef("data"), branch="master"), every)
        serving.stop()

    def cost(self, call: Callable[[Serving], object]) -> tuple[int, int]:
        """Objects read and written by a call."""
        serving = Serving(self.home)
        try:
            serving.raw.InspectRepo(m.InspectRepoRequest(repo=repo("data")))  # the connection is up
            before = serving.store.counts()
            found = call(serving)
            if hasattr(found, "__next__"):
                list(found)
            after = serving.store.counts()
        finally:
            serving.stop()
        read = after["get"].calls - before["get"].calls
        written = sum(after[name].objects - before[name].objects for name in ("put", "put_many"))
        return read, written


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Filled, Filled]:
    return Filled(tmp_path_factory.mktemp("small"), SMALL), Filled(tmp_path_factory.mktemp("large"), LARGE)


def put(serving: Serving, path: str) -> None:
    serving.raw.ModifyFile(iter([ON_MASTER, add(path)]))
    serving.raw.InspectCommit(m.InspectCommitRequest(commit=commit("master"), wait=4))


def put_in_open(serving: Serving) -> None:
    target = serving.raw.StartCommit(m.StartCommitRequest(branch=branch("master")))
    serving.raw.ModifyFile(iter([m.ModifyFileRequest(set_commit=target), add("/flat/000777b")]))
    serving.raw.FinishCommit(m.FinishCommitRequest(commit=target))
    serving.raw.InspectCommit(m.InspectCommitRequest(commit=target, wait=4))


def revert(serving: Serving) -> None:
    serving.raw.CreateBranch(m.CreateBranchRequest(branch=branch("master"), head=commit("master^")))


RANGE = m.PathRange(lower="/flat/000601", upper="/flat/000621")

CALLS: list[tuple[str, Callable[[Serving], object]]] = [
    ("put a new file", lambda s: put(s, "/d0003/new")),
    ("put a file again", lambda s: put(s, "/flat/000333")),
    ("put into an open commit", put_in_open),
    ("delete a file", lambda s: s.raw.ModifyFile(iter([ON_MASTER, delete("/flat/000555")]))),
    ("delete a directory", lambda s: s.raw.ModifyFile(iter([ON_MASTER, delete("/d0005/")]))),
    ("list one directory", lambda s: s.raw.ListFile(m.ListFileRequest(file=file("/d0007")))),
    ("list one page of a directory", lambda s: s.raw.ListFile(m.ListFileRequest(file=file("/flat"), number=20))),
    ("walk one directory", lambda s: s.raw.WalkFile(m.WalkFileRequest(file=file("/d0007")))),
    (
        "walk one page from a marker",
        lambda s: s.raw.WalkFile(m.WalkFileRequest(file=file("/"), paginationMarker=file("/flat/000501"), number=20)),
    ),
    ("glob one directory", lambda s: s.raw.GlobFile(m.GlobFileRequest(commit=commit("master"), pattern="/d0007/*"))),
    ("inspect a file", lambda s: s.raw.InspectFile(m.InspectFileRequest(file=file("/flat/000601")))),
    ("inspect the root", lambda s: s.raw.InspectFile(m.InspectFileRequest(file=file("/")))),
    ("inspect a large directory", lambda s: s.raw.InspectFile(m.InspectFileRequest(file=file("/flat")))),
    ("read a file", lambda s: s.raw.GetFile(m.GetFileRequest(file=file("/flat/000601")))),
    ("read a range as tar", lambda s: s.raw.GetFileTAR(m.GetFileRequest(file=file("/"), path_range=RANGE))),
    (
        "glob one level of a range",
        lambda s: s.raw.GlobFile(m.GlobFileRequest(commit=commit("master"), pattern="/flat/*", path_range=RANGE)),
    ),
    (
        "glob all of a range",
        lambda s: s.raw.GlobFile(m.GlobFileRequest(commit=commit("master"), pattern="/**", path_range=RANGE)),
    ),
    ("compare with the parent", lambda s: s.raw.DiffFile(m.DiffFileRequest(new_file=file("/")))),
    ("compare within a large directory", lambda s: s.raw.DiffFile(m.DiffFileRequest(new_file=file("/flat")))),
    (
        "copy one directory",
        lambda s: s.raw.ModifyFile(
            iter([ON_MASTER, m.ModifyFileRequest(copy_file=m.CopyFile(dst="/copy", src=file("/d0009")))])
        ),
    ),
]

FREE: list[tuple[str, Callable[[Serving], object]]] = [
    ("make a branch", lambda s: s.raw.CreateBranch(m.CreateBranchRequest(branch=branch("b"), head=commit("master")))),
    ("go back", revert),
    ("inspect a commit", lambda s: s.raw.InspectCommit(m.InspectCommitRequest(commit=commit("master")))),
    ("inspect a repo", lambda s: s.raw.InspectRepo(m.InspectRepoRequest(repo=repo("data")))),
    ("list repos", lambda s: s.raw.ListRepo(m.ListRepoRequest())),
    ("list commits", lambda s: s.raw.ListCommit(m.ListCommitRequest(repo=repo("data")))),
    ("take everything as a file set", lambda s: s.raw.GetFileSet(m.GetFileSetRequest(commit=commit("master")))),
    ("squash a commit", lambda s: s.raw.SquashCommit(m.SquashCommitRequest(commit=commit("b^")))),
]


def test_what_a_call_touches_does_not_grow(homes: tuple[Filled, Filled]) -> None:
    """In one test, because each call finds what those before it left."""
    small, large = homes
    grown: dict[str, list[tuple[int, int]]] = {}
    for name, call in CALLS:
        costs = [home.cost(call) for home in (small, large)]
        if any(more > less + LEVELS for less, more in zip(*costs, strict=True)):
            grown[name] = costs
    assert grown == {}


def test_what_is_answered_from_the_catalog_reads_no_object(homes: tuple[Filled, Filled]) -> None:
    for home in homes:
        put_something = home.cost(lambda s: put(s, "/z"))
        assert put_something[1] > 0
        assert {name: home.cost(call) for name, call in FREE} == {name: (0, 0) for name, _ in FREE}


def test_going_back_and_forth_gives_the_same_root(homes: tuple[Filled, Filled]) -> None:
    serving = Serving(homes[0].home)
    put(serving, "/kept")  # whatever the tests before left
    with_it: list[bytes] = []
    for step in (lambda: None, lambda: put(serving, "/temporary"), lambda: gone(serving)):
        step()
        with_it.append(serving.raw.InspectFile(m.InspectFileRequest(file=file("/"))).hash)
    assert with_it[0] == with_it[2] != with_it[1]
    serving.stop()


def gone(serving: Serving) -> None:
    serving.raw.ModifyFile(iter([ON_MASTER, delete("/temporary")]))
