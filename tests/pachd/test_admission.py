"""Callers who hold calls open and do nothing keep nobody else from being answered, and are told when it is too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from tests.fuzz.target import Target, wait_until

from trunkline.api.dispatch import ERROR_KEY
from trunkline.pachd import admission
from trunkline.wire import pfs_pb2, pfs_pb2_grpc, version_pb2_grpc

S = grpc.StatusCode
HELD = admission.HELD


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setattr(admission, "HELD", 20)
    monkeypatch.setattr(admission, "STREAMED", 10)
    made = Target(tmp_path)
    made.furnish()
    yield made
    made.stop()


class Idlers:
    """Streams that are begun and not gone on with, each client on a connection of its own."""

    def __init__(self, target: Target, clients: int, streams: int) -> None:
        self.over = threading.Event()
        self.channels = [
            grpc.insecure_channel(target.address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(clients)
        ]
        self.calls = [
            pfs_pb2_grpc.APIStub(channel).ModifyFile.future(self._requests(), timeout=60)
            for channel in self.channels
            for _ in range(streams)
        ]

    def _requests(self) -> Iterator[pfs_pb2.ModifyFileRequest]:
        self.over.wait(60)
        yield from ()

    def refused(self) -> list[str]:
        return [call.details() for call in self.calls if call.done() and call.code() is S.RESOURCE_EXHAUSTED]

    def end(self) -> None:
        for call in self.calls:
            call.cancel()
        self.over.set()
        for channel in self.channels:
            channel.close()


def test_idle_streams_are_refused_beyond_a_limit_and_others_are_answered(target: Target) -> None:
    idlers = Idlers(target, clients=3, streams=10)
    assert wait_until(lambda: len(idlers.refused()) >= 10)
    assert all("repeat the call" in text for text in idlers.refused())
    pfs = pfs_pb2_grpc.APIStub(target.channel)
    version_pb2_grpc.APIStub(target.channel).GetVersion(Empty(), timeout=30)
    assert list(pfs.ListRepo(pfs_pb2.ListRepoRequest(), timeout=30))
    with pytest.raises(grpc.RpcError) as refused:
        pfs.ModifyFile(iter(()), timeout=30)
    assert refused.value.code() is S.RESOURCE_EXHAUSTED
    assert dict(refused.value.trailing_metadata())[ERROR_KEY] == "busy"
    idlers.end()
    assert wait_until(lambda: target.busy() == 0)
    with pytest.raises(grpc.RpcError) as empty:
        pfs.ModifyFile(iter(()), timeout=30)
    assert empty.value.code() is S.INVALID_ARGUMENT


def test_no_connection_has_more_than_half(target: Target) -> None:
    idlers = Idlers(target, clients=1, streams=16)
    assert wait_until(lambda: len(idlers.refused()) == 6)
    assert all("this connection has 10" in text for text in idlers.refused())
    put = pfs_pb2.ModifyFileRequest(set_commit=_master(), add_file=None)
    other = grpc.insecure_channel(target.address, [("grpc.use_local_subchannel_pool", 1)])
    pfs_pb2_grpc.APIStub(other).ModifyFile(iter([put]), timeout=30)
    other.close()
    idlers.end()


def test_answers_that_nobody_reads_hold_up_only_their_kind(target: Target) -> None:
    big = pfs_pb2.AddFile(path="/big", raw={"value": bytes(4 << 20)})
    pfs = pfs_pb2_grpc.APIStub(target.channel)
    messages = [pfs_pb2.ModifyFileRequest(set_commit=_master()), *[pfs_pb2.ModifyFileRequest(add_file=big)] * 16]
    pfs.ModifyFile(iter(messages), timeout=60)
    channels = [grpc.insecure_channel(target.address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(4)]
    wanted = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=_master(), path="/big"))
    unread = [pfs_pb2_grpc.APIStub(channel).GetFileTAR(wanted) for channel in channels for _ in range(4)]
    assert wait_until(lambda: target.pachd._server._admission.streamed.full)
    pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=pfs_pb2.Repo(name="data")), timeout=30)
    pfs.ModifyFile(iter(messages[:1]), timeout=30)
    for call in unread:
        call.cancel()
    assert wait_until(lambda: target.busy() == 0)
    assert list(pfs.ListRepo(pfs_pb2.ListRepoRequest(), timeout=30))
    for channel in channels:
        channel.close()


def test_five_hundred_streams_that_do_nothing(tmp_path: Path) -> None:
    made = Target(tmp_path)
    idlers = Idlers(made, clients=4, streams=125)
    assert wait_until(lambda: len(idlers.refused()) == 500 - HELD, 60)
    made.furnish_repos()
    idlers.end()
    assert wait_until(lambda: made.busy() == 0)
    made.furnish()
    made.stop()


def test_many_small_calls_at_once_are_all_answered(target: Target) -> None:
    """More than there are threads for them: they wait their turn, which comes soon."""
    api = version_pb2_grpc.APIStub(target.channel)
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda _: api.GetVersion(Empty(), timeout=60), range(400)))
    assert len(answers) == 400


def _master() -> pfs_pb2.Commit:
    repo = pfs_pb2.Repo(name="data")
    return pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))
