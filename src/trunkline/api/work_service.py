"""`trunkline.v1.Work`: what workers call. Only those that pachd started have the token for it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert_work, reading
from trunkline.api.dispatch import Call
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import PermissionDenied, StorageFailed, StorageFull
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.logbook import Logbook, Record
from trunkline.wire import trunkline_pb2 as wire

log = logging.getLogger("trunkline.api")

LONGEST_WAIT = 30.0
"""Seconds that a call for work may block."""


class WorkService:
    """Hands out batches, takes reports and log lines.

    Args:
        dispatcher_of: who hands out work to a worker.
    """

    def __init__(self, dispatcher_of: Callable[[str], Dispatcher], logbook: Logbook, token: str) -> None:
        self._dispatcher_of, self._logbook, self._token = dispatcher_of, logbook, token

    def NextBatch(self, request: wire.NextBatchRequest, call: Call) -> wire.NextBatchResponse:
        """A batch, or none if no work came in time."""
        self._check(call)
        wait = min(reading.nanos(request.wait, "wait") / 1e9, LONGEST_WAIT)
        batch = self._dispatcher_of(request.worker).next_batch(request.worker, wait, call.alive)
        return wire.NextBatchResponse(batch=None if batch is None else convert_work.batch(batch))

    def Report(self, request: wire.ReportRequest, call: Call) -> wire.Verdict:
        """What datums of a batch came to; durable when this answers."""
        self._check(call)
        reports = [convert_work.report(one) for one in request.datums]
        dispatcher = self._dispatcher_of(request.worker)
        return convert_work.verdict(dispatcher.report(request.worker, request.batch, reports, request.done))

    def Renew(self, request: wire.RenewRequest, call: Call) -> wire.Verdict:
        """Keeps a lease."""
        self._check(call)
        has_started = request.HasField("datum_started")
        started = reading.nanos(request.datum_started, "datum_started") if has_started else None
        return convert_work.verdict(
            self._dispatcher_of(request.worker).renew(
                request.worker, request.batch, request.datum, None if started is None else Nanos(started)
            )
        )

    def Log(self, request: wire.LogRequest, call: Call) -> Empty:
        """Lines for the log of the batch's job; of a batch that is lost they are dropped.

        So they are where there is no room for them: a full disk must not look like a pachd that is gone.
        """
        self._check(call)
        job = self._dispatcher_of(request.worker).job_of(request.worker, request.batch)
        if job is not None:
            records = [
                Record(
                    ts=Nanos(reading.nanos(line.ts, "ts")),
                    message=line.message,
                    worker=request.worker,
                    datum=line.datum,
                    user=line.user,
                )
                for line in request.lines
            ]
            try:
                self._logbook.append(job, records)
            except (StorageFull, StorageFailed) as error:
                log.warning("lines of a job's log are lost: %s", error)
        return Empty()

    def _check(self, call: Call) -> None:
        if not hmac.compare_digest(call.metadata("worker-token"), self._token):
            raise PermissionDenied("only workers that pachd started may call this service")
