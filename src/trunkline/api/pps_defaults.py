"""Defaults of pipelines over gRPC."""

from __future__ import annotations

from trunkline.api import convert, convert_pps
from trunkline.api.dispatch import Call
from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.pps import Pps
from trunkline.wire import pfs_pb2, pps_pb2


class DefaultsCalls:
    """The RPCs of the defaults of the cluster and of projects."""

    _pps: Pps

    def GetClusterDefaults(
        self, request: pps_pb2.GetClusterDefaultsRequest, call: Call
    ) -> pps_pb2.GetClusterDefaultsResponse:
        """The text that was set."""
        return pps_pb2.GetClusterDefaultsResponse(cluster_defaults_json=self._pps.defaults.of_cluster())

    def SetClusterDefaults(
        self, request: pps_pb2.SetClusterDefaultsRequest, call: Call
    ) -> pps_pb2.SetClusterDefaultsResponse:
        """Sets them; with regenerate, for the pipelines that are there as well."""
        _check(request)
        changed = self._pps.defaults.set_cluster(
            request.cluster_defaults_json,
            regenerate=request.regenerate,
            reprocess=request.reprocess,
            dry_run=request.dry_run,
        )
        return pps_pb2.SetClusterDefaultsResponse(affected_pipelines=map(convert_pps.pipeline_message, changed))

    def GetProjectDefaults(
        self, request: pps_pb2.GetProjectDefaultsRequest, call: Call
    ) -> pps_pb2.GetProjectDefaultsResponse:
        """The text that was set for a project, and when."""
        found = self._pps.defaults.of_project(_project(request.project))
        return pps_pb2.GetProjectDefaultsResponse(
            project_defaults_json=found.text, created_at=convert.timestamp(found.updated)
        )

    def SetProjectDefaults(
        self, request: pps_pb2.SetProjectDefaultsRequest, call: Call
    ) -> pps_pb2.SetProjectDefaultsResponse:
        """Sets them for a project; with regenerate, for its pipelines that are there as well."""
        _check(request)
        changed = self._pps.defaults.set_project(
            _project(request.project),
            request.project_defaults_json,
            regenerate=request.regenerate,
            reprocess=request.reprocess,
            dry_run=request.dry_run,
        )
        return pps_pb2.SetProjectDefaultsResponse(affected_pipelines=map(convert_pps.pipeline_message, changed))


def _project(message: pfs_pb2.Project) -> str:
    if not message.name:
        raise InvalidRequest("the project of the defaults is not named: give project.name")
    return message.name


def _check(request: pps_pb2.SetClusterDefaultsRequest | pps_pb2.SetProjectDefaultsRequest) -> None:
    if request.reprocess and not request.regenerate:
        raise InvalidRequest("reprocess is set without regenerate: only pipelines that are regenerated do work again")
