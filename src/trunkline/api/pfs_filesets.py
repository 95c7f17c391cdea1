"""File sets and the cache over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert
from trunkline.api.dispatch import Call
from trunkline.api.pfs_files import operations
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import filesets, modify
from trunkline.pfs.pfs import Pfs
from trunkline.wire import pfs_pb2


class FileSetCalls:
    """The RPCs of file sets and of the cache."""

    _pfs: Pfs

    def CreateFileSet(self, requests: Iterator[pfs_pb2.ModifyFileRequest], call: Call) -> pfs_pb2.CreateFileSetResponse:
        """Makes a file set of a stream of operations."""
        written = modify.layers_of(self._pfs, operations(requests, call), call.wants_result)
        return pfs_pb2.CreateFileSetResponse(file_set_id=filesets.create(self._pfs, written))

    def GetFileSet(self, request: pfs_pb2.GetFileSetRequest, call: Call) -> pfs_pb2.CreateFileSetResponse:
        """Makes a file set of what a commit holds, or of what it changed."""
        if request.type not in pfs_pb2.GetFileSetRequest.FileSetType.values():
            raise InvalidRequest(f"there is no kind of file set {request.type}: give TOTAL (0) or DIFF (1)")
        make = filesets.diff if request.type == pfs_pb2.GetFileSetRequest.DIFF else filesets.total
        name = make(self._pfs, convert.commit_ref(request.commit), call.alive)
        return pfs_pb2.CreateFileSetResponse(file_set_id=name)

    def AddFileSet(self, request: pfs_pb2.AddFileSetRequest, call: Call) -> Empty:
        """Adds a file set to an open commit."""
        target, name = convert.commit_ref(request.commit), filesets.parse_id(request.file_set_id)
        self._pfs.change(lambda change: modify.add_file_set(change, target, name))
        return Empty()

    def RenewFileSet(self, request: pfs_pb2.RenewFileSetRequest, call: Call) -> Empty:
        """Sets the end of a lease."""
        filesets.renew(self._pfs, filesets.parse_id(request.file_set_id), request.ttl_seconds)
        return Empty()

    def ComposeFileSet(self, request: pfs_pb2.ComposeFileSetRequest, call: Call) -> pfs_pb2.CreateFileSetResponse:
        """Makes one file set of several; a lease that is not given is the usual one."""
        seconds = filesets.check_ttl(request.ttl_seconds) if request.ttl_seconds else filesets.DEFAULT_SECONDS
        names = [filesets.parse_id(name) for name in request.file_set_ids]
        made = filesets.compose(self._pfs, names, seconds, compact=request.compact)
        return pfs_pb2.CreateFileSetResponse(file_set_id=made)

    def ShardFileSet(self, request: pfs_pb2.ShardFileSetRequest, call: Call) -> pfs_pb2.ShardFileSetResponse:
        """Ranges of paths, each of about so many files or bytes."""
        name = filesets.parse_id(request.file_set_id)
        found = filesets.shards(self._pfs, name, request.num_files, request.size_bytes)
        return pfs_pb2.ShardFileSetResponse(
            shards=[pfs_pb2.PathRange(lower=lower, upper=upper) for lower, upper in found]
        )

    # -- the cache --

    def PutCache(self, request: pfs_pb2.PutCacheRequest, call: Call) -> Empty:
        """Remembers a message under a key."""
        names = [filesets.parse_id(name) for name in request.file_set_ids]
        self._pfs.cache.put(request.key, request.value.SerializeToString(), names, request.tag)
        return Empty()

    def GetCache(self, request: pfs_pb2.GetCacheRequest, call: Call) -> pfs_pb2.GetCacheResponse:
        """The message under a key."""
        return pfs_pb2.GetCacheResponse(value=Any.FromString(self._pfs.cache.get(request.key)))

    def ClearCache(self, request: pfs_pb2.ClearCacheRequest, call: Call) -> Empty:
        """Forgets every message whose tag begins so."""
        self._pfs.cache.clear(request.tag_prefix)
        return Empty()
