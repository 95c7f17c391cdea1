"""What must not grow with a repo: a commit of one file, a branch, a revert, the size of a directory, a small diff.

One repo for each size, 10^3 … 10^6 files of 100 bytes, a thousand to a folder; milliseconds of the server. Beside the
commits: git doing the same, up to a size that it can take.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks.pfs import harness
from benchmarks.pfs.git import Git
from benchmarks.pfs.harness import Pachd, median, streamed, unary
from benchmarks.pfs.report import Figure, at_most, beside

from trunkline.wire import pfs_pb2 as pfs

NAME = "curves"
SHORT = {"smallest": 1_000, "largest": 100_000, "git_up_to": 10_000}
FULL = {"smallest": 1_000, "largest": 1_000_000, "git_up_to": 100_000}

CHANGED = 10
_numbers = count()


class Measured(NamedTuple):
    """Server milliseconds at one size."""

    commit: float
    branch: float
    revert: float
    directory: float
    diff: float


GROWTH = {"commit": 1.5, "branch": 2, "revert": 2, "directory": 2}
"""What is to be flat. A diff reads a leaf or two for each file that differs, so it grows until these are all others."""

BARS = {"commit": 20, "branch": 10, "revert": 10, "directory": 10, "diff": 50}
WORDS = {
    "commit": "commit of one file",
    "branch": "create a branch",
    "revert": "revert (branch to the parent)",
    "directory": "size of a directory",
    "diff": f"diff of {CHANGED} files",
}


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """All curves on one server."""
    steps = [sizes["smallest"]]
    while steps[-1] < sizes["largest"]:
        steps.append(steps[-1] * 10)
    with harness.pachd(folder) as server:
        repos = {size: _filled(server, size) for size in steps}
        for size in steps:
            measure(server, repos[size], size)  # the first calls of a server are slower, whatever they ask for
        found = {size: measure(server, repos[size], size) for size in steps}
    peer = [figure for size in steps if size <= sizes["git_up_to"] for figure in _git(folder, size)]
    return [*peer, *(figure for what in Measured._fields for figure in _curve(what, found))]


def _git(folder: Path, size: int) -> list[Figure]:
    """The peer's commit of one file."""
    with harness.scratch(folder) as place:
        git = Git(place)
        git.put((harness.path_of(number), b"x" * 100) for number in range(size))
        return [beside(f"git commit of one file, {size:,} files", median(lambda: git.put([_one()])), " ms")]


def _one() -> tuple[str, bytes]:
    return f"/extra/{next(_numbers)}", b"y"


def _filled(server: Pachd, size: int) -> pfs.Repo:
    """A repo whose directory /data is nearly all, but not the whole of it."""
    repo = server.repo(f"of{size}")
    server.put(repo, (("/data" + harness.path_of(number), b"x" * 100) for number in range(size)))
    server.put(repo, [("/aaa/first", b"1"), ("/zzz/last", b"2")])
    return repo


def measure(server: Pachd, repo: pfs.Repo, size: int) -> Measured:
    """The five at one size."""
    return Measured(
        commit=median(lambda: server.put(repo, [_one()])),
        branch=median(_branching(server, repo)),
        revert=median(_reverting(server, repo)),
        directory=median(_sizing(server, repo, size)),
        diff=_diffing(server, repo, size),
    )


def _branching(server: Pachd, repo: pfs.Repo) -> Callable[[], float]:
    def step() -> float:
        branch = pfs.Branch(repo=repo, name=f"b{next(_numbers)}")
        return unary(server.stub.CreateBranch, pfs.CreateBranchRequest(branch=branch, head=harness.head(repo)))

    return step


def _reverting(server: Pachd, repo: pfs.Repo) -> Callable[[], float]:
    def step() -> float:
        server.put(repo, [_one()])
        parent = pfs.Commit(repo=repo, id="master^")
        master = pfs.Branch(repo=repo, name="master")
        return unary(server.stub.CreateBranch, pfs.CreateBranchRequest(branch=master, head=parent))

    return step


def _sizing(server: Pachd, repo: pfs.Repo, size: int) -> Callable[[], float]:
    """The directory of all, and one of a thousand, in turn; the slower one counts."""

    def look(path: str) -> float:
        request = pfs.InspectFileRequest(file=pfs.File(commit=harness.head(repo), path=path))
        return unary(server.stub.InspectFile, request)

    return lambda: max(look("/data/"), look(f"/data/d{random.randrange(max(1, size // 1000)):04d}/"))


def _diffing(server: Pachd, repo: pfs.Repo, size: int) -> float:
    """Ten files anywhere, appended to in one commit, beside its parent."""
    places = sorted(random.sample(range(size), CHANGED))
    server.put(repo, (("/data" + harness.path_of(number), b"+") for number in places))
    request = pfs.DiffFileRequest(new_file=pfs.File(commit=harness.head(repo), path="/"))

    def step() -> float:
        spent, messages = streamed(server.stub.DiffFile, request)
        assert messages >= CHANGED
        return spent

    return median(step)


def _curve(what: str, found: dict[int, Measured]) -> list[Figure]:
    values = {size: getattr(measured, what) for size, measured in found.items()}
    *smaller, largest = values
    figures = [beside(f"{WORDS[what]}, {size:,} files", values[size], " ms") for size in smaller]
    figures.append(at_most(f"{WORDS[what]}, {largest:,} files", values[largest], BARS[what], " ms"))
    # Below a millisecond the curve is that of the noise.
    growth = max(values[largest], 1.0) / max(values[next(iter(values))], 1.0)
    words = f"{WORDS[what]}, largest by smallest"
    return [*figures, at_most(words, growth, GROWTH[what]) if what in GROWTH else beside(words, growth)]
