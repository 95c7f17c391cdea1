"""Sixty-four clients at once on small calls: how long one waits, and how much longer the unlucky one in a hundred.

The clients are threads of a few processes, a connection for each, each calling again as soon as it has its answer. The
limit beside it: the same clients and the same number of calls on a gRPC server with nothing behind it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from benchmarks.pfs import harness
from benchmarks.pfs.bare import bare
from benchmarks.pfs.report import Figure, at_most, beside

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pfs_pb2_grpc

NAME = "clients"
SHORT = {"clients": 64, "seconds": 5}
FULL = {"clients": 64, "seconds": 30}
PROCESSES = 4
FILES = 10_000
WARM_SECONDS = 2
ONE_WRITE_IN = 50


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """Reads alone, reads with some commits between them, and the bare server."""
    with harness.pachd(folder) as server:
        repo = server.repo("data")
        server.put(repo, ((harness.path_of(number), b"x" * 100) for number in range(FILES)))
        reads = _crowd(server.address, "reads", sizes)
        mixed = _crowd(server.address, "mixed", sizes)
    with bare() as address:
        limit = _crowd(address, "bare", sizes)
    return [
        *_figures("reads", reads, 10),
        *_figures(f"reads, one call in {ONE_WRITE_IN} a commit", mixed, 10),
        *_figures("bare gRPC server", limit, None),
    ]


def _figures(what: str, found: dict[str, Any], bar: float | None) -> list[Figure]:
    times = sorted(found["times"])
    middle, late = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    rate = len(times) / found["seconds"]
    ratio = f"{what}: p99 by p50"
    return [
        beside(f"{what}: calls a second", rate),
        beside(f"{what}: p50", middle, " ms"),
        beside(f"{what}: p99", late, " ms"),
        beside(ratio, late / middle) if bar is None else at_most(ratio, late / middle, bar),
        *([] if bar is None else [at_most(f"{what}: errors", found["errors"], 0)]),
    ]


def _crowd(address: str, kind: str, sizes: dict[str, int]) -> dict[str, Any]:
    """All processes at once; their answers together."""
    each = max(1, sizes["clients"] // PROCESSES)
    command = [sys.executable, "-m", "benchmarks.pfs.clients", address, kind, str(each), str(sizes["seconds"])]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    found = [json.loads(process.communicate()[0]) for process in running]
    return {
        "times": [spent for one in found for spent in one["times"]],
        "errors": sum(one["errors"] for one in found),
        "seconds": sizes["seconds"],
    }


class _Client:
    """One thread with a connection of its own."""

    def __init__(self, address: str, kind: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._stub = pfs_pb2_grpc.APIStub(grpc.insecure_channel(address, options))
        self._repo = pfs.Repo(name="data", type="user", project=pfs.Project(name="default"))
        self._own = pfs.Repo(name=f"own{random.getrandbits(60):x}", type="user", project=self._repo.project)
        self._steps: list[Callable[[], Any]] = [self._inspect_repo]
        if kind != "bare":
            self._steps += [self._inspect_branch, self._inspect_commit, self._inspect_file, self._list]
        if kind == "mixed":
            self._stub.CreateRepo(pfs.CreateRepoRequest(repo=self._own))
            self._steps = self._steps * (ONE_WRITE_IN // len(self._steps)) + [self._commit]

    def call(self, seconds: float, times: list[float] | None, errors: list[str]) -> None:
        """Calls until the time is over."""
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            try:
                random.choice(self._steps)()
            except grpc.RpcError as error:
                errors.append(str(error))
            if times is not None:
                times.append(time.perf_counter() - begin)

    def _inspect_repo(self) -> None:
        self._stub.InspectRepo(pfs.InspectRepoRequest(repo=self._repo))

    def _inspect_branch(self) -> None:
        branch = pfs.Branch(repo=self._repo, name="master")
        self._stub.InspectBranch(pfs.InspectBranchRequest(branch=branch))

    def _inspect_commit(self) -> None:
        self._stub.InspectCommit(pfs.InspectCommitRequest(commit=harness.head(self._repo)))

    def _inspect_file(self) -> None:
        path = harness.path_of(random.randrange(FILES))
        self._stub.InspectFile(pfs.InspectFileRequest(file=pfs.File(commit=harness.head(self._repo), path=path)))

    def _list(self) -> None:
        file = pfs.File(commit=harness.head(self._repo), path="/")
        list(self._stub.ListFile(pfs.ListFileRequest(file=file)))

    def _commit(self) -> None:
        add = pfs.AddFile(path=f"/{random.getrandbits(60):x}", raw={"value": b"x"})
        first = pfs.ModifyFileRequest(set_commit=harness.head(self._own))
        self._stub.ModifyFile(iter([first, pfs.ModifyFileRequest(add_file=add)]))


def crowd(address: str, kind: str, clients: int, seconds: float) -> None:
    """The clients of one process; prints what they saw."""
    times: list[float] = []
    errors: list[str] = []

    def client() -> None:
        one = _Client(address, kind)
        one.call(WARM_SECONDS, None, errors)
        one.call(seconds, times, errors)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors[:3]:
        print(error, file=sys.stderr)
    print(json.dumps({"times": times, "errors": len(errors)}))


if __name__ == "__main__":
    crowd(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
