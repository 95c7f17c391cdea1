"""Calls that last: a caller that goes away leaves nothing behind, and a server that ends says so."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from tests.api.serving import Serving
from tests.api.test_errors import ON_MASTER, add, branch, commit, file, repo, to

from trunkline.wire import pfs_pb2 as m


def until(look: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)


def calls_under_way() -> int:
    """Threads of the server that are inside a handler."""
    return sum(
        thread.name.startswith(("call", "held", "streamed")) and thread.is_alive() and _busy(thread)
        for thread in threading.enumerate()
    )


def _busy(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == "behaviour":
            return True
        frame = frame.f_back
    return False


@pytest.fixture
def data(serving: Serving) -> Serving:
    serving.raw.CreateRepo(m.CreateRepoRequest(repo=repo("data")))
    return serving


def commits(serving: Serving) -> int:
    with serving.catalog.read() as tx:
        row = tx.row("SELECT (SELECT count(*) FROM commits) + (SELECT count(*) FROM layers) AS number")
    assert row is not None
    return int(row["number"])


@pytest.mark.parametrize("opened", [False, True])
def test_a_write_that_is_cancelled_leaves_nothing(
    data: Serving, opened: bool, caplog: pytest.LogCaptureFixture
) -> None:
    target = ON_MASTER
    if opened:
        target = to(data.raw.StartCommit(m.StartCommitRequest(branch=branch("master"))))
    before = commits(data)
    sent, cancelled = threading.Event(), threading.Event()

    def requests() -> Iterator[m.ModifyFileRequest]:
        yield target
        yield m.ModifyFileRequest(add_file=m.AddFile(path="/f", raw={"value": bytes(1 << 20)}))
        sent.set()
        cancelled.wait(10)

    with caplog.at_level(logging.ERROR, "trunkline"):
        call = data.raw.ModifyFile.future(requests())
        assert sent.wait(10)
        call.cancel()
        cancelled.set()
        until(lambda: calls_under_way() == 0)
    assert call.code() is grpc.StatusCode.CANCELLED
    assert commits(data) == before
    assert caplog.records == []
    data.raw.ModifyFile(iter([target, add("/g")]))  # the branch can be written on


def test_a_deadline_during_a_write_leaves_nothing(data: Serving) -> None:
    def requests() -> Iterator[m.ModifyFileRequest]:
        yield ON_MASTER
        yield add("/f")
        time.sleep(1)

    with pytest.raises(grpc.RpcError) as late:
        data.raw.ModifyFile(requests(), timeout=0.2)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: calls_under_way() == 0)
    assert commits(data) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda raw: raw.SubscribeCommit(m.SubscribeCommitRequest(repo=repo("data"))),
        lambda raw: raw.InspectCommit.future(m.InspectCommitRequest(commit=commit("master"), wait=4)),
        lambda raw: raw.InspectCommitSet(
            m.InspectCommitSetRequest(
                commit_set=m.CommitSet(id=raw.InspectCommit(m.InspectCommitRequest(commit=commit("master"))).commit.id),
                wait=True,
            )
        ),
    ],
    ids=["subscribe", "inspect", "set"],
)
def test_a_wait_that_is_cancelled_frees_its_thread(
    data: Serving, call: Callable[[object], grpc.Call], caplog: pytest.LogCaptureFixture
) -> None:
    data.raw.StartCommit(m.StartCommitRequest(branch=branch("master")))
    with caplog.at_level(logging.ERROR, "trunkline"):
        waiting = call(data.raw)
        until(lambda: calls_under_way() == 1)
        waiting.cancel()
        until(lambda: calls_under_way() == 0)
    assert caplog.records == []


def test_a_reader_that_stops_early_frees_its_thread(data: Serving) -> None:
    target = data.raw.StartCommit(m.StartCommitRequest(branch=branch("master")))
    for _ in range(4):
        big = m.ModifyFileRequest(add_file=m.AddFile(path="/big", raw={"value": bytes(15 << 20)}))
        data.raw.ModifyFile(iter([to(target), big]))
    data.raw.FinishCommit(m.FinishCommitRequest(commit=target))
    stream = data.raw.GetFile(m.GetFileRequest(file=file("/big")))
    next(stream)
    stream.cancel()
    until(lambda: calls_under_way() == 0)


def test_readers_and_writers_at_once(data: Serving) -> None:
    """Thirty callers of one server; each reader sees one commit whole."""
    data.raw.ModifyFile(iter([ON_MASTER, add("/n/0")]))
    errors: list[BaseException] = []

    def guarded(step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:
            errors.append(error)

    def write(number: int) -> None:
        for step in range(5):
            data.raw.ModifyFile(iter([ON_MASTER, add(f"/n/{number}-{step}"), add(f"/m/{number}-{step}")]))

    def look() -> None:
        for _ in range(10):
            head = data.raw.InspectBranch(m.InspectBranchRequest(branch=branch("master"))).head.id
            names = [one.file.path for one in data.raw.WalkFile(m.WalkFileRequest(file=file("/", head)))]
            with_n = {name.rpartition("/")[2] for name in names if name.startswith("/n/") and name != "/n/"}
            with_m = {name.rpartition("/")[2] for name in names if name.startswith("/m/") and name != "/m/"}
            assert with_n - {"0"} == with_m

    threads = [threading.Thread(target=guarded, args=(lambda n=n: write(n),)) for n in range(6)]
    threads += [threading.Thread(target=guarded, args=(look,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    head = [one.file.path for one in data.raw.ListFile(m.ListFileRequest(file=file("/m")))]
    assert len(head) == 30


def test_the_end_of_the_server_ends_waits_with_a_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    serving = Serving(tmp_path_factory.mktemp("ending"))
    serving.raw.CreateRepo(m.CreateRepoRequest(repo=repo("data")))
    stream = serving.raw.SubscribeCommit(m.SubscribeCommitRequest(repo=repo("data")))
    until(lambda: calls_under_way() == 1)
    began = time.monotonic()
    serving.catalog.watch.close()
    with pytest.raises(grpc.RpcError) as ended:
        next(stream)
    assert ended.value.code() is grpc.StatusCode.CANCELLED
    assert "pachd is shutting down" in ended.value.details()
    serving.stop()
    assert time.monotonic() - began < 3
