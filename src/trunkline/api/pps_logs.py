"""Logs over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from trunkline.api import convert, convert_pps, reading
from trunkline.api.dispatch import Call
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.log_queries import LogEntry, LogQuery
from trunkline.pps.pps import Pps
from trunkline.wire import pps_pb2


class ServerLog(Protocol):
    """The log of pachd itself."""

    def lines(self, *, tail: int, follow: bool, alive: Callable[[], bool]) -> Iterator[str]:
        """Its lines, oldest first."""
        ...


class LogCalls:
    """GetLogs."""

    _pps: Pps
    _server_log: ServerLog

    def GetLogs(self, request: pps_pb2.GetLogsRequest, call: Call) -> Iterator[pps_pb2.LogMessage]:
        """What user code printed, and what the workers said, by job or pipeline."""
        if not request.HasField("pipeline") and not request.HasField("job"):
            if request.HasField("datum") or request.data_filters:
                raise InvalidRequest("must specify the Job or Pipeline that the datum is from to get logs for it")
            lines = self._server_log.lines(tail=request.tail, follow=request.follow, alive=call.alive)
            yield from (pps_pb2.LogMessage(message=line) for line in lines)
            return
        query = LogQuery(
            datum=request.datum.id,
            data=tuple(request.data_filters),
            master=request.master,
            follow=request.follow,
            tail=request.tail,
            since=self._since(request),
        )
        found = self._pps.logs(
            query,
            pipeline=convert_pps.pipeline_ref(request.pipeline) if request.HasField("pipeline") else None,
            job=convert_pps.job_ref(request.job) if request.HasField("job") else None,
            alive=call.alive,
        )
        yield from map(_message, found)

    def _since(self, request: pps_pb2.GetLogsRequest) -> Nanos | None:
        back = reading.nanos(request.since, "since") if request.HasField("since") else 0
        return Nanos(self._pps.pfs.clock.now() - back) if back else None


def _message(entry: LogEntry) -> pps_pb2.LogMessage:
    record, job = entry.record, entry.job
    return pps_pb2.LogMessage(
        project_name=job.pipeline.project,
        pipeline_name=job.pipeline.name,
        job_id=job.id,
        worker_id=record.worker,
        datum_id=record.datum,
        master=record.master,
        data=[pps_pb2.InputFile(path=path, hash=digest) for path, digest in entry.data],
        user=record.user,
        ts=convert.timestamp(record.ts),
        message=record.message,
    )
