"""How much memory pachd takes while much goes through it: bytes of one file, and files of one commit.

The bytes are random and come by plain `ModifyFile`, in messages of 4 MiB, so that pachd does all of the work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
from benchmarks.pfs import harness
from benchmarks.pfs.bare import bare
from benchmarks.pfs.harness import Pachd
from benchmarks.pfs.report import Figure, at_most, beside

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pfs_pb2_grpc

NAME = "memory"
SHORT = {"mib": 512, "files": 100_000}
FULL = {"mib": 10_240, "files": 1_000_000}
MESSAGE = 4 << 20
BAR = 400


def run(folder: Path, sizes: dict[str, int]) -> list[Figure]:
    """The peak of the resident memory in each part, on a server of its own."""
    with harness.pachd(folder) as server:
        idle = server.memory()
        server.forget_peak()
        spent = harness.seconds(lambda: _stream(server, sizes["mib"] << 20))
        streamed = server.memory("VmHWM")
        server.forget_peak()
        read = harness.seconds(lambda: _read(server))
        taken = server.memory("VmHWM")
    with harness.pachd(folder) as server:
        server.forget_peak()
        repo = server.repo("files")
        names = (harness.path_of(number) for number in range(sizes["files"]))
        writing = harness.seconds(lambda: server.put(repo, ((name, name.encode()) for name in names)))
        committed = server.memory("VmHWM")
    rate = sizes["mib"] * 1.048576
    return [
        beside("pachd at rest", idle, " MB"),
        at_most("while the bytes stream in", streamed, BAR, " MB"),
        beside("rate of that", rate / spent, " MB/s"),
        at_most("while they stream out again", taken, BAR, " MB"),
        beside("rate of that", rate / read, " MB/s"),
        at_most("while the files are committed", committed, BAR, " MB"),
        beside("rate of that", sizes["files"] / writing, " files/s"),
        beside("messages a second into a bare gRPC server", _into_nothing(sizes["files"] // 10), "/s"),
    ]


def _into_nothing(number: int) -> float:
    """The limit of a stream of messages, each with a small file."""
    with bare() as address:
        stub = pfs_pb2_grpc.APIStub(grpc.insecure_channel(address))
        add = (pfs.AddFile(path=harness.path_of(each), raw={"value": b"x" * 15}) for each in range(number))
        return number / harness.seconds(lambda: stub.ModifyFile(pfs.ModifyFileRequest(add_file=one) for one in add))


def _stream(server: Pachd, size: int) -> None:
    repo = server.repo("bytes")

    def requests() -> Iterator[pfs.ModifyFileRequest]:
        yield pfs.ModifyFileRequest(set_commit=harness.head(repo))
        for _ in range(size // MESSAGE):
            yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/big", raw={"value": os.urandom(MESSAGE)}))

    server.stub.ModifyFile(requests())


def _read(server: Pachd) -> None:
    repo = pfs.Repo(name="bytes", type="user", project=pfs.Project(name="default"))
    file = pfs.File(commit=harness.head(repo), path="/big")
    for _ in server.stub.GetFile(pfs.GetFileRequest(file=file)):
        pass
