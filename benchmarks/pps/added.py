"""One file is added to a repo with many datums: how long until the job is a success; and a revert of everything."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from benchmarks.pfs import harness
from benchmarks.pfs.report import Figure, at_most, beside
from benchmarks.pps.jobs import Pipelines, files, reads, repo, seconds, since

from trunkline.wire import pfs_pb2 as pfs

NAME = "added"
SHORT = {"least": 100, "most": 1_000}
FULL = {"least": 1_000, "most": 100_000}
ROUNDS = 7
REVERT_MOST = 10_000
"""Datums up to which a revert is measured."""


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """At each size a server of its own."""
    figures: list[Figure] = []
    medians: list[float] = []
    size = sizes["least"]
    while size <= sizes["most"]:
        median, process, revert = _at(folder, size)
        medians.append(median)
        figures.append(at_most(f"{size:,} datums: one file added, beyond the process", median, 150, " ms"))
        figures.append(beside(f"{size:,} datums: the process", process, " ms"))
        if revert is not None:
            figures.append(at_most(f"{size:,} datums: a revert", revert, 1_000, " ms"))
        size *= 10
    figures.append(at_most("last by first", medians[-1] / medians[0], 1.5))
    return figures


def _at(folder: Path, size: int) -> tuple[float, float, float | None]:
    """Milliseconds: an addition beyond the user's process, that process, and a revert of everything."""
    with harness.pachd(folder) as server:
        pipelines = Pipelines(server)
        source = server.repo("in")
        pipelines.create("copy", reads("in"), ("sh", "-c", "true"))
        server.put(source, files(0, size // 2))
        pipelines.wait("copy")
        before = server.stub.InspectCommit(pfs.InspectCommitRequest(commit=harness.head(source))).commit
        server.put(source, files(size // 2, size))
        pipelines.wait("copy")
        rows = []
        for number in range(size, size + ROUNDS):
            begin = time.perf_counter()
            server.put(source, files(number, number + 1))
            job = pipelines.wait("copy")
            took, process = since(begin), seconds(job.stats.process_time)
            if job.data_processed != 1:
                raise SystemExit(f"{job.data_processed} datums ran, not one")
            rows.append((1e3 * (took - process), 1e3 * process))
        median, process = (statistics.median(column) for column in zip(*rows, strict=True))
        return median, process, _reverted(pipelines, before) if size <= REVERT_MOST else None


def _reverted(pipelines: Pipelines, before: pfs.Commit) -> float:
    begin = time.perf_counter()
    branch = pfs.Branch(repo=repo("in"), name="master")
    pipelines.server.stub.CreateBranch(pfs.CreateBranchRequest(branch=branch, head=before))
    job = pipelines.wait("copy")
    if job.data_processed:
        raise SystemExit(f"{job.data_processed} datums ran after a revert")
    return 1e3 * since(begin)
