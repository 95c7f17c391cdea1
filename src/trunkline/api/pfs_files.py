"""Files over gRPC: writing them, reading them, comparing them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.api import convert, tarstream
from trunkline.api.dispatch import Call
from trunkline.api.examination import Examination, found
from trunkline.api.fileinfos import FileInfos
from trunkline.api.pieces import pieces
from trunkline.content.entry import from_entry
from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.maps import EMPTY
from trunkline.pfs import destinations, filesets, globs, modify, rows
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.tree import Node
from trunkline.wire import pfs_pb2


class _Opened:
    """A commit that is being read."""

    def __init__(self, commit: Commit, view: View) -> None:
        self.commit = commit
        self.view = view
        self.message = convert.commit_message(commit)
        self.infos = FileInfos(self.message, commit.finishing)

    def info(self, node: Node) -> pfs_pb2.FileInfo:
        tag = "" if node.is_dir else from_entry((node.path.encode(), node.hash, node.size, node.aux)).tag
        return convert.file_info(self.message, self.commit.finishing, node, tag)

    def missing(self, path: str) -> NotFound:
        return NotFound(f"file {path} not found in repo {self.commit.repo} at commit {self.commit.id}")


class FileCalls:
    """The RPCs that read and write files."""

    _pfs: Pfs
    _examination: Examination

    def ModifyFile(self, requests: Iterator[pfs_pb2.ModifyFileRequest], call: Call) -> Empty:
        """Applies a stream of operations to a commit, wholly or not at all."""
        first = next(requests, None)
        if first is None or not first.HasField("set_commit"):
            raise InvalidRequest("first message must be a commit")
        target = convert.commit_ref(first.set_commit)
        modify.write(self._pfs, target, operations(requests, call), call.wants_result)
        return Empty()

    def GetFile(self, request: pfs_pb2.GetFileRequest, call: Call) -> Iterator[BytesValue]:
        """The bytes of one file; or, with a URL, every file that matches is written there."""
        opened, matches = self._matches(request, call, request.path_range.lower)
        first, second = next(matches), next(matches, None)
        if first.is_dir and (second is None or not request.URL):
            raise Refused("cannot get directory or non-regular file. Use GetFileTAR instead")
        if request.URL:
            everything = itertools.chain((first,), () if second is None else (second,), matches)
            destinations.write(self._pfs.urls, request.URL, opened.view, everything, call.alive)
            return
        if second is not None:
            raise Refused("matched multiple files. Use GetFileTAR instead")
        yield from _messages(opened.view.read(first, request.offset))

    def GetFileTAR(self, request: pfs_pb2.GetFileRequest, call: Call) -> Iterator[BytesValue]:
        """Everything that matches, as one tar; or, with a URL, every file of it is written there."""
        opened, matches = self._matches(request, call, "")  # a directory before the range may hold what is in it
        nodes = _unfolded(opened.view, matches, request.path_range)
        if request.URL:
            destinations.write(self._pfs.urls, request.URL, opened.view, nodes, call.alive)
            return
        yield from _messages(tarstream.tar(opened.view, nodes))

    def InspectFile(self, request: pfs_pb2.InspectFileRequest, call: Call) -> pfs_pb2.FileInfo:
        """One file or directory."""
        opened = self._open(request.file, call)
        node = opened.view.find(request.file.path)
        if node is None:
            raise opened.missing(request.file.path)
        return opened.info(node)

    def ListFile(self, request: pfs_pb2.ListFileRequest, call: Call) -> Iterator[bytes]:
        """What is directly below a directory."""
        opened, nodes = self.listed(request, call)
        yield from map(opened.infos.of, nodes)

    def WalkFile(self, request: pfs_pb2.WalkFileRequest, call: Call) -> Iterator[bytes]:
        """A directory and everything below it."""
        opened = self._open(request.file, call)
        path = paths.clean(request.file.path)
        if opened.view.find(path) is None and path != "/":
            raise NotFound(f"commit/{opened.commit.id} does not contain item: ({request.file.path})")
        nodes = opened.view.walk(
            path, marker=request.paginationMarker.path, number=request.number, reverse=request.reverse
        )
        yield from map(opened.infos.of, nodes)

    def GlobFile(self, request: pfs_pb2.GlobFileRequest, call: Call) -> Iterator[bytes]:
        """Every file and directory that a pattern matches."""
        _check_glob(request.pattern)
        opened = self._open(pfs_pb2.File(commit=request.commit), call)
        for node in opened.view.glob(request.pattern, request.path_range.lower, request.path_range.upper):
            yield opened.infos.of(node)

    def DiffFile(self, request: pfs_pb2.DiffFileRequest, call: Call) -> Iterator[pfs_pb2.DiffFileResponse]:
        """What differs between two paths; by default, between a path and itself in the parent commit."""
        new = self._open(request.new_file, call)
        if request.HasField("old_file"):
            old, old_path = self._open(request.old_file, call), request.old_file.path
        else:
            old, old_path = self._parent(new, call), request.new_file.path
        for left, right in new.view.diff(request.new_file.path, old.view, old_path):
            yield pfs_pb2.DiffFileResponse(
                new_file=None if left is None else new.info(left),
                old_file=None if right is None else old.info(right),
            )

    def Fsck(self, request: pfs_pb2.FsckRequest, call: Call) -> Iterator[pfs_pb2.FsckResponse]:
        """Problems of the stored data, one message each; with `fix`, first what could be repaired."""
        yield from found(self._examination, request)

    # -- parts --

    def listed(self, request: pfs_pb2.ListFileRequest, call: Call) -> tuple[_Opened, Iterator[Node]]:
        """What a request lists."""
        opened = self._open(request.file, call)
        nodes = opened.view.children(
            request.file.path,
            marker=request.paginationMarker.path,
            number=request.number,
            reverse=request.reverse,
        )
        return opened, nodes

    def _open(self, file: pfs_pb2.File, call: Call) -> _Opened:
        return self._view(filesets.source(self._pfs, convert.commit_ref(file.commit), call.alive), call)

    def _view(self, commit: Commit, call: Call) -> _Opened:
        commit = self._pfs.readable(commit, call.alive)
        return _Opened(commit, View(self._pfs.maps, self._pfs.reader, self._pfs.content(commit)))

    def _everything(self, commit: pfs_pb2.Commit, call: Call) -> View:
        """A commit that has files."""
        opened = self._open(pfs_pb2.File(commit=commit), call)
        if opened.view.find("/") is None:
            raise opened.missing("/")
        return opened.view

    def _parent(self, opened: _Opened, call: Call) -> _Opened:
        with self._pfs.catalog.read() as tx:
            key = opened.commit.parent
            parent = None if key is None else rows.commit_by_key(tx, key)
        if parent is not None:
            return self._view(parent, call)
        return _Opened(opened.commit, View(self._pfs.maps, self._pfs.reader, EMPTY))

    def _matches(self, request: pfs_pb2.GetFileRequest, call: Call, low: str) -> tuple[_Opened, Iterator[Node]]:
        """What a request matches, at least one: between `low` and the end of its range."""
        opened, high = self._open(request.file, call), request.path_range.upper
        exact = opened.view.find(request.file.path)
        if exact is None:
            _check_glob(request.file.path)
            matches = opened.view.glob(request.file.path, low, high)
        else:
            matches = iter((exact,) if exact.path >= low and (not high or exact.path < high) else ())
        first = next(matches, None)
        if first is None:
            raise opened.missing(request.file.path)
        return opened, itertools.chain((first,), matches)


def _unfolded(view: View, matches: Iterable[Node], within_range: pfs_pb2.PathRange) -> Iterator[Node]:
    """Matches with all that lies below them, each once, as far as it is in the range."""
    within = ""  # the last directory that was sent whole
    for match in matches:
        if within and match.path.startswith(within):
            continue
        within = match.path if match.is_dir else within
        yield from view.walk_between(match.path, within_range.lower, within_range.upper)


def _messages(content: Iterable[bytes]) -> Iterator[BytesValue]:
    return (BytesValue(value=piece) for piece in pieces(content))


def _check_glob(pattern: str) -> None:
    """Refuses a pattern that does not parse with the status that clients of 2.11 expect here."""
    try:
        globs.compiled(pattern)
    except InvalidRequest as error:
        raise Refused(error.message) from None


def operations(requests: Iterator[pfs_pb2.ModifyFileRequest], call: Call) -> Iterator[modify.Operation]:
    """What a stream of messages asks for, one by one."""
    for request in requests:
        body = request.WhichOneof("body")
        if body == "add_file":
            yield _added(request.add_file)
        elif body == "delete_file":
            yield modify.Delete(request.delete_file.path, request.delete_file.datum)
        elif body == "copy_file":
            copy = request.copy_file
            source: CommitRef = convert.commit_ref(copy.src.commit)
            yield modify.Copy(copy.dst, copy.datum, source, copy.src.path, copy.append)
        elif body == "set_commit":
            raise InvalidRequest("cannot set commit: only the first message may")
        else:
            raise InvalidRequest("validate recv: ModifyFileRequest.body: value is required")
    call.stream_ended()


def _added(add: pfs_pb2.AddFile) -> modify.Operation:
    if add.WhichOneof("source") == "url":
        return modify.AppendUrl(add.path, add.datum, add.url.URL, add.url.recursive, add.url.concurrency)
    return modify.Append(add.path, add.datum, add.raw.value)
