"""`pps_v2.API`: pipelines, jobs and datums over gRPC."""

from __future__ import annotations

from trunkline.api.pps_jobs import JobCalls
from trunkline.api.pps_logs import LogCalls, ServerLog
from trunkline.api.pps_pipelines import PipelineCalls
from trunkline.api.transactions import Transactions
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.pps import Pps


class PpsService(PipelineCalls, JobCalls, LogCalls):
    """Every RPC of `pps_v2.API` that is built."""

    def __init__(
        self, pps: Pps, dispatcher: Dispatcher, server_log: ServerLog, transactions: Transactions | None = None
    ) -> None:
        self._pps = pps
        self._dispatcher = dispatcher
        self._server_log = server_log
        self._transactions = transactions or Transactions(pps.pfs, pps.logbook.wake)
