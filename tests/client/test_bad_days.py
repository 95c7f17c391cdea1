"""Clients and pachds that die in the middle of a put, full disks: nothing half-done is ever visible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.client import connect
from trunkline.client.putting import put
from trunkline.client.sources import Stream
from trunkline.kernel.errors import NotReady, StorageFull, TrunklineError, Unreachable
from trunkline.objects.local import LocalStore
from trunkline.testing.commands import wait_for
from trunkline.testing.content import noise
from trunkline.wire import pfs_pb2 as pfs

from .conftest import World

CLIENT = """
import select
import sys
from trunkline.client import connect
from trunkline.client.putting import put
from trunkline.client.sources import Stream
from trunkline.testing.content import noise
from trunkline.wire import pfs_pb2 as pfs

def parts():
    yield noise("first", 40_000_000)
    print("half", flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass  # not one long read: a signal that comes just before it would be looked at only after it

repo = pfs.Repo(name="data", type="user", project=pfs.Project(name="default"))
with connect(sys.argv[1]) as connection:
    try:
        put(connection, pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master")), [Stream(parts(), "/a")])
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_client_that_ends_in_the_middle(local: World, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = local.repo("data")
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, local.serving.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "half\n"
    assert len(sessions(local)) == 1
    client.send_signal(number)
    client.wait(60)
    assert local.commits(repo) == 0
    if number == signal.SIGINT:  # it says good-bye; the other session ends with its lease
        assert client.stdout.read() == "stopped\n"
        assert sessions(local) == []
    put(local.connection, local.head(repo), [Stream([b"1"], "/a")])
    assert local.content(repo, "/a") == b"1"
    assert client.stdin is not None
    client.stdin.close()
    client.stdout.close()


def sessions(world: World) -> list[str]:
    """Sessions of clients: those that end by themselves."""
    return [name for name, one in world.serving.pfs.pins._sessions.items() if one.expires is not None]


def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = world.repo("data")
    real = LocalStore.put_many

    def full(self, items):
        for key, _ in items:
            raise StorageFull(f"no space left to write {key}: free some")

    monkeypatch.setattr(LocalStore, "put_many", full)
    with pytest.raises(StorageFull, match="no space left"):
        put(world.connection, world.head(repo), [Stream([noise("x", 40_000_000)], "/a")])
    monkeypatch.setattr(LocalStore, "put_many", real)
    assert world.commits(repo) == 0
    put(world.connection, world.head(repo), [Stream([noise("x", 40_000_000)], "/a")])
    assert world.inspect(repo, "/a").size_bytes == 40_000_000


class Daemon:
    """A real pachd on a home of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.pachd", "--home", str(self._home), "--port", self.address[10:] or "0"],
            env={"PATH": os.environ["PATH"]},
        )
        record = self._home / "run" / "pachd.json"

        def serves() -> bool:
            return record.exists() and json.loads(record.read_text())["pid"] == self._process.pid

        wait_for(serves, "pachd", 60)
        self.address = json.loads(record.read_text())["address"]

    def end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "home")
    made.start()
    yield made
    made.end(signal.SIGTERM)


def test_a_pachd_that_is_killed_and_started_again_in_the_middle(daemon: Daemon) -> None:
    repo = pfs.Repo(name="data", type="user", project=pfs.Project(name="default"))
    head = pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master"))
    with connect(daemon.address) as connection:
        connection.pfs.CreateRepo(pfs.CreateRepoRequest(repo=repo))
        put(connection, head, [Stream([b"before"], "/before")])

        def parts() -> Iterator[bytes]:
            yield noise("first", 20_000_000)
            daemon.end(signal.SIGKILL)
            daemon.start()
            yield noise("second", 20_000_000)

        with pytest.raises(TrunklineError) as caught:
            put(connection, head, [Stream(parts(), "/a")])
        told = caught.value
        assert isinstance(told, (Unreachable, NotReady)) or "is over: begin another one" in told.message
        assert "\n" not in told.message
    with connect(daemon.address) as connection:
        commits = list(connection.pfs.ListCommit(pfs.ListCommitRequest(repo=repo)))
        assert len(commits) == 1
        put(connection, head, [Stream([noise("first", 20_000_000)], "/a")])
        file = pfs.File(commit=head, path="/a")
        assert connection.pfs.InspectFile(pfs.InspectFileRequest(file=file)).size_bytes == 20_000_000
        assert [found.error for found in connection.pfs.Fsck(pfs.FsckRequest())] == []
