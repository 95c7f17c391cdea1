"""A stream of operations that its caller gives up changes nothing, at whatever moment that happens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from threading import Event

from tests.api.serving import Serving

from trunkline.wire import pfs_pb2, pfs_pb2_grpc

ROUNDS = 60


def test_a_cancelled_stream_is_never_half_written(serving: Serving) -> None:
    """gRPC shows a cancelled stream as one that has ended, a moment before it shows it as cancelled."""
    stub = serving.raw
    repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
    stub.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
    target = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))
    chance = random.Random(5)
    for number in range(ROUNDS):
        sent, more = Event(), Event()
        wanted = chance.randrange(1, 30)

        def requests(sent: Event = sent, more: Event = more, wanted: int = wanted, number: int = number):
            yield pfs_pb2.ModifyFileRequest(set_commit=target)
            for _ in range(wanted):
                add = pfs_pb2.AddFile(path=f"/f{number}", raw={"value": b"x" * 1000})
                yield pfs_pb2.ModifyFileRequest(add_file=add)
            sent.set()
            more.wait(10)  # the stream stays open, so that only a cancellation can end it

        call = stub.ModifyFile.future(requests())
        assert sent.wait(10)
        call.cancel()
        more.set()
    _put(stub, target, "/last")
    listed = stub.ListCommit(pfs_pb2.ListCommitRequest(repo=repo))
    assert len(list(listed)) == 1
    files = stub.ListFile(pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=target, path="/")))
    assert [file.file.path for file in files] == ["/last"]


def _put(stub: pfs_pb2_grpc.APIStub, target: pfs_pb2.Commit, path: str) -> None:
    def requests() -> Iterator[pfs_pb2.ModifyFileRequest]:
        yield pfs_pb2.ModifyFileRequest(set_commit=target)
        yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw={"value": b"1"}))

    stub.ModifyFile(requests())
