"""Many commits in a row on one branch: the last must not be slower than the first.

Machines get slower and faster while so many commits are made. So the last hundred are made in turn with the first
hundred of another server that is new; each pair meets the same machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.harness import Pachd
from benchmarks.pfs.report import Figure, at_most, beside

NAME = "chain"
SHORT = {"commits": 1_000}
FULL = {"commits": 10_000}
HUNDRED = 100


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Commits of one file each; medians of the server's time over a hundred of them."""
    with harness.pachd(folder) as server, harness.pachd(folder) as other:
        commit, fresh = _chain(server), _chain(other)
        begun = [commit() for _ in range(sizes["commits"] - HUNDRED)]
        pairs = [(commit(), fresh()) for _ in range(HUNDRED)]
        memory = server.memory()
    first, last = statistics.median(begun[:HUNDRED]), statistics.median(late for late, _ in pairs)
    early = statistics.median(early for _, early in pairs)
    return [
        beside("a commit of the last hundred", last, " ms"),
        beside("a commit of the first hundred, in turn with these", early, " ms"),
        at_most("last hundred by first hundred", last / early, 1.2),
        beside("a commit of the first hundred, when all began", first, " ms"),
        beside("pachd's memory afterwards", memory, " MB"),
    ]


def _chain(server: Pachd) -> Callable[[], float]:
    """Makes one commit more each time; the first ones of the server, which are slower, went into another repo."""
    warm = server.repo("warm")
    for number in range(HUNDRED):
        server.put(warm, [(f"/{number}", b"w")])
    repo = server.repo("chain")
    paths = iter(map(harness.path_of, range(10**9)))
    return lambda: server.put(repo, [(path := next(paths), path.encode())])
