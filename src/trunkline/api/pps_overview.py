"""Pipelines as a whole, and the end of all of them: over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert_pps
from trunkline.api.dispatch import Call
from trunkline.kernel.errors import InvalidRequest, NotBuilt
from trunkline.pfs import projects
from trunkline.pps import summary, uptime
from trunkline.pps.pps import Pps
from trunkline.wire import pfs_pb2, pps_pb2

_NO_LOKI = "loki is not part of this installation"


class OverviewCalls:
    """The RPCs that are about no single pipeline."""

    _pps: Pps

    def PipelinesSummary(
        self, request: pps_pb2.PipelinesSummaryRequest, call: Call
    ) -> pps_pb2.PipelinesSummaryResponse:
        """How many pipelines of each project are active, paused, failed, unhealthy."""
        with self._pps.pfs.catalog.read() as tx:
            found = summary.summaries(tx, [one.name for one in request.projects])
        return pps_pb2.PipelinesSummaryResponse(
            summaries=[
                pps_pb2.PipelinesSummary(
                    project=pfs_pb2.Project(name=one.project),
                    active_pipelines=one.active,
                    paused_pipelines=one.paused,
                    failed_pipelines=one.failed,
                    unhealthy_pipelines=one.unhealthy,
                )
                for one in found
            ]
        )

    def CheckStatus(self, request: pps_pb2.CheckStatusRequest, call: Call) -> Iterator[pps_pb2.CheckStatusResponse]:
        """The pipelines that somebody should look at, of one project or of all."""
        of_one = request.WhichOneof("context") == "project"
        if of_one and not request.project.name:
            raise InvalidRequest("project must be specified: name one, or ask for all")
        with self._pps.pfs.catalog.read() as tx:
            if of_one:
                projects.need(tx, request.project.name)
            found = list(uptime.alerts(tx, self._pps.pfs.clock.now(), request.project.name))
        for one in found:
            yield pps_pb2.CheckStatusResponse(
                project=request.project if of_one else None,
                pipeline=convert_pps.pipeline_message(one.pipeline),
                alerts=one.texts,
            )

    def DeleteAll(self, request: Empty, call: Call) -> Empty:
        """Removes every pipeline with its jobs and its output; repos that are no pipeline's stay, and so do secrets."""
        self._pps.delete_pipelines(everything=True, force=True)
        return Empty()

    def GetKubeEvents(self, request: pps_pb2.LokiRequest, call: Call) -> Iterator[pps_pb2.LokiLogMessage]:
        """There is no cluster."""
        raise NotBuilt(f"{_NO_LOKI}: pachd does not run in a cluster, so there are no events of one")

    def QueryLoki(self, request: pps_pb2.LokiRequest, call: Call) -> Iterator[pps_pb2.LokiLogMessage]:
        """Logs are kept by pachd itself."""
        raise NotBuilt(f"{_NO_LOKI}: pachd keeps logs itself, ask GetLogs for them (pachctl logs)")
