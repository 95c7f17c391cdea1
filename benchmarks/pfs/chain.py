"""Many commits in a row on one branch: the last must not be slower than the first."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.report import Figure, at_most, beside

NAME = "chain"
SHORT = {"commits": 1_000}
FULL = {"commits": 10_000}
HUNDRED = 100


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Commits of one file each; medians of the server's time over a hundred of them."""
    with harness.pachd(folder) as server:
        warm = server.repo("warm")
        for number in range(HUNDRED):
            server.put(warm, [(f"/{number}", b"w")])
        repo = server.repo("chain")
        spent = [server.put(repo, [(harness.path_of(number), b"c%d" % number)]) for number in range(sizes["commits"])]
        memory = server.memory()
    first, last = statistics.median(spent[:HUNDRED]), statistics.median(spent[-HUNDRED:])
    return [
        beside("a commit of the first hundred", first, " ms"),
        beside("a commit of the last hundred", last, " ms"),
        at_most("last hundred by first hundred", last / first, 1.2),
        beside("the slowest of all", max(spent), " ms"),
        beside("pachd's memory afterwards", memory, " MB"),
    ]
