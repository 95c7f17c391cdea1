"""Pipelines over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert_pps, jqfilter, reading, steps
from trunkline.api.dispatch import Call
from trunkline.api.transactions import HEADER, Transactions
from trunkline.kernel.errors import InvalidRequest, NotBuilt
from trunkline.kernel.ids import SetId
from trunkline.pps.draft import Draft
from trunkline.pps.pps import Pps
from trunkline.wire import pps_pb2


class PipelineCalls:
    """The RPCs of pipelines."""

    _pps: Pps
    _transactions: Transactions

    def CreatePipeline(self, request: pps_pb2.CreatePipelineRequest, call: Call) -> Empty:
        """As CreatePipelineV2, from the message: what is at its default does not override a default."""
        user_json = reading.as_json(request)
        self._create(user_json, self._pps.draft(user_json), call)
        return Empty()

    def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, call: Call
    ) -> pps_pb2.CreatePipelineV2Response:
        """Makes a pipeline, or a new version of one."""
        user_json = request.create_pipeline_request_json
        made = self._pps.draft(user_json, update=request.update, reprocess=request.reprocess, dry_run=request.dry_run)
        text = self._create(user_json, made, call)
        return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=text)

    def _create(self, user_json: str, made: Draft, call: Call) -> str:
        """Makes it, with the defaults of the moment when it is made, or is added to a transaction."""
        if made.dry_run:
            return made.text
        later = bool(call.metadata(HEADER))
        text: str = self._transactions.run(steps.create_pipeline(user_json, made, decided=later), call)
        return text

    def RerunPipeline(self, request: pps_pb2.RerunPipelineRequest, call: Call) -> Empty:
        """A new version with the same spec, and so a new job."""
        self._pps.rerun_pipeline(convert_pps.pipeline_ref(request.pipeline), reprocess=request.reprocess)
        return Empty()

    def InspectPipeline(self, request: pps_pb2.InspectPipelineRequest, call: Call) -> pps_pb2.PipelineInfo:
        """One pipeline."""
        info = self._pps.inspect_pipeline(convert_pps.pipeline_ref(request.pipeline))
        return convert_pps.pipeline_info(info, details=request.details)

    def ListPipeline(self, request: pps_pb2.ListPipelineRequest, call: Call) -> Iterator[pps_pb2.PipelineInfo]:
        """Pipelines, newest first."""
        found = self._pps.list_pipelines(
            name=convert_pps.pipeline_ref(request.pipeline) if request.pipeline.name else None,
            history=request.history,
            projects=[project.name for project in request.projects],
            commit_set=SetId(request.commit_set.id) if request.commit_set.id else None,
        )
        infos = (convert_pps.pipeline_info(info, details=True) for info in found)
        size, index = request.page.page_size, request.page.page_index
        if size < 0 or index < 0:
            raise InvalidRequest(f"page_size is {size} and page_index {index}: give numbers that are not negative")
        first = min(index * size, len(found))
        number = first + min(size, len(found)) if size else 0
        yield from islice(jqfilter.kept(request.jqFilter, infos, number), first, None)

    def StartPipeline(self, request: pps_pb2.StartPipelineRequest, call: Call) -> Empty:
        """Ties a stopped pipeline to its inputs again."""
        self._pps.start_pipeline(convert_pps.pipeline_ref(request.pipeline))
        return Empty()

    def StopPipeline(self, request: pps_pb2.StopPipelineRequest, call: Call) -> Empty:
        """Unties a pipeline from its inputs and kills its jobs."""
        self._pps.stop_pipeline(convert_pps.pipeline_ref(request.pipeline), must_exist=request.must_exist)
        return Empty()

    def DeletePipeline(self, request: pps_pb2.DeletePipelineRequest, call: Call) -> Empty:
        """Removes a pipeline."""
        if request.all:
            raise InvalidRequest("DeletePipeline.all does nothing: use DeletePipelines")
        self._pps.delete_pipeline(
            convert_pps.pipeline_ref(request.pipeline),
            force=request.force,
            keep_repo=request.keep_repo,
            must_exist=request.must_exist,
        )
        return Empty()

    def DeletePipelines(self, request: pps_pb2.DeletePipelinesRequest, call: Call) -> pps_pb2.DeletePipelinesResponse:
        """Removes the pipelines of some projects, or all."""
        gone = self._pps.delete_pipelines(
            [project.name for project in request.projects],
            everything=request.all,
            force=request.force,
            keep_repo=request.keep_repo,
        )
        return pps_pb2.DeletePipelinesResponse(pipelines=[convert_pps.pipeline_message(ref) for ref in gone])

    def RunPipeline(self, request: pps_pb2.RunPipelineRequest, call: Call) -> Empty:
        """As in the original, which gave it up."""
        raise NotBuilt("unimplemented")

    def RunCron(self, request: pps_pb2.RunCronRequest, call: Call) -> Empty:
        """A tick now of each clock among a pipeline's inputs."""
        self._pps.run_cron(convert_pps.pipeline_ref(request.pipeline))
        return Empty()
