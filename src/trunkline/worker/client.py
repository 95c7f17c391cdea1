"""The worker's calls to pachd: the only module of the worker with gRPC in it.

Nothing is retried: a worker whose pachd is gone has nothing to do but to go as well, and what it had not yet
reported is handed to another one. Every failure of a call is raised as `PachdGone`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from trunkline.kernel.errors import Unreachable
from trunkline.wire import trunkline_pb2 as wire
from trunkline.wire.trunkline_pb2_grpc import WorkStub
from trunkline.worker import messages, model
from trunkline.worker.config import WorkerConfig

CALL_SECONDS = 60.0
"""How long a call may take before pachd counts as gone."""

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
]


class PachdGone(Unreachable):
    """pachd does not answer, or has refused a call of this worker."""

    code = "pachd-gone"


class Client:
    """The `Work` service, as one worker calls it. Thread-safe."""

    def __init__(self, config: WorkerConfig) -> None:
        self._worker = config.worker
        self._lease_seconds = config.lease_seconds
        self._metadata = (("worker-token", config.token),)
        self._channel = grpc.insecure_channel(config.address, options=_OPTIONS)
        self._stub = WorkStub(self._channel)  # type: ignore[no-untyped-call]

    def next_batch(self, wait: float) -> model.Batch | None:
        """Asks for work.

        Args:
            wait: seconds that pachd may wait for some to come.

        Returns:
            A batch, or none if no work came in time.
        """
        request = wire.NextBatchRequest(worker=self._worker, pid=os.getpid(), wait=messages.duration(wait))
        answer = self._call(self._stub.NextBatch, request, wait + CALL_SECONDS)
        return messages.batch(answer.batch, self._lease_seconds) if answer.HasField("batch") else None

    def report(self, batch: str, outcomes: Sequence[model.Outcome], *, done: bool) -> model.Verdict:
        """Reports datums; with `done` the batch is given back."""
        reports = [messages.report(each) for each in outcomes]
        request = wire.ReportRequest(worker=self._worker, batch=batch, datums=reports, done=done)
        return messages.verdict(self._call(self._stub.Report, request))

    def renew(self, batch: str, datum: str, started: int) -> model.Verdict:
        """Keeps the lease.

        Args:
            datum: the id of the one under way; empty between datums.
            started: when it began, in nanoseconds since the epoch.
        """
        request = wire.RenewRequest(worker=self._worker, batch=batch, datum=datum)
        if datum:
            request.datum_started.CopyFrom(messages.timestamp(started))
        return messages.verdict(self._call(self._stub.Renew, request))

    def log(self, batch: str, lines: Sequence[model.Line]) -> None:
        """Adds lines to the log of the batch's job."""
        lines_ = [messages.line(each) for each in lines]
        self._call(self._stub.Log, wire.LogRequest(worker=self._worker, batch=batch, lines=lines_))

    def close(self) -> None:
        """Hangs up."""
        self._channel.close()

    def _call(self, method: Callable[..., Any], request: Any, timeout: float = CALL_SECONDS) -> Any:
        try:
            return method(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise PachdGone(f"pachd: {error.details()} ({error.code().name}); the worker ends") from None
