"""A scripted `pps_v2.API`, and the small services: they answer with what a test put into them."""

from __future__ import annotations

from threading import Event

import grpc
from google.protobuf.empty_pb2 import Empty

from trunkline.wire import admin_pb2, admin_pb2_grpc, pps_pb2_grpc, trunkline_pb2_grpc, version_pb2, version_pb2_grpc
from trunkline.wire import pps_pb2 as pps
from trunkline.wire import trunkline_pb2 as own


class FakePps(pps_pb2_grpc.APIServicer):
    """Jobs, pipelines, datums and log lines as lists; every request is kept in `requests`."""

    def __init__(self) -> None:
        self.jobs: list[pps.JobInfo] = []
        self.pipelines: list[pps.PipelineInfo] = []
        self.datums: list[pps.DatumInfo] = []
        self.lines: list[pps.LogMessage] = []
        self.requests: list[object] = []
        self.ended = Event()  # until then, who waits for a job waits
        self.ended.set()
        self.refuse_spec = ""
        self.pipelines_after: list[pps.PipelineInfo] | None = None

    def CreatePipelineV2(self, request, context):
        self.requests.append(request)
        if self.refuse_spec:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refuse_spec)
        self.pipelines = self.pipelines if self.pipelines_after is None else self.pipelines_after
        return pps.CreatePipelineV2Response()

    def InspectPipeline(self, request, context):
        for info in self.pipelines:
            if info.pipeline.name == request.pipeline.name:
                return info
        context.abort(grpc.StatusCode.NOT_FOUND, f'pipeline "default/{request.pipeline.name}" not found')
        return None

    def ListPipeline(self, request, context):
        yield from self.pipelines

    def _pipeline_change(self, request, context):
        self.requests.append(request)
        self.InspectPipeline(request, context)
        return Empty()

    StartPipeline = StopPipeline = DeletePipeline = _pipeline_change

    def DeletePipelines(self, request, context):
        self.requests.append(request)
        return pps.DeletePipelinesResponse()

    def ListJob(self, request, context):
        self.requests.append(request)
        name = request.pipeline.name
        yield from (info for info in self.jobs if not name or info.job.pipeline.name == name)

    def InspectJob(self, request, context):
        self.requests.append(request)
        for info in self.jobs:
            if info.job == request.job:
                return info
        job = request.job
        context.abort(grpc.StatusCode.NOT_FOUND, f"jobs default/{job.pipeline.name}@{job.id} not found")
        return None

    def InspectJobSet(self, request, context):
        self.requests.append(request)
        if request.wait:
            assert self.ended.wait(60)
        yield from (info for info in self.jobs if info.job.id == request.job_set.id)

    def StopJob(self, request, context):
        self.requests.append(request)
        return Empty()

    DeleteJob = StopJob

    def ListDatum(self, request, context):
        self.requests.append(request)
        mine = [info for info in self.datums if info.datum.job == request.job]
        yield from mine[: request.number or None]

    def InspectDatum(self, request, context):
        for info in self.datums:
            if info.datum == request.datum:
                return info
        context.abort(grpc.StatusCode.NOT_FOUND, f"datum {request.datum.id} not found in job {request.datum.job.id}")
        return None

    def RestartDatum(self, request, context):
        self.requests.append(request)
        if list(request.data_filters) == ["/none"]:
            text = f"datum matching filter [/none] could not be found for job ID {request.job.id}"
            context.abort(grpc.StatusCode.UNKNOWN, text)
        return Empty()

    def GetLogs(self, request, context):
        self.requests.append(request)
        yield from self.lines


class FakeSmall(version_pb2_grpc.APIServicer):
    """`versionpb_v2.API`."""

    def GetVersion(self, request, context):
        return version_pb2.Version(major=2, minor=11, micro=6, additional="+fake")


class FakeAdmin(admin_pb2_grpc.APIServicer):
    """`admin_v2.API`."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def InspectCluster(self, request, context):
        return admin_pb2.ClusterInfo(id="c0ffee", warnings=self.warnings)


class FakeEnvironments(trunkline_pb2_grpc.EnvironmentsServicer):
    """`trunkline.v1.Environments`."""

    def __init__(self) -> None:
        self.known: dict[str, own.Environment] = {}

    def CreateEnvironment(self, request, context):
        image = request.environment.image
        if image in self.known and not request.update:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"environment {image} already exists")
        self.known[image] = request.environment
        return request.environment

    def ListEnvironment(self, request, context):
        return own.ListEnvironmentResponse(environments=self.known.values())

    def DeleteEnvironment(self, request, context):
        if self.known.pop(request.image, None) is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"environment {request.image} not found")
        return Empty()


class FakeState(trunkline_pb2_grpc.ServerServicer):
    """`trunkline.v1.Server`."""

    def __init__(self, on_shutdown=lambda: None) -> None:
        self.status = own.ServerStatus(version="0.1.0", home="/h", address="127.0.0.1:1", pid=7, max_workers=4)
        self.on_shutdown = on_shutdown

    def Status(self, request, context):
        return self.status

    def Shutdown(self, request, context):
        self.on_shutdown()
        return Empty()
