"""How long the operations of the sorted Merkle map take over 10^3 … 10^6 entries, beside two peers in the same run.

The peers are SQLite (one table, the key its primary key) and a plain dict with a sorted list of keys, which is the
limit of what Python can do when nothing is hashed, stored or versioned. `benchmarks/README.md` says what makes the
numbers unfair. Run: `python benchmarks/maps.py [--sizes 1000 10000 …] [--disk FOLDER]`.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trunkline.maps import Entry, Maps
from trunkline.maps.keys import prefix_end
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.testing.maps import sample_entries, sample_entry

OPERATIONS = ("build", "scan", "get", "edit", "diff", "slice", "digest", "totals")
BULK = ("build", "scan")
FOLDER = 1000  # entries to a folder of the sample


class Subject(ABC):
    """Something that is measured. `edit` makes one entry new, `diff` finds that one change."""

    name: str

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.version = 0

    def change(self, number: int) -> Entry:
        self.version += 1
        return sample_entry(number, self.version)

    def folder(self, number: int) -> tuple[bytes, bytes]:
        prefix = self.entries[number][0].rpartition(b"/")[0] + b"/"
        return prefix, prefix_end(prefix) or b""

    @abstractmethod
    def build(self, number: int) -> None: ...
    @abstractmethod
    def scan(self, number: int) -> None: ...
    @abstractmethod
    def get(self, number: int) -> None: ...
    @abstractmethod
    def edit(self, number: int) -> None: ...
    @abstractmethod
    def diff(self, number: int) -> None: ...
    @abstractmethod
    def slice(self, number: int) -> None: ...
    @abstractmethod
    def totals(self, number: int) -> None: ...


class Merkle(Subject):
    """Every edit is a new version beside the old one; slice and digest name the folder's content."""

    name = "maps"

    def __init__(self, entries: list[Entry], folder: Path | None) -> None:
        super().__init__(entries)
        self.disk = folder
        self.builds = 0

    def build(self, number: int) -> None:
        # An empty store each time: what a store has already is not written again.
        self.builds += 1
        disk = self.disk
        self.maps = Maps(LocalStore(disk / f"store-{self.builds}") if disk else MemoryStore())
        self.root = self.new = self.maps.build(self.entries)

    def scan(self, number: int) -> None:
        deque(self.maps.range(self.root), maxlen=0)

    def get(self, number: int) -> None:
        assert self.maps.get(self.root, self.entries[number][0])

    def edit(self, number: int) -> None:
        entry = self.change(number)
        self.new = self.maps.edit(self.root, [(entry[0], entry)])

    def diff(self, number: int) -> None:
        assert len(list(self.maps.diff(self.root, self.new))) == 1

    def slice(self, number: int) -> None:
        assert self.maps.slice(self.root, *self.folder(number)).count

    def digest(self, number: int) -> None:
        assert self.maps.digest(self.root, *self.folder(number))

    def totals(self, number: int) -> None:
        assert self.maps.totals(self.root, self.entries[len(self.entries) // 9][0]).count


class Sqlite(Subject):
    """One table, updated in place (no version is kept); diff compares it with a copy, slice makes a table."""

    name = "sqlite"

    def __init__(self, entries: list[Entry], folder: Path | None) -> None:
        super().__init__(entries)
        self.db = sqlite3.connect(folder / "peer.sqlite" if folder else ":memory:", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")

    def run(self, statement: str, *values: Any) -> list[Any]:
        return self.db.execute(statement, values).fetchall()

    def fill(self, table: str) -> None:
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run("BEGIN")
        self.run(f"CREATE TABLE {table} (key BLOB PRIMARY KEY, value BLOB, weight INT, aux BLOB) WITHOUT ROWID")
        self.db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", self.entries)
        self.run("COMMIT")

    def build(self, number: int) -> None:
        self.fill("now")

    def scan(self, number: int) -> None:
        deque(self.db.execute("SELECT * FROM now ORDER BY key"), maxlen=0)

    def get(self, number: int) -> None:
        assert self.run("SELECT * FROM now WHERE key = ?", self.entries[number][0])

    def edit(self, number: int) -> None:
        key, *rest = self.change(number)
        self.run("UPDATE now SET value = ?, weight = ?, aux = ? WHERE key = ?", *rest, key)

    def diff(self, number: int) -> None:
        if not self.run("SELECT 1 FROM sqlite_master WHERE name = 'old'"):
            self.fill("old")
        differing = "SELECT key FROM now JOIN old USING (key) WHERE now.value != old.value"
        missing = "SELECT key FROM now WHERE key NOT IN (SELECT key FROM old)"
        assert self.run(f"{differing} UNION ALL {missing}")

    def slice(self, number: int) -> None:
        self.run("DROP TABLE IF EXISTS part")
        self.run("CREATE TABLE part AS SELECT * FROM now WHERE key >= ? AND key < ?", *self.folder(number))

    def totals(self, number: int) -> None:
        lo = self.entries[len(self.entries) // 9][0]
        assert self.run("SELECT count(*), sum(weight) FROM now WHERE key >= ?", lo)


class Plain(Subject):
    """A dict and a sorted list of its keys; no version is kept."""

    name = "dict"

    def build(self, number: int) -> None:
        self.data = {entry[0]: entry for entry in self.entries}
        self.keys = sorted(self.data)
        self.old = dict(self.data)

    def scan(self, number: int) -> None:
        deque(map(self.data.__getitem__, self.keys), maxlen=0)

    def get(self, number: int) -> None:
        assert self.data.get(self.entries[number][0])

    def edit(self, number: int) -> None:
        entry = self.change(number)
        if entry[0] not in self.data:
            self.keys.insert(bisect_left(self.keys, entry[0]), entry[0])
        self.data[entry[0]] = entry

    def diff(self, number: int) -> None:
        old = self.old
        assert [key for key, entry in self.data.items() if old.get(key) != entry]

    def part(self, lo: bytes, hi: bytes | None) -> Iterator[Entry]:
        end = bisect_left(self.keys, hi) if hi else len(self.keys)
        return map(self.data.__getitem__, self.keys[bisect_left(self.keys, lo) : end])

    def slice(self, number: int) -> None:
        assert list(self.part(*self.folder(number)))

    def totals(self, number: int) -> None:
        assert sum(entry[2] for entry in self.part(self.entries[len(self.entries) // 9][0], None))


def measured(operation: Callable[[int], None], numbers: list[int]) -> float:
    """Seconds: the median over the numbers."""
    times = []
    for number in numbers:
        start = time.perf_counter()
        operation(number)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def rounds(operation: str, subject: Subject) -> int:
    """Enough for a steady median, but no more than a second or so."""
    if operation in BULK:
        return 3
    whole = operation == "diff" or (operation == "totals" and subject.name != "maps")
    return 3 if whole and subject.name != "maps" else 31


def text(seconds: float) -> str:
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1e3:.3g} ms"
        if seconds >= 1e-3
        else f"{seconds * 1e6:.3g} µs"
    )


def run(size: int, folder: Path | None) -> None:
    entries = sample_entries(size)
    subjects: list[Subject] = [Merkle(entries, folder), Sqlite(entries, folder), Plain(entries)]
    rng = random.Random(size)
    for operation in OPERATIONS:
        cells = []
        for subject in subjects:
            action = getattr(subject, operation, None)
            if action is None:
                cells.append("")
                continue
            seconds = measured(action, [rng.randrange(size) for _ in range(rounds(operation, subject))])
            if subject is subjects[0]:
                own = seconds
                cells.append(text(seconds))
            else:
                cells.append(f"{text(seconds)} (×{own / seconds:.2g})")
        print(f"{size:>9,}  {operation:<7}{cells[0]:>10}{cells[1]:>20}{cells[2]:>20}".rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--disk", type=Path, help="keep both stores in a new folder below this one (default: memory)")
    arguments = parser.parse_args()
    print(f"{'entries':>9}  {'what':<7}{'maps':>10}{'sqlite (maps is)':>20}{'dict (maps is)':>20}")
    for size in arguments.sizes:
        if arguments.disk:
            with tempfile.TemporaryDirectory(dir=arguments.disk) as folder:
                run(size, Path(folder))
        else:
            run(size, None)


if __name__ == "__main__":
    main()
