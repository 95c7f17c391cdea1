"""What goes wrong reaches the caller as a status and one line: spec 01, section 14; spec 04, section 16.

Each line of bad input is a call on the wire, the status and the text; nothing of it changes anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from tests.api.serving import Serving

from trunkline.api.pfs_service import PfsService
from trunkline.api.pps_service import PpsService
from trunkline.wire import pfs_pb2 as m
from trunkline.wire import pps_pb2

S = grpc.StatusCode
MISSING_ID = "0" * 12 + "4" + "0" * 19


def repo(name: str, type: str = "user") -> m.Repo:
    return m.Repo(name=name, type=type, project=m.Project(name="default"))


def branch(name: str, of: str = "data") -> m.Branch:
    return m.Branch(repo=repo(of), name=name)


def commit(id: str = "", of: str = "data", on: str | None = None) -> m.Commit:
    return m.Commit(repo=repo(of), id=id, branch=None if on is None else branch(on, of))


def file(path: str, id: str = "master", of: str = "data") -> m.File:
    return m.File(commit=commit(id, of), path=path)


def stream(*requests: m.ModifyFileRequest) -> tuple[m.ModifyFileRequest, ...]:
    """To be sent by `iter`, anew each time: the same bad input is tried on every catalog."""
    return requests


def to(target: m.Commit) -> m.ModifyFileRequest:
    return m.ModifyFileRequest(set_commit=target)


def add(path: str) -> m.ModifyFileRequest:
    return m.ModifyFileRequest(add_file=m.AddFile(path=path, raw={"value": b"x"}))


def delete(path: str) -> m.ModifyFileRequest:
    return m.ModifyFileRequest(delete_file=m.DeleteFile(path=path))


def copy(dst: str, src: m.File) -> m.ModifyFileRequest:
    return m.ModifyFileRequest(copy_file=m.CopyFile(dst=dst, src=src))


ON_MASTER = to(commit(on="master"))

Cases = list[tuple[str, object, grpc.StatusCode, str]]

REPOS: Cases = [
    ("CreateRepo", m.CreateRepoRequest(), S.INVALID_ARGUMENT, "^repo cannot be nil$"),
    ("CreateRepo", m.CreateRepoRequest(repo=repo("data")), S.ALREADY_EXISTS, "^repo default/data already exists$"),
    ("CreateRepo", m.CreateRepoRequest(repo=repo("a b")), S.UNKNOWN, r"^name \(a b\) invalid: only alphanumeric"),
    ("CreateRepo", m.CreateRepoRequest(repo=repo("__filesets__")), S.UNKNOWN, "^__filesets__ is a reserved name$"),
    (
        "CreateRepo",
        m.CreateRepoRequest(repo=m.Repo(name="r", project=m.Project(name="nope"))),
        S.NOT_FOUND,
        '^cannot find project "nope"',
    ),
    ("CreateRepo", m.CreateRepoRequest(repo=repo("x", "meta")), S.UNKNOWN, "^cannot create a system repo without"),
    ("InspectRepo", m.InspectRepoRequest(repo=repo("nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    ("DeleteRepo", m.DeleteRepoRequest(), S.INVALID_ARGUMENT, "^no repo specified$"),
    (
        "DeleteRepo",
        m.DeleteRepoRequest(repo=repo("data")),
        S.UNKNOWN,
        "cannot be deleted because it's in the direct pro",
    ),
    ("ListBranch", m.ListBranchRequest(repo=repo("nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    ("CreateProject", m.CreateProjectRequest(), S.UNKNOWN, r"^name \(\) invalid"),
    (
        "CreateProject",
        m.CreateProjectRequest(project=m.Project(name="default")),
        S.ALREADY_EXISTS,
        "^project default already exists$",
    ),
    (
        "InspectProject",
        m.InspectProjectRequest(project=m.Project(name="nope")),
        S.NOT_FOUND,
        '^project "nope" not found$',
    ),
    (
        "DeleteProject",
        m.DeleteProjectRequest(project=m.Project(name="default")),
        S.FAILED_PRECONDITION,
        "^cannot delete project default: repo default/data still exists",
    ),
]

BRANCHES: Cases = [
    ("CreateBranch", m.CreateBranchRequest(), S.INVALID_ARGUMENT, "^branch cannot be nil$"),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=m.Branch(name="b")),
        S.INVALID_ARGUMENT,
        "^branch repo cannot be nil$",
    ),
    ("CreateBranch", m.CreateBranchRequest(branch=branch("b", "nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    ("CreateBranch", m.CreateBranchRequest(branch=branch(MISSING_ID)), S.UNKNOWN, "^branch name cannot be a UUID V4$"),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("b"), head=commit("nope")),
        S.NOT_FOUND,
        '^unable to inspect default/data@nope: branch "nope" not found in repo default/data$',
    ),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("b"), head=commit("master", "out")),
        S.UNKNOWN,
        "^branch and head commit must belong to the same repo",
    ),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("b"), provenance=[branch("master")]),
        S.UNKNOWN,
        "^repo default/data cannot be in the provenance of its own branch$",
    ),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("master"), provenance=[branch("master", "out")]),
        S.INTERNAL,
        "^cycle detected because default/out@master is already in the subvenance of default/data@master",
    ),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("x", "spare"), provenance=[branch("a"), branch("b")]),
        S.UNKNOWN,
        '^multiple branches from the same repo, "default/data", cannot participate in a DAG$',
    ),
    (
        "CreateBranch",
        m.CreateBranchRequest(branch=branch("t"), trigger=m.Trigger(branch="master", commits=-1)),
        S.UNKNOWN,
        "^can't trigger on a negative number of commits$",
    ),
    (
        "InspectBranch",
        m.InspectBranchRequest(branch=branch("nope")),
        S.NOT_FOUND,
        '^branch "nope" not found in repo default/data$',
    ),
    ("DeleteBranch", m.DeleteBranchRequest(), S.INVALID_ARGUMENT, "^validate request: "),
    ("DeleteBranch", m.DeleteBranchRequest(branch=branch("nope")), S.NOT_FOUND, '^branch "nope" not found'),
    ("DeleteBranch", m.DeleteBranchRequest(branch=branch("master")), S.UNKNOWN, "cannot be deleted because"),
]

COMMITS: Cases = [
    ("StartCommit", m.StartCommitRequest(), S.INVALID_ARGUMENT, "^branch must be specified$"),
    ("StartCommit", m.StartCommitRequest(branch=branch("")), S.INVALID_ARGUMENT, "^branch must be specified$"),
    ("StartCommit", m.StartCommitRequest(branch=branch("b", "nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    (
        "StartCommit",
        m.StartCommitRequest(branch=branch("master", "out")),
        S.UNKNOWN,
        "^cannot start a commit on an output branch: default/out@master$",
    ),
    (
        "StartCommit",
        m.StartCommitRequest(branch=branch("b"), parent=commit(MISSING_ID)),
        S.NOT_FOUND,
        f"^parent commit default/data@{MISSING_ID} not found$",
    ),
    (
        "FinishCommit",
        m.FinishCommitRequest(commit=commit("master")),
        S.UNKNOWN,
        "^commit default/data@.* has already fin",
    ),
    ("FinishCommit", m.FinishCommitRequest(), S.INVALID_ARGUMENT, "^cannot resolve nil commit"),
    (
        "InspectCommit",
        m.InspectCommitRequest(commit=commit()),
        S.INVALID_ARGUMENT,
        "^cannot resolve commit with no ID or",
    ),
    (
        "InspectCommit",
        m.InspectCommitRequest(commit=commit(MISSING_ID)),
        S.NOT_FOUND,
        f"^commit default/data@{MISSING_ID} not found$",
    ),
    (
        "InspectCommit",
        m.InspectCommitRequest(commit=commit("master^9")),
        S.NOT_FOUND,
        r"^commit default/data@master\^9 not f",
    ),
    (
        "InspectCommit",
        m.InspectCommitRequest(commit=commit("master^~")),
        S.INVALID_ARGUMENT,
        r'^invalid ancestry syntax "master\^~", cannot mix \^ and ~ characters$',
    ),
    (
        "InspectCommit",
        m.InspectCommitRequest(commit=commit("nope", on="master")),
        S.UNKNOWN,
        r"^invalid commit ID given with a branch \(default/data@master\): nope$",
    ),
    ("InspectCommit", m.InspectCommitRequest(commit=commit("master"), wait=77), S.INVALID_ARGUMENT, "77"),
    ("ListCommit", m.ListCommitRequest(repo=repo("nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    ("ListCommit", m.ListCommitRequest(repo=repo("data"), origin_kind=77), S.INVALID_ARGUMENT, "77"),
    (
        "ListCommit",
        m.ListCommitRequest(repo=repo("data"), to=commit("master"), reverse=True),
        S.INVALID_ARGUMENT,
        "^cannot use 'Reverse' while also using 'From' or 'To'$",
    ),
    (
        "ListCommit",
        m.ListCommitRequest(repo=repo("data"), to=commit("master", "out")),
        S.UNKNOWN,
        "^`from` and `to` commits need to be from repo default/data$",
    ),
    ("SubscribeCommit", m.SubscribeCommitRequest(repo=repo("nope")), S.NOT_FOUND, "^repo default/nope not found$"),
    ("InspectCommitSet", m.InspectCommitSetRequest(), S.INVALID_ARGUMENT, "^commitset cannot be nil$"),
    (
        "InspectCommitSet",
        m.InspectCommitSetRequest(commit_set=m.CommitSet(id=MISSING_ID)),
        S.NOT_FOUND,
        f"^no commits found for commitset {MISSING_ID}$",
    ),
    ("SquashCommitSet", m.SquashCommitSetRequest(), S.INVALID_ARGUMENT, "^commitset cannot be nil$"),
    ("DropCommitSet", m.DropCommitSetRequest(), S.INVALID_ARGUMENT, "^commitset cannot be nil$"),
    ("SquashCommit", m.SquashCommitRequest(commit=commit("master")), S.UNKNOWN, "with subvenance without recursive$"),
    ("DropCommit", m.DropCommitRequest(commit=commit("master")), S.UNKNOWN, "with subvenance without recursive$"),
    ("ClearCommit", m.ClearCommitRequest(commit=commit("master")), S.UNKNOWN, "^cannot clear finished commit"),
]

FILES: Cases = [
    (
        "InspectFile",
        m.InspectFileRequest(file=file("/nope")),
        S.NOT_FOUND,
        "^file /nope not found in repo default/data at ",
    ),
    ("InspectFile", m.InspectFileRequest(file=file("/", "master", "spare")), S.NOT_FOUND, "^branch"),
    ("InspectFile", m.InspectFileRequest(), S.INVALID_ARGUMENT, "^cannot resolve nil commit"),
    (
        "GetFile",
        m.GetFileRequest(file=file("/nope")),
        S.NOT_FOUND,
        "^file /nope not found in repo default/data at commit ",
    ),
    (
        "GetFile",
        m.GetFileRequest(file=file("/nope*")),
        S.NOT_FOUND,
        r"^file /nope\* not found in repo default/data at ",
    ),
    (
        "GetFile",
        m.GetFileRequest(file=file("/")),
        S.UNKNOWN,
        "^cannot get directory or non-regular file. Use GetFileTAR",
    ),
    ("GetFile", m.GetFileRequest(file=file("/d/*")), S.UNKNOWN, "^matched multiple files. Use GetFileTAR instead$"),
    ("GetFile", m.GetFileRequest(file=file("/[")), S.UNKNOWN, "does not parse: unexpected end of input$"),
    ("GetFile", m.GetFileRequest(file=file("/f"), offset=-1), S.INVALID_ARGUMENT, "not negative"),
    (
        "GetFile",
        m.GetFileRequest(file=file("/f"), URL="http://b/k"),
        S.INVALID_ARGUMENT,
        "unrecognized object store: http",
    ),
    (
        "GetFileTAR",
        m.GetFileRequest(file=file("/nope")),
        S.NOT_FOUND,
        "^file /nope not found in repo default/data at com",
    ),
    ("WalkFile", m.WalkFileRequest(file=file("/nope")), S.NOT_FOUND, r"^commit/\w+ does not contain item: \(/nope\)$"),
    (
        "ListFile",
        m.ListFileRequest(file=file("/", "nope")),
        S.NOT_FOUND,
        '^branch "nope" not found in repo default/data$',
    ),
    (
        "ListFile",
        m.ListFileRequest(file=file("/"), number=100001),
        S.INVALID_ARGUMENT,
        "^cannot return more than 100000 f",
    ),
    (
        "ListFile",
        m.ListFileRequest(file=file("/"), reverse=True),
        S.INVALID_ARGUMENT,
        "^number must be > 0 when reverse is",
    ),
    ("GlobFile", m.GlobFileRequest(commit=commit("master"), pattern="/a}"), S.UNKNOWN, "unexpected token: }"),
    ("DiffFile", m.DiffFileRequest(new_file=file("/", MISSING_ID)), S.NOT_FOUND, "^commit default/data@.* not found$"),
]

WRITES: Cases = [
    ("ModifyFile", stream(), S.INVALID_ARGUMENT, "^first message must be a commit$"),
    ("ModifyFile", stream(add("/a")), S.INVALID_ARGUMENT, "^first message must be a commit$"),
    ("ModifyFile", stream(ON_MASTER, add("/a"), ON_MASTER), S.INVALID_ARGUMENT, "^cannot set commit"),
    ("ModifyFile", stream(ON_MASTER, m.ModifyFileRequest()), S.INVALID_ARGUMENT, "^validate recv: "),
    ("ModifyFile", stream(to(m.Commit()), add("/a")), S.INVALID_ARGUMENT, "^cannot resolve nil commit"),
    ("ModifyFile", stream(to(commit(on="b", of="nope")), add("/a")), S.NOT_FOUND, "^repo default/nope not found$"),
    (
        "ModifyFile",
        stream(to(commit("nope")), add("/a")),
        S.NOT_FOUND,
        '^branch "nope" not found in repo default/data$',
    ),
    ("ModifyFile", stream(to(commit("master")), add("/a")), S.UNKNOWN, "^commit default/data@.* has already finished$"),
    ("ModifyFile", stream(to(commit(on="a b")), add("/a")), S.UNKNOWN, r"^name \(a b\) invalid"),
    ("ModifyFile", stream(ON_MASTER, add("/ok"), add("../x")), S.UNKNOWN, "relative file paths are not allowed$"),
    ("ModifyFile", stream(ON_MASTER, add("/ok"), add("")), S.INVALID_ARGUMENT, r"^path \(\) invalid"),
    ("ModifyFile", stream(ON_MASTER, add("/ok"), add("/")), S.INVALID_ARGUMENT, "the root is a directory"),
    (
        "ModifyFile",
        stream(ON_MASTER, add("/ok"), add("/a\nb")),
        S.INVALID_ARGUMENT,
        "only printable characters allowed$",
    ),
    ("ModifyFile", stream(ON_MASTER, add("/" + "x" * 100_000)), S.INVALID_ARGUMENT, "longer than 4096 bytes"),
    ("ModifyFile", stream(ON_MASTER, add("/\n" * 50_000)), S.INVALID_ARGUMENT, "^path "),
    ("ModifyFile", stream(ON_MASTER, delete("/a/../b")), S.UNKNOWN, "relative file paths are not allowed$"),
    ("ModifyFile", stream(ON_MASTER, add("/f/below")), S.UNKNOWN, r"file / directory path collision \(/f\)$"),
    ("ModifyFile", stream(ON_MASTER, add("/d")), S.UNKNOWN, r"file / directory path collision \(/d\)$"),
    ("ModifyFile", stream(ON_MASTER, copy("/c", file("/f", of="nope"))), S.NOT_FOUND, "^repo default/nope not found$"),
    ("ModifyFile", stream(ON_MASTER, copy("/../c", file("/f"))), S.UNKNOWN, "relative file paths are not allowed$"),
    ("ModifyFile", stream(ON_MASTER, copy("/../c", file("/d"))), S.UNKNOWN, "relative file paths are not allowed$"),
]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Serving]:
    """data (with /d/x, /f on master) feeds out, whose commit is finished; spare is empty. Nothing changes it."""
    made = Serving(tmp_path_factory.mktemp("spoiled"))
    for name in ("data", "out", "spare"):
        made.raw.CreateRepo(m.CreateRepoRequest(repo=repo(name)))
    made.raw.ModifyFile(iter(stream(ON_MASTER, add("/f"), add("/d/x"), add("/d/y"))))
    made.raw.CreateBranch(m.CreateBranchRequest(branch=branch("master", "out"), provenance=[branch("master")]))
    made.raw.FinishCommit(m.FinishCommitRequest(commit=commit("master", "out")))
    made.raw.InspectCommit(m.InspectCommitRequest(commit=commit("master", "out"), wait=4))
    before = state(made)
    yield made
    assert state(made) == before
    assert made.problems() == []
    made.stop()


def state(serving: Serving) -> list[object]:
    with serving.catalog.read() as tx:
        tables = ("projects", "repos", "branches", "commits", "branch_provenance", "commit_provenance", "layers")
        return [[tuple(row) for row in tx.rows(f"SELECT * FROM {table}")] for table in tables]


@pytest.mark.parametrize(
    ("rpc", "request_", "code", "words"),
    [*REPOS, *BRANCHES, *COMMITS, *FILES, *WRITES],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_bad_input(
    spoiled: Serving,
    rpc: str,
    request_: object,
    code: grpc.StatusCode,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = state(spoiled)
    with caplog.at_level(logging.ERROR, "trunkline"), pytest.raises(grpc.RpcError) as refused:
        answer = getattr(spoiled.raw, rpc)(iter(request_) if isinstance(request_, tuple) else request_)
        if not isinstance(answer, (Empty, m.Commit)) and hasattr(answer, "__iter__"):
            list(answer)
    assert refused.value.code() is code, refused.value.details()
    details = refused.value.details()
    assert re.search(words, details), details
    assert "\n" not in details or rpc == "DeleteProject"  # one line for each repo
    assert caplog.records == []  # a mistake of the caller is no event of the server
    assert state(spoiled) == before


def test_an_unforeseen_error_is_logged_and_tells_nothing_of_the_inside(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object, **names: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("trunkline.pfs.repos.select", broken)
    with caplog.at_level(logging.ERROR, "trunkline"), pytest.raises(grpc.RpcError) as refused:
        list(serving.raw.ListRepo(m.ListRepoRequest()))
    assert refused.value.code() is S.INTERNAL
    assert "RuntimeError" in refused.value.details()
    assert "secret detail" not in refused.value.details()
    assert "secret detail" in caplog.text


def test_what_is_not_built_says_so(serving: Serving) -> None:
    missing = [
        (service.full_name, method.name)
        for module, offered in ((m.DESCRIPTOR, PfsService), (pps_pb2.DESCRIPTOR, PpsService))
        for service in module.services_by_name.values()
        for method in service.methods
        if not hasattr(offered, method.name) and not method.client_streaming and not method.server_streaming
    ]
    for service, name in missing:
        with pytest.raises(grpc.RpcError) as refused:
            serving.channel.unary_unary(f"/{service}/{name}")(b"")
        assert refused.value.code() is S.UNIMPLEMENTED
        assert refused.value.details() == f"{service}.{name} is not built yet: docs/compatibility.md lists what is"


def test_unknown_methods_and_services_are_the_standard_answer(serving: Serving) -> None:
    for method in ("/pfs_v2.API/Frobnicate", "/nope_v2.API/Call"):
        with pytest.raises(grpc.RpcError) as refused:
            serving.channel.unary_unary(method)(b"")
        assert refused.value.code() is S.UNIMPLEMENTED


def test_a_message_that_is_too_large_is_refused_by_the_border(serving: Serving) -> None:
    serving.raw.CreateRepo(m.CreateRepoRequest(repo=repo("data")))
    huge = m.ModifyFileRequest(add_file=m.AddFile(path="/f", raw={"value": bytes(21 << 20)}))
    with pytest.raises(grpc.RpcError) as refused:
        serving.raw.ModifyFile(iter(stream(ON_MASTER, huge)))
    assert refused.value.code() is S.RESOURCE_EXHAUSTED
    with serving.catalog.read() as tx:
        assert tx.row("SELECT 1 FROM commits") is None
