"""Two pachd processes on one PostgreSQL and one store: every call on either, nothing done twice, the lead passed on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psycopg
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.testing.buckets import S3Server
from trunkline.testing.catalogs import Databases
from trunkline.wire import upkeep_pb2, upkeep_pb2_grpc

CATALOGS = ("sqlite",)  # it says itself what it is about

REPOS, PUTS = 4, 6


class Pachd:
    """A process with a home of its own."""

    def __init__(self, folder: Path, name: str, dsn: str, store: dict[str, str]) -> None:
        self.home = folder / name
        self.home.mkdir()
        environ = {
            "PATH": os.environ["PATH"],
            "TRUNKLINE_CATALOG": dsn,
            "TRUNKLINE_MAX_WORKERS": "1",
        } | store
        with (self.home / "err").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.pachd", "--home", str(self.home), "--port", "0"],
                env=environ,
                stderr=errors,
            )

    @property
    def address(self) -> str:
        record = self.home / "run" / "pachd.json"
        eventually(lambda: record.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.home / "err").read_text()
        return json.loads(record.read_text())["address"]

    def client(self) -> Client:
        host, port = self.address.split(":")
        return Client(host=host, port=int(port))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(60) == 0, (self.home / "err").read_text()


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


EACH_STORE = pytest.mark.parametrize("two", ["folder", "bucket"], indirect=True)


@pytest.fixture
def dsn(databases: Databases, tmp_path: Path) -> Iterator[str]:
    yield databases.dsn(tmp_path)
    databases.clean(tmp_path)


@pytest.fixture
def two(request: pytest.FixtureRequest, tmp_path: Path, dsn: str, s3: S3Server) -> Iterator[tuple[Pachd, Pachd]]:
    """Both serve, on a folder unless the test says `bucket`; the first leads."""
    store = {"TRUNKLINE_STORE": f"file://{tmp_path}/store"}
    if getattr(request, "param", "folder") == "bucket":
        store = {"TRUNKLINE_STORE": s3.url()} | s3.secrets
    first = Pachd(tmp_path, "first", dsn, store)
    assert first.address
    second = Pachd(tmp_path, "second", dsn, store)
    assert second.address
    yield first, second
    for one in (first, second):
        one.stop()


def leader(dsn: str) -> int:
    """How often the lead was taken."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT epoch FROM leadership").fetchone()
    assert row is not None
    return row[0]


def put(client: Client, branch: str, path: str, text: str) -> None:
    where = pfs.Branch.from_uri(branch)

    def requests() -> Iterator[pfs.ModifyFileRequest]:
        yield pfs.ModifyFileRequest(set_commit=pfs.Commit(repo=where.repo, branch=where))
        yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=text.encode()))

    client.pfs.modify_file(requests())


def together(*jobs: Callable[[], None]) -> None:
    """Runs all at once; raises what one of them raised."""
    failed: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def problems(one: Pachd) -> list[str]:
    return [problem.error for problem in one.client().pfs.fsck()]


@EACH_STORE
def test_calls_on_both_at_once(two: tuple[Pachd, Pachd], dsn: str) -> None:
    """Puts to many repos and to one branch: each is there once, each commit finished once, and everybody sees it."""
    clients = [one.client() for one in two]
    for number in range(REPOS):
        clients[number % 2].pfs.create_repo(repo=pfs.Repo.from_uri(f"r{number}"))
    clients[1].pfs.create_repo(repo=pfs.Repo.from_uri("shared"))
    seen: list[str] = []

    def follow() -> None:
        for commit in (
            two[1].client().pfs.subscribe_commit(repo=pfs.Repo.from_uri("shared"), state=pfs.CommitState.FINISHED)
        ):
            seen.append(commit.commit.id)
            if len(seen) == 4 * PUTS:
                return

    def own(number: int) -> None:
        client = two[number % 2].client()
        for turn in range(PUTS):
            put(client, f"r{number}@master", f"/{turn}", f"{number} {turn}")

    def shared(number: int) -> None:
        client = two[number % 2].client()
        for turn in range(PUTS):
            put(client, "shared@master", f"/{number}", f"{number} {turn}\n")

    jobs = [lambda n=n: own(n) for n in range(REPOS)] + [lambda n=n: shared(n) for n in range(4)]
    together(follow, *jobs)
    assert len(set(seen)) == 4 * PUTS
    for one, client in zip(two, clients, strict=True):
        for number in range(4):
            with client.pfs.pfs_file(file=pfs.File.from_uri(f"shared@master:/{number}")) as file:
                assert file.read().decode() == "".join(f"{number} {turn}\n" for turn in range(PUTS))
        for number in range(REPOS):
            found = [file.file.path for file in client.pfs.list_file(file=pfs.File.from_uri(f"r{number}@master:/"))]
            assert found == [f"/{turn}" for turn in range(PUTS)]
            assert len(list(client.pfs.list_commit(repo=pfs.Repo.from_uri(f"r{number}")))) == PUTS
        assert problems(one) == []
    assert clients[0].admin.inspect_cluster().id == clients[1].admin.inspect_cluster().id
    assert leader(dsn) == 1


def test_an_open_commit_is_written_through_both(two: tuple[Pachd, Pachd]) -> None:
    """What one was told is seen by the other at once; a commit that is finished here can be waited for there."""
    first, second = (one.client() for one in two)
    first.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    commit = second.pfs.start_commit(branch=pfs.Branch.from_uri("data@master"))
    for number in range(10):
        client = (first, second)[number % 2]
        target = pfs.ModifyFileRequest(set_commit=commit)
        file = pfs.ModifyFileRequest(add_file=pfs.AddFile(path=f"/{number}", raw=b"x"))
        client.pfs.modify_file(iter([target, file]))
        other = (second, first)[number % 2]
        assert len(list(other.pfs.list_file(file=pfs.File(commit=commit, path="/")))) == number + 1
    second.pfs.finish_commit(commit=commit)  # the first leads, and so finishes it
    done = second.pfs.inspect_commit(commit=commit, wait=pfs.CommitState.FINISHED)
    assert done.details.size_bytes == 10
    started = first.transaction.start_transaction()
    assert [one.transaction.id for one in second.transaction.list_transaction().transaction_info] == [started.id]
    second.transaction.delete_transaction(transaction=started)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_another_one_takes_the_lead(two: tuple[Pachd, Pachd], dsn: str, how: str) -> None:
    """Commits that wait to be finished, and those that come, are finished by whoever is left."""
    first, second = two
    client = second.client()
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    open_one = client.pfs.start_commit(branch=pfs.Branch.from_uri("data@master"))
    target = pfs.ModifyFileRequest(set_commit=open_one)
    client.pfs.modify_file(iter([target, pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", raw=b"a"))]))
    getattr(first, how)()
    client.pfs.finish_commit(commit=open_one)
    assert client.pfs.inspect_commit(commit=open_one, wait=pfs.CommitState.FINISHED).details.size_bytes == 1
    put(client, "data@master", "/b", "b")
    assert leader(dsn) == 2
    assert problems(second) == []


def collect(one: Pachd) -> list[upkeep_pb2.CollectGarbageResponse]:
    with grpc.insecure_channel(one.address) as channel:
        return list(upkeep_pb2_grpc.UpkeepStub(channel).CollectGarbage(upkeep_pb2.CollectGarbageRequest()))


@EACH_STORE
def test_garbage_is_collected_by_the_only_one(two: tuple[Pachd, Pachd]) -> None:
    """What another one relies on is not known here."""
    first, second = two
    with pytest.raises(grpc.RpcError, match="1 other pachd use this catalog") as caught:
        collect(first)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    second.stop()
    assert collect(first)


SPEC = {
    "pipeline": {"name": "copy"},
    "transform": {"image": "none", "cmd": ["sh"], "stdin": ["cp /pfs/data/* /pfs/out/"]},
    "input": {"pfs": {"repo": "data", "glob": "/*"}},
}


@pytest.mark.parametrize("how", ["the leader dies", "every connection breaks"])
def test_jobs_go_on(two: tuple[Pachd, Pachd], dsn: str, how: str) -> None:
    """Whoever leads runs them; what was done is not lost, and what was under way is done again."""
    first, second = two
    client = second.client()
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(SPEC))
    for number in range(12):
        put(client, "data@master", f"/{number}", str(number))
        if number in (4, 8) and how == "every connection breaks":
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'trunkline'"
                )
        elif number == 6 and how == "the leader dies":
            first.kill()
    done = client.pfs.inspect_commit(commit=pfs.Commit.from_uri("copy@master"), wait=pfs.CommitState.FINISHED)
    assert not done.error
    assert len(list(client.pfs.list_file(file=pfs.File.from_uri("copy@master:/")))) == 12
    assert {job.state for job in client.pps.list_job(history=-1)} == {pps.JobState.JOB_SUCCESS}
    assert problems(second) == []
