"""Load tests over gRPC."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from trunkline.api.dispatch import Call
from trunkline.pps.load import Ended
from trunkline.pps.pps import Pps
from trunkline.wire import pps_pb2


class LoadCalls:
    """The RPCs of load tests.

    What went wrong under the load is in the answer; what was wrong with the call is an error.
    """

    _pps: Pps

    def RunLoadTest(self, request: pps_pb2.RunLoadTestRequest, call: Call) -> pps_pb2.RunLoadTestResponse:
        """Random commits, and pipelines over them; `state_id` is the project, to go on with."""
        return _answer(
            self._pps.loads.run(
                request.dag_spec,
                request.load_spec,
                seed=request.seed,
                parallelism=request.parallelism,
                pod_patch=request.pod_patch,
                project=request.state_id,
                alive=call.alive,
            )
        )

    def RunLoadTestDefault(self, request: Empty, call: Call) -> pps_pb2.RunLoadTestResponse:
        """The same, small, with a pipeline that copies."""
        return _answer(self._pps.loads.run(alive=call.alive))


def _answer(ended: Ended) -> pps_pb2.RunLoadTestResponse:
    return pps_pb2.RunLoadTestResponse(error=ended.error, state_id=ended.project)
