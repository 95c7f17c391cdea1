"""pachd is killed at random moments under load; nothing acknowledged may be lost, and every job must end.

`make test` runs a few kills, `make crash KILLS=200` as many as wanted. The load is real: clients put files over gRPC,
and a pipeline in real worker processes copies each file, so a kill may hit a put, a commit's finish, a plan, a report
or an assembly; others use the rest of the file system (`surface`), garbage is collected meanwhile. The server of
PostgreSQL crashes now and then, too.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from pachyderm_sdk.api import pfs, pps
from tests.crash.daemon import Daemon, wait_until
from tests.crash.surface import Surface

from trunkline.testing.postgres import PostgresServer

FEW, MANY = 3, 50
KILLS = int(os.environ.get("TRUNKLINE_KILLS", "50"))
SERVER_TOO = 4
"""Of so many kills, one hits the server of the catalog."""

SPEC = {
    "pipeline": {"name": "copy"},
    "transform": {"image": "none", "cmd": ["sh"], "stdin": ["cp /pfs/data/* /pfs/out/"]},
    "parallelismSpec": {"constant": 2},
    "input": {"pfs": {"repo": "data", "glob": "/*"}},
}


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
def load(clients: Sequence[Writer | Surface]) -> Iterator[None]:
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join()


def hammer(home: Path, kills: int, seed: int, server: PostgresServer | None = None) -> None:
    chance = random.Random(seed)
    daemon = Daemon(home, "" if server is None else server.new_database())
    daemon.start()
    client = daemon.client()
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(SPEC))
    writers = [Writer(daemon, f"w{index}", seed + index) for index in range(2)]
    surfaces = [Surface(daemon, f"s{index}", seed + index) for index in range(2)]
    for surface in surfaces:
        surface.set_up()
    with load([*writers, *surfaces]):
        for number in range(kills):
            time.sleep(chance.uniform(0.05, 1.5))  # the load runs meanwhile; this is the random moment
            if server is not None and number % SERVER_TOO == 1:
                server.restart(signal.SIGQUIT)
            else:
                daemon.kill()
                daemon.start()
            if number % 25 == 24:
                print(f"{number + 1} kills, acknowledged: {[surface.counts for surface in surfaces]}", flush=True)
        time.sleep(0.5)
    for surface in surfaces:
        surface.close_head()
    for surface in surfaces:
        wait_until(surface.settled, 60)
        surface.check()
    check(daemon, writers)
    daemon.stop()
    errors = (home / "pachd.err").read_text() + (home / "logs" / "pachd.log").read_text()
    assert [line for line in errors.splitlines() if "Traceback" in line or line.startswith(" ")] == []
    done = set().union(*(surface.counts for surface in surfaces))
    assert kills < MANY or done >= {"commit", "branch", "pair", "remove"}, done


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
@pytest.mark.timeout(7200)
def test_many_kills(tmp_path: Path, catalog_kind: str, request: pytest.FixtureRequest) -> None:
    hammer(tmp_path, KILLS, int(os.environ.get("TRUNKLINE_SEED", "11")), server_of(catalog_kind, request))
