"""A pachd as far as workers can see: the `Work` service over real gRPC, with work put in by tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import empty_pb2

from trunkline.content.codec import chunk_key
from trunkline.content.entry import from_entry, to_entry
from trunkline.content.reader import ContentReader
from trunkline.maps import Entry, Maps, Root
from trunkline.objects.local import LocalStore
from trunkline.testing.content import write_files
from trunkline.wire import trunkline_pb2 as wire
from trunkline.wire.trunkline_pb2_grpc import WorkServicer, add_WorkServicer_to_server
from trunkline.worker.messages import duration

TOKEN = "the-token-of-this-test"
LEASE = 0.3


class FakePachd(WorkServicer):
    """Hands out batches, and remembers what it was told, in the order in which it was told.

    Attributes:
        events: (`log`, line) and (`report`, report) and (`done`, batch id) and (`renew`, request).
        verdicts: answers to the next renewals of a batch, one each.
        missing: chunks that a report named before they were in the store.
        seen: workers that asked for work.
        log_gate: log calls wait while it is not set.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.store = LocalStore(folder / "store")
        self.maps = Maps(self.store)
        self.events: list[tuple[str, object]] = []
        self.verdicts: dict[str, deque[wire.Verdict]] = {}
        self.missing: list[str] = []
        self.seen: set[str] = set()
        self.handed_out: dict[str, str] = {}
        self.log_gate = threading.Event()
        self.log_gate.set()
        self._batches: deque[wire.Batch] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._pool = ThreadPoolExecutor(16)
        self._server = grpc.server(self._pool, options=[("grpc.max_receive_message_length", -1)])
        add_WorkServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    # -- the service ----------------------------------------------------------------------------------------

    def NextBatch(self, request, context):
        self._check(context)
        with self._changed:
            self.seen.add(request.worker)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._batches or self._stopping, request.wait.seconds)
            if self._stopping or not self._batches:
                return wire.NextBatchResponse()
            batch = self._batches.popleft()
            self.handed_out[batch.id] = request.worker
            self._changed.notify_all()
            return wire.NextBatchResponse(batch=batch)

    def Report(self, request, context):
        self._check(context)
        for report in request.datums:
            for entry in self._entries(report):
                keys = [chunk_key(each.chunk) for each in from_entry(entry).slices]
                self.missing += [key for key in keys if not self.store.has(key)]
        with self._changed:
            self.events += [("report", each) for each in request.datums]
            self.events.append(("call", len(request.datums)))
            if request.done:
                self.events.append(("done", request.batch))
            self._changed.notify_all()
        return wire.Verdict()

    def Renew(self, request, context):
        self._check(context)
        with self._changed:
            self.events.append(("renew", request))
            waiting = self.verdicts.get(request.batch)
            self._changed.notify_all()
            if waiting and (request.datum or not waiting[0].restart):
                return waiting.popleft()
            return wire.Verdict()

    def Log(self, request, context):
        self._check(context)
        self.log_gate.wait()
        with self._changed:
            self.events += [("log", each) for each in request.lines]
            self._changed.notify_all()
        return empty_pb2.Empty()

    def _check(self, context):
        if ("worker-token", TOKEN) not in [tuple(each) for each in context.invocation_metadata()]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")

    # -- for tests ------------------------------------------------------------------------------------------

    def submit(self, batch: wire.Batch) -> None:
        with self._changed:
            self._batches.append(batch)
            self._changed.notify_all()

    def wait(self, condition, what: str, seconds: float = 30.0) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"waited in vain for: {what}; {self.events[-5:]}"

    def of(self, kind: str) -> list:
        return [value for name, value in list(self.events) if name == kind]

    def work(self, batch: wire.Batch) -> dict[str, wire.DatumReport]:
        """Has a batch worked on to its end; the reports by datum."""
        self.submit(batch)
        self.wait(lambda: batch.id in self.of("done"), f"batch {batch.id}")
        ids = [each.id for each in batch.datums]
        reports = [each for each in self.of("report") if each.id in ids]
        assert sorted(each.id for each in reports) == sorted(ids), "each datum is reported once"
        assert self.missing == []
        return {each.id: each for each in reports}

    def lines(self, datum: str | None = None, *, user: bool = True) -> list[str]:
        found = [each for each in self.of("log") if each.user == user]
        return [each.message for each in found if datum is None or each.datum == datum]

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self.log_gate.set()
        self._server.stop(0).wait()
        self._pool.shutdown()

    # -- what is in the store -------------------------------------------------------------------------------

    def commit(self, files: dict[str, bytes]) -> bytes:
        """The packed root of a commit with these files."""
        paths = sorted(files)
        entries = write_files(self.store, [files[path] for path in paths])
        return self.maps.build(
            to_entry(path.encode(), entry) for path, entry in zip(paths, entries, strict=True)
        ).pack()

    def outputs(self, report: wire.DatumReport) -> dict[str, bytes]:
        """The files of a report, read from the store."""
        reader = ContentReader(self.store, 0)
        found = {}
        for entry in self._entries(report):
            file = from_entry(entry)
            assert file.tag == report.id
            found[entry[0].decode()] = b"".join(reader.read(file))
        return found

    def _entries(self, report: wire.DatumReport) -> list[Entry]:
        """From a cold cache: every node of the map must be durable when it is reported."""
        return list(Maps(self.store).range(Root.unpack(report.outputs))) if report.outputs else []


class WorkerProcess:
    """A worker, as pachd starts it."""

    def __init__(self, pachd: FakePachd, name: str, environ: dict[str, str] | None = None, **settings: object) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.worker"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "SECRET_OF_PACHD": "x"} | (environ or {}),
        )
        assert self.process.stdin is not None
        self.process.stdin.write(self.settings(pachd, name, **settings))
        self.process.stdin.flush()

    @staticmethod
    def settings(pachd: FakePachd, name: str, **settings: object) -> bytes:
        """The line that a worker reads first."""
        config = {
            "address": f"127.0.0.1:{pachd.port}",
            "token": TOKEN,
            "worker": name,
            "store": str(pachd.home / "store"),
            "scratch": str(pachd.home / "scratch" / name),
            "home": str(pachd.home),
            "isolation": "auto",
            "lease_seconds": 30,
        } | settings
        return json.dumps(config).encode() + b"\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """Hangs up, as a pachd that ends; the worker must end too."""
        _, errors = self.process.communicate(timeout=20)
        assert b"Traceback" not in errors, errors.decode()


_numbers = iter(range(1, 1 << 30))


def datum(*inputs: wire.DatumInput) -> wire.WorkDatum:
    return wire.WorkDatum(id=f"{next(_numbers):064x}", inputs=inputs)


def batch(datums: list[wire.WorkDatum], **transform: object) -> wire.Batch:
    number = next(_numbers)
    return wire.Batch(
        id=f"batch-{number}",
        project="default",
        pipeline="edges",
        job=f"{number:032x}",
        spec_commit="5" * 32,
        output_branch="master",
        transform=wire.WorkTransform(**transform),
        datums=datums,
        lease=duration(LEASE),
    )


def script(text: str) -> dict[str, list[str]]:
    """The part of a transform that runs a script by the shell."""
    return {"cmd": ["sh"], "stdin": text.split("\n")}
