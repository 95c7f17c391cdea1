"""pachd is killed at random moments under load; nothing acknowledged may be lost, and every job must end.

`make test` runs a few kills, `make crash` fifty, on each catalog; the server of PostgreSQL crashes now and then, too.
The load is real: clients put files over gRPC, and a pipeline in real worker processes copies each file, so a kill may
hit a put, a commit's finish, a plan, a report or an assembly.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.testing.postgres import PostgresServer

FEW, MANY = 4, 50
SERVER_TOO = 4
"""Of so many kills, one hits the server of the catalog."""

SPEC = {
    "pipeline": {"name": "copy"},
    "transform": {"image": "none", "cmd": ["sh"], "stdin": ["cp /pfs/data/* /pfs/out/"]},
    "parallelismSpec": {"constant": 2},
    "input": {"pfs": {"repo": "data", "glob": "/*"}},
}


class Daemon:
    """A pachd process on one home, started again after each kill."""

    def __init__(self, home: Path, dsn: str = "") -> None:
        self.home, self._dsn = home, dsn
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        record = self.home / "run" / "pachd.json"
        record.unlink(missing_ok=True)
        environ = {"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "2", "TRUNKLINE_LEASE_SECONDS": "5"}
        if self._dsn:
            environ["TRUNKLINE_CATALOG"] = self._dsn
        with (self.home / "pachd.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.pachd", "--home", str(self.home), "--port", "0"],
                env=environ,
                stderr=errors,
            )
        wait_until(lambda: record.exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, (self.home / "pachd.err").read_text()

    def client(self) -> Client:
        host, port = json.loads((self.home / "run" / "pachd.json").read_text())["address"].split(":")
        return Client(host=host, port=int(port))

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(60) == 0


def wait_until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


class Writer(threading.Thread):
    """Puts files until it is told to stop; remembers what was acknowledged."""

    def __init__(self, daemon: Daemon, name: str, seed: int) -> None:
        super().__init__(name=name)
        self.daemon_, self.random = daemon, random.Random(seed)
        self.acknowledged: dict[str, bytes] = {}
        self.attempted: dict[str, set[bytes]] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            path = f"/{self.name}-{self.random.randrange(12)}"
            content = f"{self.name} {number} ".encode() * self.random.choice((1, 50, 5000))
            self.attempted.setdefault(path, set()).add(content)
            try:
                self._put(path, content)
            except (grpc.RpcError, OSError, ValueError, ConnectionError):
                # The outcome is unknown: the old or the new content may be there, but nothing else.
                self.acknowledged.pop(path, None)
                self.stopping.wait(0.05)
            else:
                self.acknowledged[path] = content
                self.attempted[path] = {content}

    def _put(self, path: str, content: bytes) -> None:
        client = self.daemon_.client()
        branch = pfs.Branch.from_uri("data@master")

        def requests() -> Iterator[pfs.ModifyFileRequest]:
            yield pfs.ModifyFileRequest(set_commit=pfs.Commit(repo=branch.repo, branch=branch))
            yield pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))
            yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=content))

        client.pfs.modify_file(requests())


@contextmanager
def load(daemon: Daemon, writers: list[Writer]) -> Iterator[None]:
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join()


def hammer(home: Path, kills: int, seed: int, server: PostgresServer | None = None) -> None:
    chance = random.Random(seed)
    daemon = Daemon(home, "" if server is None else server.new_database())
    daemon.start()
    client = daemon.client()
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(SPEC))
    writers = [Writer(daemon, f"w{index}", seed + index) for index in range(2)]
    with load(daemon, writers):
        for number in range(kills):
            time.sleep(chance.uniform(0.05, 1.5))  # the load runs meanwhile; this is the random moment
            if server is not None and number % SERVER_TOO == 1:
                server.restart(signal.SIGQUIT)
                continue
            daemon.kill()
            daemon.start()
        time.sleep(0.5)
    check(daemon, writers)
    daemon.stop()


def check(daemon: Daemon, writers: list[Writer]) -> None:
    client = daemon.client()
    head = client.pfs.inspect_commit(commit=pfs.Commit.from_uri("copy@master"), wait=pfs.CommitState.FINISHED)
    assert not head.error
    for job in client.pps.list_job(history=-1):
        assert job.state == pps.JobState.JOB_SUCCESS, (job.job.id, job.state, job.reason)
        done = job.data_processed + job.data_skipped + job.data_failed + job.data_recovered
        assert done == job.data_total
    for writer in writers:
        for path, options in writer.attempted.items():
            wanted = {writer.acknowledged[path]} if path in writer.acknowledged else options
            for repo in ("data", "copy"):
                file = pfs.File.from_uri(f"{repo}@master:{path}")
                if path not in writer.acknowledged and not client.pfs.path_exists(file=file):
                    continue
                with client.pfs.pfs_file(file=file) as opened:
                    assert opened.read() in wanted, f"{repo}{path}"
    problems = [problem.error for problem in client.pfs.fsck()]
    assert problems == []


def server_of(kind: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    return None if kind == "sqlite" else request.getfixturevalue("databases").server


def test_a_few_kills(tmp_path: Path, catalog_kind: str, request: pytest.FixtureRequest) -> None:
    hammer(tmp_path, FEW, 7, server_of(catalog_kind, request))


@pytest.mark.crash
def test_fifty_kills(tmp_path: Path, catalog_kind: str, request: pytest.FixtureRequest) -> None:
    hammer(tmp_path, MANY, int(os.environ.get("TRUNKLINE_SEED", "11")), server_of(catalog_kind, request))
