"""Forgetting, clearing out, looking after the store: over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from trunkline.api import pickers
from trunkline.api.dispatch import AuthNotActivated, Call
from trunkline.content.check import check_chunks
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import forget, projects
from trunkline.pfs.pfs import Pfs
from trunkline.wire import pfs_pb2, taskapi_pb2


class UpkeepCalls:
    """The RPCs that look after the whole."""

    _pfs: Pfs

    def ForgetCommit(self, request: pfs_pb2.ForgetCommitRequest, call: Call) -> pfs_pb2.ForgetCommitResponse:
        """Discards the content of an output commit."""
        ref = pickers.commit_ref(request.commit)
        self._pfs.change(lambda change: forget.forget(change, ref))
        return pfs_pb2.ForgetCommitResponse()

    def DeleteAll(self, request: Empty, call: Call) -> Empty:
        """Removes every repo and every project; `default` is made again."""
        self._pfs.change(projects.delete_all)
        return Empty()

    def CheckStorage(self, request: pfs_pb2.CheckStorageRequest, call: Call) -> pfs_pb2.CheckStorageResponse:
        """Counts chunks, and reads them if asked to."""
        count = check_chunks(
            self._pfs.store,
            begin=request.chunk_begin,
            end=request.chunk_end,
            read=request.read_chunk_data,
            alive=call.alive,
        )
        return pfs_pb2.CheckStorageResponse(chunk_object_count=count)

    def ListTask(self, request: taskapi_pb2.ListTaskRequest, call: Call) -> Iterator[taskapi_pb2.TaskInfo]:
        """There are no internal tasks here: nothing is handed out by way of them."""
        if not request.HasField("group"):
            raise InvalidRequest("validate request: ListTaskRequest.group: value is required")
        return iter(())

    def ActivateAuth(self, request: pfs_pb2.ActivateAuthRequest, call: Call) -> pfs_pb2.ActivateAuthResponse:
        """As an original without authentication."""
        raise AuthNotActivated("the auth service is not activated")
