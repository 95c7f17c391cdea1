"""One directory of a million files: the first row, all rows by pachctl, the rate through the SDK, pachd's memory.

The limit of the rate is a bare gRPC server in Python that streams such messages to the same client.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
from benchmarks.pfs import harness
from benchmarks.pfs.bare import bare
from benchmarks.pfs.harness import Pachd
from benchmarks.pfs.report import Figure, at_least, at_most, beside
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs as sdk

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pfs_pb2_grpc

NAME = "listing"
SHORT = {"files": 100_000, "by_grpcio": 20_000, "by_sdk": 5_000}
FULL = {"files": 1_000_000, "by_grpcio": 20_000, "by_sdk": 5_000}
ROUNDS = 11


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """All of it on one server."""
    files, by_grpcio, by_sdk = sizes["files"], sizes["by_grpcio"], sizes["by_sdk"]
    with harness.pachd(folder) as server, bare() as limit:
        repo = server.repo("flat")
        server.put(repo, ((harness.flat_path_of(number), b"x" * 100) for number in range(files)))
        file = pfs.File(commit=harness.head(repo), path="/flat/")
        first = harness.median(lambda: _first(server, file), ROUNDS)
        before = server.memory()
        server.forget_peak()
        whole, row = _by_pachctl(server, files)
        stub, other = server.stub, pfs_pb2_grpc.APIStub(grpc.insecure_channel(limit))
        assert sum(1 for _ in stub.ListFile(pfs.ListFileRequest(file=file))) == files
        grown = server.memory("VmHWM") - before
        rates = [(_rate(stub, file, by_grpcio), _rate(other, pfs.File(), by_grpcio)) for _ in range(ROUNDS)]
        pairs = [(_sdk(server.address, by_sdk), _sdk(limit, by_sdk)) for _ in range(ROUNDS)]
    raw = statistics.median(ours / theirs for ours, theirs in rates)
    sdk = statistics.median(ours / theirs for ours, theirs in pairs)
    return [
        at_most("first row", first * 1000, 150, " ms"),
        beside("first row of pachctl list-file, its start included", row * 1000, " ms"),
        at_most("all rows by pachctl list-file", whole, 15.0 * files / 1_000_000, " s"),
        beside("rows a second by pachctl", files / whole),
        at_least("through the SDK, by the bare stream through the SDK", sdk, 0.7),
        beside("rows a second through the SDK", statistics.median(ours for ours, _ in pairs)),
        beside("bare messages a second through the SDK", statistics.median(theirs for _, theirs in pairs)),
        beside("by grpcio alone, by the bare stream by grpcio alone", raw),
        beside("rows a second by grpcio alone", statistics.median(ours for ours, _ in rates)),
        at_most("pachd grows by", grown, 100, " MB"),
    ]


def _first(server: Pachd, file: pfs.File) -> float:
    call: Any = None

    def step() -> None:
        nonlocal call
        call = server.stub.ListFile(pfs.ListFileRequest(file=file))
        next(call)

    spent = harness.seconds(step)
    call.cancel()
    return spent


def _by_pachctl(server: Pachd, files: int) -> tuple[float, float]:
    """Seconds to the end and to the first line; the lines are counted by the reader of a pipe."""
    words = (*harness.PACHCTL, "list-file", "flat", "master", "/flat/")
    begin = time.perf_counter()
    with subprocess.Popen(words, env=server.environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = time.perf_counter() - begin
        lines = 1 + sum(block.count(b"\n") for block in iter(lambda: process.stdout.read(1 << 20), b""))
    assert lines >= files
    return time.perf_counter() - begin, first


def _rate(stub: Any, file: pfs.File, number: int) -> float:
    """Rows a second of the first ones."""
    begin = time.perf_counter()
    count = sum(1 for _ in stub.ListFile(pfs.ListFileRequest(file=file, number=number)))
    assert count == number
    return count / (time.perf_counter() - begin)


def _sdk(address: str, number: int) -> float:
    host, _, port = address.rpartition(":")
    client = Client(host=host, port=int(port))
    file = sdk.File.from_uri("flat@master:/flat/")
    begin = time.perf_counter()
    count = sum(1 for _ in client.pfs.list_file(file=file, number=number))
    assert count == number
    return count / (time.perf_counter() - begin)
