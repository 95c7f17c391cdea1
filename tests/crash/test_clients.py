"""Clients that are killed in the middle of a put leave nothing that anybody can see, and hold nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.daemon import wait_until
from tests.fuzz.target import Target

from trunkline.pfs import fsck
from trunkline.wire import pfs_pb2, pfs_pb2_grpc

STREAM = """
import sys, time, grpc
from trunkline.wire import pfs_pb2, pfs_pb2_grpc
repo = pfs_pb2.Repo(name="data")
branch = pfs_pb2.Branch(repo=repo, name="master")
def requests():
    yield pfs_pb2.ModifyFileRequest(set_commit=pfs_pb2.Commit(repo=repo, branch=branch))
    for number in range(int(sys.argv[2])):
        piece = pfs_pb2.AddFile(path=f"/half{number % 3}", raw={"value": bytes([number % 256]) * 500_000})
        yield pfs_pb2.ModifyFileRequest(add_file=piece)
        print(number, flush=True)
    time.sleep(60)
call = getattr(pfs_pb2_grpc.APIStub(grpc.insecure_channel(sys.argv[1])), sys.argv[3])
requests = requests() if sys.argv[3] == "ModifyFile" else (one for one in requests() if one.HasField("add_file"))
call(requests)
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    made = Target(tmp_path_factory.mktemp("clients"))
    made.furnish_repos()
    yield made
    made.stop()


def visible(target: Target) -> list[int]:
    return [target.count(table) for table in ("commits", "branches", "layers", "file_sets", "transactions")]


def settled(target: Target) -> None:
    wait_until(lambda: target.busy() == 0, 30)
    wait_until(lambda: target.readers() <= 0, 30)
    assert list(fsck.check(target.pachd._pfs)) == []


@pytest.mark.parametrize("call", ["ModifyFile", "CreateFileSet"])
@pytest.mark.parametrize("pieces", [0, 1, 12])
def test_a_stream_that_is_cut_by_a_kill(target: Target, call: str, pieces: int) -> None:
    before, files = visible(target), target.files()
    command = [sys.executable, "-c", STREAM, target.address, str(pieces), call]
    client = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert client.stdout is not None
    for _ in range(pieces):
        assert client.stdout.readline()
    if pieces == 0:
        wait_until(lambda: target.busy() > 0 or client.poll() is not None, 30)
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    settled(target)
    assert visible(target) == before
    wait_until(lambda: target.files() == files, 30)


def test_pachctl_killed_while_it_puts(target: Target, tmp_path: Path) -> None:
    """Either all of the file is there or nothing of it."""
    content = random.Random(5).randbytes(24 << 20)
    (tmp_path / "big").write_bytes(content)
    environ = {**os.environ, "PACHD_ADDRESS": target.address, "HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "trunkline.pachctl",
        "put-file",
        "data",
        "master",
        "big",
        "-o",  # more than one of them may come to its end
        "-f",
        str(tmp_path / "big"),
    ]
    chance = random.Random(3)
    for _ in range(4):
        client = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 1.2))  # the put runs meanwhile; this is the random moment
        client.kill()
        client.wait()
        settled(target)
        assert held(target) in (None, content)


def held(target: Target) -> bytes | None:
    request = pfs_pb2.ListBranchRequest(repo=pfs_pb2.Repo(name="data", type="user"))
    api = pfs_pb2_grpc.APIStub(target.channel)
    heads = [info.head for info in api.ListBranch(request) if info.branch.name == "master"]
    if not heads:
        return None
    file = pfs_pb2.File(commit=heads[0], path="/big")
    return b"".join(one.value for one in api.GetFile(pfs_pb2.GetFileRequest(file=file)))
