"""`storage.Fileset`: file sets by themselves, without a commit around them.

The same file sets as those of `pfs_v2.API`, which know tags; here every file is written under the usual one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.empty_pb2 import Empty

from trunkline.api.dispatch import Call
from trunkline.api.pieces import pieces
from trunkline.kernel import regex
from trunkline.kernel.errors import Cancelled, InvalidRequest, NotBuilt
from trunkline.kernel.names import FILESET_REPO
from trunkline.pfs import filesets, modify
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.wire import storage_pb2 as wire

MOST_FILTERS = 100
"""Of one request; each may need the memory of a regular expression."""


class StorageService:
    """Every RPC of `storage.Fileset`."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs

    def CreateFileset(self, requests: Iterator[wire.CreateFilesetRequest], call: Call) -> wire.CreateFilesetResponse:
        """Makes a file set of a stream of modifications."""
        written = modify.layers_of(self._pfs, _operations(requests, call), call.wants_result)
        return wire.CreateFilesetResponse(fileset_id=filesets.create(self._pfs, written))

    def ReadFileset(self, request: wire.ReadFilesetRequest, call: Call) -> Iterator[wire.ReadFilesetResponse]:
        """The files that pass every filter, by path, each in one or several messages."""
        low, high, patterns = _filters(request.filters)
        commit = filesets.source(self._pfs, _ref(request.fileset_id), call.alive)
        view = View(self._pfs.maps, self._pfs.reader, self._pfs.content(commit))
        for node in view.files_between(low, high):
            if not all(pattern.search(node.path) for pattern in patterns):
                if not call.alive():  # nothing else would notice while nothing passes
                    raise Cancelled("the caller went away")
                continue
            if request.empty_files:
                yield wire.ReadFilesetResponse(path=node.path)
                continue
            for piece in pieces(view.read(node)) if node.size else (b"",):
                yield wire.ReadFilesetResponse(path=node.path, data={"value": piece})

    def ReadFilesetCDR(self, request: wire.ReadFilesetRequest, call: Call) -> Iterator[wire.ReadFilesetCDRResponse]:
        """Where the bytes can be had by URL: nowhere yet."""
        raise NotBuilt("ReadFilesetCDR is not built: chunks have no addresses outside, read the files by ReadFileset")

    def RenewFileset(self, request: wire.RenewFilesetRequest, call: Call) -> Empty:
        """Sets the end of a lease."""
        filesets.renew(self._pfs, filesets.parse_id(request.fileset_id), request.ttl_seconds)
        return Empty()

    def ComposeFileset(self, request: wire.ComposeFilesetRequest, call: Call) -> wire.ComposeFilesetResponse:
        """Makes one file set of several; a lease that is not given is the usual one."""
        seconds = filesets.check_ttl(request.ttl_seconds) if request.ttl_seconds else filesets.DEFAULT_SECONDS
        names = [filesets.parse_id(name) for name in request.fileset_ids]
        return wire.ComposeFilesetResponse(fileset_id=filesets.compose(self._pfs, names, seconds))

    def ShardFileset(self, request: wire.ShardFilesetRequest, call: Call) -> wire.ShardFilesetResponse:
        """Ranges of paths, each of about so many files or bytes."""
        name = filesets.parse_id(request.fileset_id)
        found = filesets.shards(self._pfs, name, request.num_files, request.size_bytes)
        return wire.ShardFilesetResponse(shards=[wire.PathRange(lower=lower, upper=upper) for lower, upper in found])


def _ref(name: str) -> CommitRef:
    return CommitRef(RepoRef(FILESET_REPO), filesets.parse_id(name))


def _operations(requests: Iterator[wire.CreateFilesetRequest], call: Call) -> Iterator[modify.Operation]:
    for request in requests:
        match request.WhichOneof("modification"):
            case "append_file":
                yield modify.Append(request.append_file.path, "", request.append_file.data.value)
            case "delete_file":
                yield modify.Delete(request.delete_file.path, "")
            case "copy_file":
                copy = request.copy_file
                yield modify.Copy(copy.dst or copy.src, "", _ref(copy.fileset_id), copy.src, append=True)
            case _:
                raise InvalidRequest("validate recv: CreateFilesetRequest.modification: value is required")
    call.stream_ended()


def _filters(filters: Sequence[wire.FileFilter]) -> tuple[str, str, list[regex.Regex]]:
    """The range of paths that all ranges share (an empty end is no end), and the patterns."""
    if len(filters) > MOST_FILTERS:
        raise InvalidRequest(f"{len(filters)} filters at once: give at most {MOST_FILTERS}")
    low, high = "", ""
    patterns = []
    for one in filters:
        match one.WhichOneof("filter"):
            case "path_range":
                low = max(low, one.path_range.lower)
                high = min(high or one.path_range.upper, one.path_range.upper or high)
            case "path_regex":
                patterns.append(regex.compiled(one.path_regex, "path_regex"))
            case _:
                raise InvalidRequest("validate request: FileFilter.filter: value is required")
    return low, high, patterns
