"""`pps_v2.API`: pipelines, jobs and datums over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.api.dispatch import AuthNotActivated, Call
from trunkline.api.pps_defaults import DefaultsCalls
from trunkline.api.pps_jobs import JobCalls
from trunkline.api.pps_load import LoadCalls
from trunkline.api.pps_logs import LogCalls, ServerLog
from trunkline.api.pps_overview import OverviewCalls
from trunkline.api.pps_pipelines import PipelineCalls
from trunkline.api.pps_secrets import SecretCalls
from trunkline.api.pps_templates import TemplateCalls
from trunkline.api.transactions import Transactions
from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.pps import Pps
from trunkline.wire import pps_pb2, taskapi_pb2


class PpsService(
    PipelineCalls,
    DefaultsCalls,
    TemplateCalls,
    JobCalls,
    LogCalls,
    SecretCalls,
    OverviewCalls,
    LoadCalls,
):
    """Every RPC of `pps_v2.API` that is built."""

    def __init__(
        self, pps: Pps, dispatcher: Dispatcher, server_log: ServerLog, transactions: Transactions | None = None
    ) -> None:
        self._pps = pps
        self._dispatcher = dispatcher
        self._server_log = server_log
        self._transactions = transactions or Transactions(pps.pfs, pps.logbook.wake)

    def ActivateAuth(self, request: pps_pb2.ActivateAuthRequest, call: Call) -> pps_pb2.ActivateAuthResponse:
        """As an original without authentication."""
        raise AuthNotActivated("the auth service is not activated")

    def ListTask(self, request: taskapi_pb2.ListTaskRequest, call: Call) -> Iterator[taskapi_pb2.TaskInfo]:
        """There are no internal tasks here: batches of datums are handed out by a service of our own."""
        if not request.HasField("group"):
            raise InvalidRequest("validate request: ListTaskRequest.group: value is required")
        return iter(())
