"""`pachyderm.worker.Worker`: what user code may ask its own worker, at localhost:$PPS_WORKER_GRPC_PORT.

On loopback only. A run of user code that gets many datums has a port of its own, so that nothing which an earlier run
sent in its last moment can be taken for a word of the next one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import Cancelled, StorageFailed
from trunkline.wire import pps_pb2
from trunkline.wire import worker_pb2 as wire
from trunkline.wire.worker_pb2_grpc import WorkerServicer, add_WorkerServicer_to_server
from trunkline.worker import messages
from trunkline.worker.now import Now
from trunkline.worker.turns import Turns

_THREADS = 8
_OPTIONS = [("grpc.so_reuseport", 0)]


class WorkerService(WorkerServicer):
    """Answers user code.

    Args:
        worker: this worker's id.
        turns: of the run of user code that is served; none if it works on one datum only.
    """

    def __init__(self, worker: str, now: Now, turns: Turns | None) -> None:
        self._worker, self._now, self._turns = worker, now, turns

    def Status(self, request: Empty, context: grpc.ServicerContext) -> pps_pb2.WorkerStatus:  # noqa: N802
        """What this worker does now."""
        doing = self._now.doing
        status = pps_pb2.WorkerStatus(worker_id=self._worker, job_id=doing.job)
        if doing.datum is not None:
            status.datum_status.started.CopyFrom(messages.timestamp(doing.started))
            found = (pps_pb2.InputFile(path=one.path, hash=one.hash) for one in doing.datum.inputs)
            status.datum_status.data.extend(found)
        return status

    def Cancel(self, request: wire.CancelRequest, context: grpc.ServicerContext) -> wire.CancelResponse:  # noqa: N802
        """Has the datum under way begin again."""
        return wire.CancelResponse(success=self._now.cancel(request.job_id, list(request.data_filters)))

    def NextDatum(  # noqa: N802
        self, request: wire.NextDatumRequest, context: grpc.ServicerContext
    ) -> wire.NextDatumResponse:
        """Says how the last datum ended, and waits for the next one."""
        turns = self._turns
        if turns is None:
            _abort(context, grpc.StatusCode.UNKNOWN, "datum batching not enabled")
        context.add_callback(turns.wake)
        try:
            variables = turns.next_datum(request.error, context.is_active)
        except Cancelled as error:
            _abort(context, grpc.StatusCode.CANCELLED, str(error))
        return wire.NextDatumResponse(env=[f"{name}={value}" for name, value in variables.items()])


class WorkerServer:
    """Serves user code until it is stopped.

    Attributes:
        port: on localhost.
    """

    def __init__(self, service: WorkerService) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="service")
        # More calls at a time than there are threads would wait for one another without end.
        self._server = grpc.server(self._threads, options=_OPTIONS, maximum_concurrent_rpcs=_THREADS)
        add_WorkerServicer_to_server(service, self._server)  # type: ignore[no-untyped-call]
        try:
            self.port = self._server.add_insecure_port("localhost:0")
        except RuntimeError as error:
            raise StorageFailed(f"the worker cannot listen on localhost for user code: {error}") from None
        self._server.start()

    def stop(self) -> None:
        """Ends all calls."""
        self._server.stop(0).wait()
        self._threads.shutdown(wait=False)


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text)
    raise AssertionError("abort raises")
