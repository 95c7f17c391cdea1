"""A pachd of its own for each benchmark, driven over gRPC, and what is measured from outside of it.

Invariant: everything lies in a temporary folder of the disk that `--folder` names, and is gone afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pfs_pb2_grpc

LARGEST_MESSAGE = 20 << 20
PER_FOLDER = 1000
PACHCTL = (sys.executable, "-m", "trunkline.pachctl")


def path_of(number: int) -> str:
    """Files lie a thousand to a folder."""
    return f"/d{number // PER_FOLDER:04d}/f{number:07d}"


def flat_path_of(number: int) -> str:
    """Files lie all in one folder."""
    return f"/flat/f{number:07d}"


class Pachd:
    """A server with an empty home, and the calls that the benchmarks make.

    Attributes:
        stub: every RPC of `pfs_v2.API`.
        address: host:port.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.environ = os.environ | {"TRUNKLINE_HOME": str(folder), "TRUNKLINE_PORT": "0"}
        errors = (folder / "err").open("wb")
        self.process = subprocess.Popen([sys.executable, "-m", "trunkline.pachd"], env=self.environ, stderr=errors)
        record = folder / "run" / "pachd.json"
        while not record.exists():
            if self.process.poll() is not None:
                raise SystemExit((folder / "err").read_text())
            time.sleep(0.02)
        self.address = json.loads(record.read_text())["address"]
        self.stub = pfs_pb2_grpc.APIStub(self.channel())

    def channel(self) -> grpc.Channel:
        """A connection of its own."""
        sizes = [(f"grpc.max_{way}_message_length", LARGEST_MESSAGE) for way in ("send", "receive")]
        return grpc.insecure_channel(self.address, [*sizes, ("grpc.use_local_subchannel_pool", 1)])

    def repo(self, name: str) -> pfs.Repo:
        """A new repo."""
        repo = pfs.Repo(name=name, type="user", project=pfs.Project(name="default"))
        self.stub.CreateRepo(pfs.CreateRepoRequest(repo=repo))
        return repo

    def put(self, repo: pfs.Repo, files: Iterable[tuple[str, bytes]]) -> float:
        """One commit on master with these files; server milliseconds."""

        def requests() -> Iterator[pfs.ModifyFileRequest]:
            yield pfs.ModifyFileRequest(set_commit=head(repo))
            for path, content in files:
                yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw={"value": content}))

        _, call = self.stub.ModifyFile.with_call(requests())
        return server_ms(call)

    def pachctl(self, *words: str, output: Any = subprocess.DEVNULL) -> None:
        """Runs a command to its end."""
        subprocess.run([*PACHCTL, *words], env=self.environ, check=True, stdout=output)

    def memory(self, what: str = "VmRSS") -> float:
        """MB (10^6 bytes) of the process, from /proc: `VmRSS` now, `VmHWM` at the most since `forget_peak`."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024 / 1e6
        raise SystemExit(f"/proc has no {what}")

    def processor(self) -> float:
        """Seconds of a processor that the server, and whatever this process ran to its end, have taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        times = os.times()
        return ticks / os.sysconf("SC_CLK_TCK") + times.children_user + times.children_system

    def forget_peak(self) -> None:
        """Lets `VmHWM` begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def close(self) -> None:
        """Ends the server."""
        self.process.terminate()
        self.process.wait()


def git(folder: Path, *words: str) -> None:
    """Runs git in a folder, whatever the environment says of other repositories and their settings."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environ = mine | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(["git", *words], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)


def head(repo: pfs.Repo) -> pfs.Commit:
    """The head of master."""
    return pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master"))


def server_ms(call: Any) -> float:
    """How long the handler of a call that ended ran, by the server's own clock."""
    for key, value in call.trailing_metadata():
        if key == "server-timing":
            return float(value.partition("dur=")[2])
    raise SystemExit("the server does not tell its time")


def unary(method: Any, request: Any) -> float:
    """Server milliseconds of a call with one answer."""
    return server_ms(method.with_call(request)[1])


def streamed(method: Any, request: Any) -> tuple[float, int]:
    """Server milliseconds of a call with a stream of answers, and how many they were."""
    call = method(request)
    count = sum(1 for _ in call)
    return server_ms(call), count


def chunks(server: Pachd) -> dict[str, int]:
    """The chunks in a server's store and their stored bytes."""
    found = (Path(server.home) / "store" / "chunks").rglob("*")
    return {path.name: path.stat().st_size for path in found if path.is_file()}


def median(step: Callable[[], float], rounds: int = 9) -> float:
    """The median of what a step answers."""
    return statistics.median(step() for _ in range(rounds))


def seconds(step: Callable[[], object]) -> float:
    """How long a step takes."""
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder on the disk that is measured."""
    made = Path(tempfile.mkdtemp(prefix="trunkline-bench-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def pachd(folder: Path) -> Iterator[Pachd]:
    """A server on an empty home."""
    with scratch(folder) as home:
        server = Pachd(home)
        try:
            yield server
        finally:
            server.close()
