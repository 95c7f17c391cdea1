"""What must not grow with a repo: a commit of one file, a branch, a revert, the size of a directory, a small diff.

One repo for each size, 10^3 … 10^6 files of 100 bytes, a thousand to a folder; milliseconds of the server. Beside the
commits: git doing the same, up to a size that it can take.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from itertools import count
from pathlib import Path

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


GROWTH = {"commit": 1.5, "branch": 2, "revert": 2, "directory": 2}
"""What is to be flat. A diff reads a leaf or two for each file that differs, so it grows until these are all others."""

ROUNDS = 11
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
        every = {size: _steps(server, _filled(server, size), size) for size in steps}
        found: dict[tuple[str, int], list[float]] = {}
        # All sizes in turn, so that each round of them meets the same machine. The first calls of a server are slower.
        for number in range(-2, ROUNDS):
            for size, work in every.items():
                for what, step in work.items():
                    spent = step()
                    if number >= 0:
                        found.setdefault((what, size), []).append(spent)
    medians = {key: statistics.median(values) for key, values in found.items()}
    peer = [figure for size in steps if size <= sizes["git_up_to"] for figure in _git(folder, size)]
    return [
        *peer,
        *(figure for what in WORDS for figure in _curve(what, {size: medians[what, size] for size in steps})),
    ]


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


def _steps(server: Pachd, repo: pfs.Repo, size: int) -> dict[str, Callable[[], float]]:
    """What is measured at one size; each step answers milliseconds of the server."""
    return {
        "commit": lambda: server.put(repo, [_one()]),
        "branch": _branching(server, repo),
        "revert": _reverting(server, repo),
        "directory": _sizing(server, repo, size),
        "diff": _diffing(server, repo, size),
    }


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


def _diffing(server: Pachd, repo: pfs.Repo, size: int) -> Callable[[], float]:
    """Ten files anywhere, appended to in one commit, beside its parent."""
    places = sorted(random.sample(range(size), CHANGED))
    server.put(repo, (("/data" + harness.path_of(number), b"+") for number in places))
    info = server.stub.InspectCommit(pfs.InspectCommitRequest(commit=harness.head(repo)))
    request = pfs.DiffFileRequest(new_file=pfs.File(commit=info.commit, path="/"))

    def step() -> float:
        spent, messages = streamed(server.stub.DiffFile, request)
        assert messages >= CHANGED
        return spent

    return step


def _curve(what: str, values: dict[int, float]) -> list[Figure]:
    *smaller, largest = values
    figures = [beside(f"{WORDS[what]}, {size:,} files", values[size], " ms") for size in smaller]
    figures.append(at_most(f"{WORDS[what]}, {largest:,} files", values[largest], BARS[what], " ms"))
    # Below a millisecond the curve is that of the noise.
    growth = max(values[largest], 1.0) / max(values[next(iter(values))], 1.0)
    words = f"{WORDS[what]}, largest by smallest"
    return [*figures, at_most(words, growth, GROWTH[what]) if what in GROWTH else beside(words, growth)]
