"""Graphs of pipelines: five in a chain, a hundred in one graph, forty one after the other, two hundred that rest."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.harness import Pachd
from benchmarks.pfs.report import Figure, at_most, beside
from benchmarks.pps.jobs import COPY, Pipelines, files, reads, since

NAME = "graphs"
SHORT = {"chain": 5, "datums": 200, "many": 20, "sequence": 10, "idle": 20, "seconds": 5}
FULL = {"chain": 5, "datums": 10_000, "many": 100, "sequence": 40, "idle": 200, "seconds": 30}
TRUE = ("true",)


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Each with a server of its own."""
    return [
        *_chain(folder, sizes["chain"], sizes["datums"]),
        *_many(folder, sizes["many"]),
        *_sequence(folder, sizes["sequence"]),
        *_idle(folder, sizes["idle"], sizes["seconds"]),
    ]


def _line(pipelines: Pipelines, count: int, command: tuple[str, ...]) -> list[str]:
    """Pipelines that follow each other, the first one the repo `in`."""
    names = [f"p{number:03d}" for number in range(count)]
    for before, name in zip(["in", *names], names, strict=False):
        pipelines.create(name, reads(before), command)
    return names


def _chain(folder: Path, count: int, datums: int) -> list[Figure]:
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        source = server.repo("in")
        server.put(source, files(0, datums))
        names = _line(pipelines, count, COPY)
        begin = time.perf_counter()
        pipelines.wait(names[-1])
        first = since(begin)
        begin = time.perf_counter()
        server.put(source, files(datums, datums + 1))
        job = pipelines.wait(names[-1])
        took = since(begin)
        if job.data_processed != 1:
            raise SystemExit(f"{job.data_processed} datums ran, not one")
    return [
        beside(f"{count} chained pipelines of {datums:,} datums, the first time", first, " s"),
        at_most("the same after one file was added", took, 1.5, " s"),
    ]


def _many(folder: Path, count: int) -> list[Figure]:
    """A tree: each pipeline follows the one with half of its number."""
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        source = server.repo("in")
        names = [f"p{number:03d}" for number in range(count)]
        for number, name in enumerate(names):
            pipelines.create(name, reads("in" if number == 0 else names[(number - 1) // 2]), TRUE)
        begin = time.perf_counter()
        server.put(source, files(0, 1))
        for name in names:
            pipelines.wait(name)
        took = since(begin)
    return [at_most(f"one commit into {count} pipelines, to the last success", took, 10, " s")]


def _sequence(folder: Path, count: int) -> list[Figure]:
    """Each pipeline's datum sleeps for 10 ms and writes a file."""
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        source = server.repo("in")
        names = _line(pipelines, count, ("sh", "-c", "sleep 0.01; cp /pfs/in/* /pfs/out/"))
        begin = time.perf_counter()
        server.put(source, files(0, 1))
        pipelines.wait(names[-1])
        first = since(begin)
        begin = time.perf_counter()
        server.put(source, files(1, 2))
        pipelines.wait(names[-1])
        second = since(begin)
    bare = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "sleep 0.01"], os.environ), 0)
    return [
        at_most(f"{count} pipelines in a row of a 10 ms task, the first time", first, 3, " s"),
        beside("the same for a second file", second, " s"),
        beside("a bare loop of those processes", since(bare), " s"),
    ]


def _idle(folder: Path, count: int, length: int) -> list[Figure]:
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        source = server.repo("in")
        for number in range(count):
            pipelines.create(f"p{number:03d}", reads("in"), TRUE)
        server.put(source, files(0, 1))
        for number in range(count):
            pipelines.wait(f"p{number:03d}")
        time.sleep(2)
        begin = _processor(server)
        time.sleep(length)
        used = _processor(server) - begin
        children = _children(server)
    return [
        at_most(f"pachd at rest with {count} pipelines, of a core", 100 * used / length, 1, " %"),
        beside("worker processes left", children),
    ]


def _processor(server: Pachd) -> float:
    """Seconds of a processor of the server and its children that live."""
    total = 0
    for pid in (server.process.pid, *_pids(server)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _children(server: Pachd) -> int:
    return len(_pids(server))


def _pids(server: Pachd) -> list[int]:
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
