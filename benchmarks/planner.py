"""How long planning a job takes when one file was added or changed, over 10^3 … 10^6 datums, beside a re-scan.

The peer looks at every file of the new commit, works out id and hash of every datum, and compares them with those of
the last job in a dict: what a planner must at least do that does not follow the change. `full` is our own plan from
nothing, which a new pipeline needs once. `benchmarks/README.md` says what makes the numbers unfair.
Run: `python benchmarks/planner.py [--sizes 1000 10000 …]`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from trunkline.content.entry import FileEntry, to_entry
from trunkline.maps import EMPTY, Maps, Root
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pps import inputs
from trunkline.pps.plan import plan, tree
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.plan.plan import View
from trunkline.pps.plan.records import Encoder
from trunkline.pps.spec import Input, PfsInput, PipelineName

REPEATS = 15
FILES, MODEL = Input(pfs=PfsInput(repo="files", glob="/*")), Input(pfs=PfsInput(repo="model", glob="/"))
KEYED = [
    Input(pfs=PfsInput(repo="files", name=name, glob="/(*)", join_on="$1", group_by="$1")) for name in ("one", "two")
]
PAIRS = Input(pfs=PfsInput(repo="files", glob="/(*)?", group_by="$1"))
EXPRESSIONS = {
    "pfs /*": FILES,
    "pfs /* × /": Input(cross=(FILES, MODEL)),
    "join": Input(join=tuple(KEYED)),
    "group": Input(group=tuple(KEYED)),
    "group by 10": Input(group=(PAIRS,)),
}
"""The last one has a datum for each ten files."""


class Result(NamedTuple):
    """Of one expression and size: datums, milliseconds, and nodes read or written."""

    datums: int
    full: float
    rescan: float
    added: float
    changed: float
    nodes: int


class Case:
    """A commit of `size` files, planned; `warm` maps share a cache, as in a pachd that planned the job before."""

    def __init__(self, expression: Input, size: int) -> None:
        self.expression = inputs.complete(expression, PipelineName(name="p"))
        self.leaves = list(inputs.leaves(self.expression))
        self.size = size
        self.store = MemoryStore()
        self.maps = Maps(self.store)
        self.model = self.maps.build([file(0)])
        self.files = self.maps.build(file(number) for number in range(size))
        self.old = self.roots(self.files)

    def roots(self, files: Root) -> list[Root]:
        return [files if leaf.repo == "files" else self.model for leaf in self.leaves]

    def full(self, new: Sequence[Root]) -> View:
        return plan.update(self.maps, plan.NOTHING, self.expression, "salt", None, new)

    def step(self, maps: Maps, before: View, new: Sequence[Root]) -> View:
        return plan.update(maps, before, self.expression, "salt", self.old, new)

    def rescan(self, known: dict[bytes, bytes], new: Sequence[Root]) -> int:
        """Datums whose hash is not that of the last job."""
        operator = tree.build(self.maps, self.expression, [EMPTY] * len(new), new).operator
        encoder = Encoder(self.leaves, "salt")
        found = 0
        for elements in operator.all(Side.NEW):
            key = encoder.id(elements)
            found += known.get(key) != encoder.entry(key, elements)[1]
        return found

    def edited(self, number: int, version: int) -> list[Root]:
        changed = file(number, version)
        return self.roots(self.maps.edit(self.files, [(changed[0], changed)]))


def file(number: int, version: int = 0) -> tuple[bytes, bytes, int, bytes]:
    digest = (number << 32 | version).to_bytes(32, "big")
    return to_entry(b"/%012d" % number, FileEntry(0, digest))


def clocked(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def measure(expression: Input, size: int) -> Result:
    case = Case(expression, size)
    start = time.perf_counter()
    before = case.full(case.old)
    full = (time.perf_counter() - start) * 1000
    times: dict[str, list[float]] = {"added": [], "changed": []}
    for turn in range(REPEATS):
        place = turn * 7919 % size
        for kind, number in (("changed", place), ("added", size + turn)):
            new = case.edited(number, version=turn + 1)
            times[kind].append(clocked(lambda new=new: case.step(case.maps, before, new)))
    metered = MeteredStore(case.store)
    new = case.edited(size // 2, version=99)
    after = case.step(Maps(metered), before, new)
    assert sum(1 for _ in case.maps.diff(before.datums, after.datums)) == 1
    counts = metered.counts()
    nodes = sum(counts[name].objects for name in ("get", "put", "put_many"))
    known = {key: value for key, value, _, _ in case.maps.range(before.datums)}
    found: list[int] = []
    rescan = clocked(lambda: found.append(case.rescan(known, new)))
    assert found == [1]
    added, changed = (statistics.median(times[kind]) for kind in ("added", "changed"))
    return Result(before.datums.count, full, rescan, added, changed, nodes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    sizes = parser.parse_args().sizes
    print(f"{'input':12} {'datums':>10} {'full':>10} {'re-scan':>10} {'added':>9} {'changed':>9} {'nodes':>6} {'×':>8}")
    for name, expression in EXPRESSIONS.items():
        for size in sizes:
            result = measure(expression, size)
            ratio = result.rescan / result.changed
            print(
                f"{name:12} {result.datums:10,} {result.full:8.1f}ms {result.rescan:8.1f}ms {result.added:7.2f}ms "
                f"{result.changed:7.2f}ms {result.nodes:6} {ratio:8.0f}"
            )


if __name__ == "__main__":
    main()
