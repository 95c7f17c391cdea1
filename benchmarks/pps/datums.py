"""Many datums that copy a file each, by one worker and by two, beside a bare loop that spawns the same processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.report import Figure, at_least, at_most, beside
from benchmarks.pps.jobs import COPY, Pipelines, files, reads, since

NAME = "datums"
SHORT = {"datums": 500}
FULL = {"datums": 10_000}


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Each time on a pipeline of its own, over the same repo."""
    count = sizes["datums"]
    bare = _bare(folder, count)
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        server.put(server.repo("in"), files(0, count))
        idle = server.processor()
        one = _timed(pipelines, "one", 1)
        processor = server.processor() - idle
        two = _timed(pipelines, "two", 2)
    return [
        beside("bare loop, a process", 1e3 * bare / count, " ms"),
        beside("one worker, a datum", 1e3 * one / count, " ms"),
        at_most("one worker by the bare loop", one / bare, 1.6),
        beside("two workers, a datum", 1e3 * two / count, " ms"),
        at_least("two workers are faster, times", one / two, 1.5),
        beside("pachd's processor time for one worker, a datum", 1e3 * processor / count, " ms"),
    ]


def _timed(pipelines: Pipelines, name: str, workers: int) -> float:
    """Seconds from the pipeline's creation to the end of its job."""
    begin = time.perf_counter()
    pipelines.create(name, reads("in"), COPY, workers)
    pipelines.wait(name)
    return since(begin)


def _bare(folder: Path, count: int) -> float:
    """Seconds of a loop that spawns `sh -c 'cp in/* out/'` so many times, one after the other, on files in place."""
    with harness.scratch(folder) as place:
        for path, content in files(0, count):
            here = place / path[1:]
            (here / "in").mkdir(parents=True)
            (here / "out").mkdir()
            (here / "in" / path[1:]).write_bytes(content)
        begin = time.perf_counter()
        for path, _ in files(0, count):
            os.chdir(place / path[1:])
            child = os.posix_spawn("/bin/sh", ["sh", "-c", "cp in/* out/"], os.environ)
            if os.waitpid(child, 0)[1]:
                sys.exit("cp failed")
        os.chdir(folder)
        return since(begin)
