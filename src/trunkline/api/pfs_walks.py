"""Walks over gRPC: along provenance, and along the history of a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trunkline.api import convert, pickers
from trunkline.api.dispatch import Call
from trunkline.api.pfs_commits import commit_info
from trunkline.api.pfs_repos import branch_info
from trunkline.catalog import Tx
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import provenance, resolve, walks
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Branch, Commit
from trunkline.wire import pfs_pb2

_CommitWalk = pfs_pb2.WalkCommitProvenanceRequest | pfs_pb2.WalkCommitSubvenanceRequest
_BranchWalk = pfs_pb2.WalkBranchProvenanceRequest | pfs_pb2.WalkBranchSubvenanceRequest


class WalkCalls:
    """FindCommits, and the walks of provenance and subvenance."""

    _pfs: Pfs

    def FindCommits(self, request: pfs_pb2.FindCommitsRequest, call: Call) -> Iterator[pfs_pb2.FindCommitsResponse]:
        """The commits that changed a path, newest first; then how far the search came.

        Near the caller's deadline it ends as if there were no more, so that the caller can go on from there.
        """
        if not request.HasField("start"):
            raise InvalidRequest("validate request: FindCommitsRequest.start: value is required")
        with self._pfs.catalog.read() as tx:
            start = resolve.commit(tx, convert.commit_ref(request.start))
        last: walks.Searched | None = None
        found = 0
        for last in walks.changes_of(self._pfs, start, request.file_path):
            if last.changed:
                found += 1
                yield pfs_pb2.FindCommitsResponse(
                    found_commit=convert.commit_message(last.commit), commits_searched=last.number
                )
            if found == request.limit > 0 or call.deadline_is_near():
                break
        searched = start if last is None else last.commit
        yield pfs_pb2.FindCommitsResponse(
            last_searched_commit=convert.commit_message(searched), commits_searched=0 if last is None else last.number
        )

    def WalkCommitProvenance(
        self, request: pfs_pb2.WalkCommitProvenanceRequest, call: Call
    ) -> Iterator[pfs_pb2.CommitInfo]:
        """What commits come from, the nearest first."""
        return self._commits(request, provenance.direct_commits)

    def WalkCommitSubvenance(
        self, request: pfs_pb2.WalkCommitSubvenanceRequest, call: Call
    ) -> Iterator[pfs_pb2.CommitInfo]:
        """What comes from commits, the nearest first."""
        return self._commits(request, provenance.direct_subvenance)

    def WalkBranchProvenance(
        self, request: pfs_pb2.WalkBranchProvenanceRequest, call: Call
    ) -> Iterator[pfs_pb2.BranchInfo]:
        """What branches come from, the nearest first."""
        return self._branches(request, provenance.direct_branches)

    def WalkBranchSubvenance(
        self, request: pfs_pb2.WalkBranchSubvenanceRequest, call: Call
    ) -> Iterator[pfs_pb2.BranchInfo]:
        """What comes from branches, the nearest first."""
        return self._branches(request, provenance.direct_branch_subvenance)

    def _commits(
        self, request: _CommitWalk, neighbours: Callable[[Tx, int], list[Commit]]
    ) -> Iterator[pfs_pb2.CommitInfo]:
        with self._pfs.catalog.read() as tx:
            starts = [resolve.commit(tx, pickers.commit_ref(one)) for one in request.start]
        for start in starts:
            limits = {"most": request.max_commits, "deepest": request.max_depth}
            for found in walks.breadth_first(self._pfs.catalog, start, neighbours, **limits):
                with self._pfs.catalog.read() as tx:
                    info = commit_info(tx, found, bound=True)
                yield info

    def _branches(
        self, request: _BranchWalk, neighbours: Callable[[Tx, int], list[Branch]]
    ) -> Iterator[pfs_pb2.BranchInfo]:
        with self._pfs.catalog.read() as tx:
            starts = [resolve.branch(tx, pickers.branch_ref(one)) for one in request.start]
        for start in starts:
            limits = {"most": request.max_branches, "deepest": request.max_depth}
            for found in walks.breadth_first(self._pfs.catalog, start, neighbours, **limits):
                with self._pfs.catalog.read() as tx:
                    info = branch_info(tx, found)
                yield info
