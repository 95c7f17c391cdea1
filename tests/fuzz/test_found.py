"""Requests that once were a bug: each must be refused in words, and leave no traceback behind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.fuzz.driver import Case, fault, send
from tests.fuzz.target import Target, running, wait_until

from trunkline.wire import content_pb2, content_pb2_grpc, pfs_pb2, pfs_pb2_grpc, pps_pb2, storage_pb2, trunkline_pb2

S = grpc.StatusCode
NEVER = Timestamp(seconds=2**62, nanos=-1)
FOR_EVER = Duration(seconds=-(2**63), nanos=-(2**31))
JOB = pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="copy"), id="0" * 32)

FOUND: list[tuple[str, str, Message | bytes, S]] = [
    ("bytes that are no message", "/pfs_v2.API/InspectRepo", b"\x0a\x10", S.INVALID_ARGUMENT),
    ("a name that is no UTF-8", "/pfs_v2.API/DeleteRepo", b"\x0a\x04\x0a\x02\xed\xa0", S.INVALID_ARGUMENT),
    ("a stream of bytes that are no message", "/pfs_v2.API/ModifyFile", b"\xff\xff", S.INVALID_ARGUMENT),
    (
        "a time that never was",
        "/pfs_v2.API/ListCommit",
        pfs_pb2.ListCommitRequest(repo=pfs_pb2.Repo(name="data"), started_time=NEVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "a page after a time that never was",
        "/pps_v2.API/ListJob",
        pps_pb2.ListJobRequest(paginationMarker=NEVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "logs since for ever",
        "/pps_v2.API/GetLogs",
        pps_pb2.GetLogsRequest(pipeline=JOB.pipeline, since=FOR_EVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "a state of datums that is none",
        "/pps_v2.API/ListDatum",
        pps_pb2.ListDatumRequest(job=JOB, filter={"state": [99]}),
        S.INVALID_ARGUMENT,
    ),
    (
        "a regular expression that is nested too deeply",
        "/storage.Fileset/ReadFileset",
        storage_pb2.ReadFilesetRequest(fileset_id="0" * 32, filters=[{"path_regex": "(" * 2000}]),
        S.INVALID_ARGUMENT,
    ),
    (
        "a regular expression that repeats too often",
        "/storage.Fileset/ReadFileset",
        storage_pb2.ReadFilesetRequest(fileset_id="0" * 32, filters=[{"path_regex": "(a{99}){99}"}]),
        S.INVALID_ARGUMENT,
    ),
    (
        "a glob that is nested too deeply",
        "/pfs_v2.API/GlobFile",
        pfs_pb2.GlobFileRequest(commit={"repo": {"name": "data"}, "branch": {"name": "master"}}, pattern="(" * 2000),
        S.UNKNOWN,  # refused, as the original refuses bad patterns here
    ),
    (
        "less than no datums",
        "/pps_v2.API/ListDatum",
        pps_pb2.ListDatumRequest(input={"pfs": {"repo": "data", "glob": "/*"}}, number=-1),
        S.INVALID_ARGUMENT,
    ),
    (
        "a pipeline that may take for ever",
        "/pps_v2.API/CreatePipeline",
        pps_pb2.CreatePipelineRequest(pipeline=pps_pb2.Pipeline(name="p"), job_timeout=FOR_EVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "a worker that waits for ever",
        "/trunkline.v1.Work/NextBatch",
        trunkline_pb2.NextBatchRequest(worker="w", wait=FOR_EVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "a datum that began never",
        "/trunkline.v1.Work/Renew",
        trunkline_pb2.RenewRequest(worker="w", datum_started=NEVER),
        S.INVALID_ARGUMENT,
    ),
    (
        "a report of a state that is none",
        "/trunkline.v1.Work/Report",
        trunkline_pb2.ReportRequest(worker="w", datums=[trunkline_pb2.DatumReport(id="d", state=-1)]),
        S.INVALID_ARGUMENT,
    ),
    (
        "a log line of a time that never was",
        "/trunkline.v1.Work/Log",
        trunkline_pb2.LogRequest(worker="w", lines=[trunkline_pb2.LogLine(ts=NEVER)]),
        S.OK,  # of a batch that is lost, so that its lines are dropped
    ),
    (
        "an error that is longer than headers may be",
        "/pfs_v2.API/InspectRepo",
        pfs_pb2.InspectRepoRequest(repo=pfs_pb2.Repo(name="ä" * 20_000)),
        S.NOT_FOUND,
    ),
]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running(tmp_path_factory.mktemp("found")) as made:
        yield made


@pytest.mark.parametrize(("method", "request_", "code"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_found(target: Target, method: str, request_: Message | bytes, code: S) -> None:
    data = request_ if isinstance(request_, bytes) else request_.SerializeToString()
    case = Case(method, (data,), (("worker-token", target.token()),))
    answer = send(target, case, timeout=30)
    assert fault(case, answer) == ""
    assert answer.code is code, answer
    assert "\n" not in answer.details
    assert target.tracebacks.found == []


def test_a_reader_of_a_commit_that_waits_for_its_parent_waits_too_and_holds_up_nobody(target: Target) -> None:
    """An output commit is finished by hand while the one before it is open. What it holds is known only afterwards, so
    every reader waits, for as long as it likes."""
    pfs, content = pfs_pb2_grpc.APIStub(target.channel), content_pb2_grpc.ContentStub(target.channel)
    given, made = (pfs_pb2.Branch(repo={"name": name, "type": "user"}, name="master") for name in ("given", "made"))
    for branch in (given, made):
        pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=branch.repo))
    pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=given))
    pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=made, provenance=[given]))
    first = pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit={"branch": made, "repo": made.repo})).commit
    add = pfs_pb2.AddFile(path="/f", raw={"value": b"1"})
    pfs.ModifyFile(iter([pfs_pb2.ModifyFileRequest(set_commit=first), pfs_pb2.ModifyFileRequest(add_file=add)]))
    started = pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=given))
    pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=started))
    second = pfs_pb2.Commit(repo=made.repo, id=started.id)
    pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=second))
    wanted = content_pb2.LocateRequest(file={"commit": second, "path": "/"})
    with pytest.raises(grpc.RpcError) as late:
        list(content.Locate(wanted, timeout=0.3))
    assert late.value.code() is S.DEADLINE_EXCEEDED
    assert wait_until(lambda: target.busy() == 0), "the thread is free when its caller has gone"
    with ThreadPoolExecutor(1) as one:
        found = one.submit(lambda: list(content.Locate(wanted, timeout=30)))
        assert list(pfs.ListRepo(pfs_pb2.ListRepoRequest(), timeout=30))
        pfs.FinishCommit(pfs_pb2.FinishCommitRequest(commit=first))
        assert [path for columns in found.result(30) for path in columns.paths] == [b"/f"]
