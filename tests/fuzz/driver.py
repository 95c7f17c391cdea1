"""Sends requests, and judges the answers."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from tests.fuzz.messages import Known, Maker
from tests.fuzz.target import Target, methods

from trunkline.api.dispatch import ERROR_KEY

WAITS = {"InspectCommit", "InspectCommitSet", "SubscribeCommit", "InspectJob", "InspectJobSet", "SubscribeJob"}
WAITS |= {"GetLogs", "NextBatch", "Watch", "CreateDatum", "GetFile", "GetFileTAR", "ModifyFile"}
WAITS |= {"InspectFile", "ListFile", "WalkFile", "GlobFile", "DiffFile", "GetFileSet", "CreateFileSet", "CreateFileset"}
WAITS |= {"Write", "Locate", "Egress"}
"""Calls that may wait for something to happen: they are given up soon, and that is no failure."""

SOON, LATE = 0.15, 30.0
RARE = {"DeleteAll", "DeleteRepos", "DeletePipelines", "DeleteProject"}
RARELY = 0.1
NOT_OURS = {"Shutdown"}
"""Ends pachd, as it should."""


class Case(NamedTuple):
    """A call that can be made again.

    Attributes:
        cut: the stream of requests does not end: the caller goes away (`cancel`), or just waits (`hang`).
    """

    method: str
    requests: tuple[bytes, ...]
    metadata: tuple[tuple[str, str], ...] = ()
    cut: str = ""

    def __str__(self) -> str:
        shown = ", ".join(f"bytes.fromhex({one.hex()[:4000]!r})" for one in self.requests)
        return f"Case({self.method!r}, ({shown},), {self.metadata}, {self.cut!r})"


class Answer(NamedTuple):
    """What came back."""

    code: grpc.StatusCode
    details: str
    error: str
    messages: tuple[bytes, ...]


def send(target: Target, case: Case, timeout: float) -> Answer:
    """Makes a call."""
    if case.cut:
        return _send_cut(target, case, timeout)
    method = BY_NAME[case.method]
    kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
    call = getattr(target.channel, kind)(case.method)

    given = iter(case.requests) if method.client_streaming else case.requests[0]
    found: list[bytes] = []
    try:
        if method.server_streaming:
            running = call(given, timeout=timeout, metadata=case.metadata)
            for message in running:
                found.append(message)
                if len(found) > 200:
                    running.cancel()
                    break
            return Answer(grpc.StatusCode.OK, "", "", tuple(found))
        message = call(given, timeout=timeout, metadata=case.metadata)
        return Answer(grpc.StatusCode.OK, "", "", (message,))
    except grpc.RpcError as error:
        return _answer(error, found)


def _answer(error: grpc.RpcError, found: list[bytes]) -> Answer:
    trailer = dict(error.trailing_metadata() or ())
    return Answer(error.code(), error.details() or "", str(trailer.get(ERROR_KEY, "")), tuple(found))


def _send_cut(target: Target, case: Case, timeout: float) -> Answer:
    """Sends a stream that does not end."""
    sent, over = threading.Event(), threading.Event()

    def requests() -> Iterator[bytes]:
        yield from case.requests
        sent.set()
        over.wait(60)

    call = target.channel.stream_unary(case.method).future(requests(), timeout=timeout, metadata=case.metadata)
    try:
        if case.cut == "cancel":
            sent.wait(timeout)
            call.cancel()
        return Answer(grpc.StatusCode.OK, "", "", (call.result(),))
    except grpc.FutureCancelledError:
        return Answer(grpc.StatusCode.CANCELLED, "", "", ())
    except grpc.RpcError as error:
        return _answer(error, [])
    finally:
        over.set()


def fault(case: Case, answer: Answer) -> str:
    """What is wrong with an answer; empty if nothing is."""
    name = case.method.rpartition("/")[2]
    code = answer.code
    if "Traceback" in answer.details or "unforeseen" in answer.details:
        return f"unforeseen: {answer.details}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "" if name in WAITS or case.cut else "no answer in time"
    if code is grpc.StatusCode.CANCELLED:
        return "" if case.cut or name in WAITS else f"cancelled: {answer.details}"
    if code in (grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED):
        return ""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in answer.details:
        return ""
    if not answer.error:
        return f"{code.name} from nowhere: {answer.details}"
    if answer.error in ("storage-failed", "storage-full", "corrupt", "object-missing", "error"):
        return f"{answer.error}: {answer.details}"
    return ""


class Fuzzer:
    """Plays calls from a seed."""

    def __init__(self, target: Target, seed: int) -> None:
        self.target, self.seed = target, seed
        self.chance = random.Random(seed)
        self.known = Known()
        self.maker = Maker(self.chance, self.known)
        self.codes: Counter[str] = Counter()
        self.faults: list[str] = []

    def run(self, calls: int) -> None:
        """Makes so many calls; `faults` has what was wrong with the answers."""
        weights = [_weight(method) for method in METHODS]
        unbuilt: Counter[str] = Counter()
        for number in range(calls):
            if number % 100 == 0:
                self.look()
            (method,) = self.chance.choices(METHODS, weights)
            unbuilt[method.full_name] += 1 if self.one(method) is grpc.StatusCode.UNIMPLEMENTED else -10
            if unbuilt[method.full_name] == 3:
                weights[METHODS.index(method)] = RARELY

    def one(self, method: MethodDescriptor) -> grpc.StatusCode:
        """Makes one call of an RPC."""
        case = self.case(method)
        before = len(self.target.tracebacks.found)
        answer = send(self.target, case, SOON if method.name in WAITS or case.cut else LATE)
        self.codes[f"{method.full_name} {answer.code.name}"] += 1
        wrong = fault(case, answer)
        if len(self.target.tracebacks.found) > before:
            wrong += "\n" + "\n".join(self.target.tracebacks.found[before:])
        if wrong:
            self.faults.append(f"{wrong}\n  {case}")
        if answer.code is grpc.StatusCode.OK:
            self.learn(method, answer)
        return answer.code

    def case(self, method: MethodDescriptor) -> Case:
        """A random call of an RPC."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        metadata: list[tuple[str, str]] = []
        if self.chance.random() < 0.05:
            pool = [*self.known.things["transaction"], "", "nonsense", "0" * 32, "x" * 4000]
            metadata.append(("pach-transaction", self.chance.choice(pool)))
        if method.containing_service.name == "Work" and self.chance.random() < 0.9:
            metadata.append(("worker-token", self.target.token()))
        if method.client_streaming:
            requests = tuple(self.maker.stream(method.input_type))
            cut = "" if method.server_streaming else self.chance.choice(("", "", "", "", "cancel", "hang"))
            return Case(path, requests, tuple(metadata), cut)
        return Case(path, (self.maker.request(method.input_type),), tuple(metadata))

    def learn(self, method: MethodDescriptor, answer: Answer) -> None:
        """Remembers what was made."""
        fields = [field.name for field in method.output_type.fields]
        told = next((name for name in ("file_set_id", "fileset_id") if name in fields), "id")
        kind = {"StartTransaction": "transaction", "StartCommit": "id", "Open": "session"}.get(method.name)
        kind = "file set" if told != "id" and not method.server_streaming else kind
        if kind:
            self.known.learn(kind, getattr(GetMessageClass(method.output_type).FromString(answer.messages[0]), told))
            self.codes[f"made a {kind}"] += 1

    def look(self) -> None:
        """Sees to it that there is something to hit, and learns what there is."""
        self.target.furnish()
        commits = [info.commit for info in self.target.ask(_LIST_COMMIT, number=30, all=True)]
        branches = [info.branch for info in self.target.ask(_LIST_BRANCH)]
        jobs = [info.job for info in self.target.ask(_LIST_JOB, number=20)]
        for commit in commits:
            self.known.learn("id", commit.id)
        heads = [commit.__class__(branch=branch, repo=branch.repo) for commit in commits[:1] for branch in branches]
        every = [*commits, *branches, *jobs, *heads, *(one.repo for one in branches), *(one.pipeline for one in jobs)]
        self.known.whole = {}
        for message in every:
            self.known.whole.setdefault(message.DESCRIPTOR.full_name, []).append(message)


def _weight(method: MethodDescriptor) -> float:
    if method.name in NOT_OURS:
        return 0
    if method.name in RARE:
        return RARELY
    return 3 if method.client_streaming else 1


METHODS = methods()
BY_NAME = {f"/{method.containing_service.full_name}/{method.name}": method for method in METHODS}
_LIST_COMMIT, _LIST_BRANCH = BY_NAME["/pfs_v2.API/ListCommit"], BY_NAME["/pfs_v2.API/ListBranch"]
_LIST_JOB = BY_NAME["/pps_v2.API/ListJob"]
