"""What a garbage collection costs: over the files of a repo, and over the number of commits that share most of them.

`python benchmarks/garbage.py [--sizes 1000 10000 100000 1000000] [--commits 100]`
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from trunkline.catalog import SqliteCatalog
from trunkline.content.entry import FileEntry, Slice, slices_of, to_entry
from trunkline.kernel.clock import SystemClock
from trunkline.maps import Entry, Maps, Root
from trunkline.objects.memory import MemoryStore
from trunkline.pfs import modify, repos
from trunkline.pfs.collect.collector import Collector
from trunkline.pfs.collect.report import Summary
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef, RepoRef

REPO = RepoRef("data")

PEER = 20
"""Of so many commits the peer walks through one, and the time is multiplied."""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--commits", type=int, default=100)
    given = parser.parse_args()
    columns = ("files", "one commit", f"{given.commits} commits", "each by itself", "freed objects/s")
    print(" ".join(f"{title:>16}" for title in columns))
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(_row(Path(folder), size, given.commits), flush=True)


def _row(folder: Path, size: int, commits: int) -> str:
    pfs = Pfs(SqliteCatalog(folder / "catalog.db"), MemoryStore(), SystemClock())
    with pfs.pins.session():
        pfs.change(lambda change: repos.create(change, REPO))
        _commit(pfs, pfs.maps.build(_entries(size)))
    one, _ = _collect(pfs)
    with pfs.pins.session():
        for number in range(commits):
            operation = modify.Append(f"/{number * 7 % size:09d}.new", "", b"%d" % number)
            modify.write(pfs, CommitRef(REPO, branch="master"), [operation])
    many, _ = _collect(pfs)
    chunks: set[bytes] = set()
    start = time.perf_counter()
    roots = _roots(pfs)
    for root in roots[::PEER]:
        for column in Maps(pfs.store).auxs(root, set()):
            chunks.update(part.chunk for aux in column for part in slices_of(aux))
    alone = (time.perf_counter() - start) * len(roots) / len(roots[::PEER])
    pfs.change(lambda change: repos.delete(change, REPO, force=True))
    swept, freed = _collect(pfs)
    times = " ".join(f"{seconds * 1e3:>13.1f} ms" for seconds in (one, many, alone))
    return f"{size:>16} {times} {freed / swept:>16.0f}"


def _entries(size: int) -> Iterator[Entry]:
    for number in range(size):
        chunk = (number // 1000).to_bytes(32, "big")
        digest = (number * 2654435761).to_bytes(32, "big")
        yield to_entry(b"/%09d" % number, FileEntry(1000, digest, (Slice(chunk, number % 1000 * 1000, 1000),)))


def _commit(pfs: Pfs, root: Root) -> None:
    made = modify.write(pfs, CommitRef(REPO, branch="master"), [])
    pfs.catalog.write(lambda tx: tx.run("UPDATE commits SET root = ? WHERE id = ?", (root.pack(), made.key)))


def _roots(pfs: Pfs) -> list[Root]:
    with pfs.catalog.read() as tx:
        return [Root.unpack(bytes(row["root"])) for row in tx.rows("SELECT root FROM commits WHERE root IS NOT NULL")]


def _collect(pfs: Pfs) -> tuple[float, int]:
    """Seconds, and objects freed."""
    start = time.perf_counter()
    *_, summary = Collector(pfs).run()
    assert isinstance(summary, Summary)
    return time.perf_counter() - start, sum(tally.garbage.objects for tally in summary.kinds.values())


if __name__ == "__main__":
    main()
