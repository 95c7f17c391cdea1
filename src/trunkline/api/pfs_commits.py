"""Commits and commit sets over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert, reading
from trunkline.api.dispatch import Call
from trunkline.api.transactions import Transactions
from trunkline.catalog import Tx
from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import SetId
from trunkline.maps import Root
from trunkline.pfs import commit_lists, commits, filesets, history, listing, metadata, provenance, resolve, rows
from trunkline.pfs.listing import Wait
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.wire import pfs_pb2
from trunkline.wire.transaction_pb2 import TransactionRequest

SUBVENANCE_SHOWN = 1_000
"""Commits of the direct subvenance in one CommitInfo, the newest ones: messages have a limit, histories have none."""


_AT_ONCE = 32
"""Commits of a list that are looked at in one snapshot of the catalog."""


class CommitCalls:
    """The RPCs of commits and commit sets."""

    _pfs: Pfs
    _transactions: Transactions

    def StartCommit(self, request: pfs_pb2.StartCommitRequest, call: Call) -> pfs_pb2.Commit:
        """Starts a commit on a branch."""
        commit: pfs_pb2.Commit = self._transactions.run(TransactionRequest(start_commit=request), call)
        return commit

    def FinishCommit(self, request: pfs_pb2.FinishCommitRequest, call: Call) -> Empty:
        """Closes a commit; its content is worked out in the background."""
        self._transactions.run(TransactionRequest(finish_commit=request), call)
        return Empty()

    def ClearCommit(self, request: pfs_pb2.ClearCommitRequest, call: Call) -> Empty:
        """Forgets what was written to an open commit."""
        ref = convert.commit_ref(request.commit)
        self._pfs.change(lambda change: commits.clear(change, ref))
        return Empty()

    def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, call: Call) -> pfs_pb2.CommitInfo:
        """One commit, once it is as far as asked for; a file set is shown as one."""
        ref = convert.commit_ref(request.commit)
        if filesets.is_file_set(ref):
            found = filesets.source(self._pfs, ref, call.alive)
            return pfs_pb2.CommitInfo(commit=convert.commit_message(found), description=found.description)
        with self._pfs.catalog.read() as tx:
            commit = resolve.commit(tx, ref)
        commit = listing.wait(self._pfs.catalog, commit, _wait(request.wait), call.alive)
        return self._info(commit, bound=False)

    def ListCommit(self, request: pfs_pb2.ListCommitRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """Commits, newest first."""
        found = commit_lists.list_commits(
            self._pfs.catalog,
            convert.repo_ref(request.repo) if request.repo.name else None,
            start=convert.optional_commit_ref(request, "from"),
            to=convert.optional_commit_ref(request, "to"),
            number=request.number,
            reverse=request.reverse,
            origin=_origin(request.origin_kind) if not request.all else "",
            started=_started(request),
        )
        while page := list(islice(found, _AT_ONCE)):
            with self._pfs.catalog.read() as tx:
                infos = [commit_info(tx, commit, bound=True) for commit in page]
            yield from infos

    def SubscribeCommit(self, request: pfs_pb2.SubscribeCommitRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """Commits as they come."""
        found = listing.subscribe(
            self._pfs.catalog,
            convert.repo_ref(request.repo),
            branch=request.branch,
            start=convert.optional_commit_ref(request, "from"),
            state=_wait(request.state),
            origin=_origin(request.origin_kind) if not request.all else "",
            alive=call.alive,
        )
        for commit in found:
            yield self._info(commit, bound=True)

    def InspectCommitSet(self, request: pfs_pb2.InspectCommitSetRequest, call: Call) -> Iterator[pfs_pb2.CommitInfo]:
        """The commits of a set and its aliases, upstream first; with `wait`, each once it is finished."""
        if not request.commit_set.id:
            raise InvalidRequest("commitset cannot be nil")
        with self._pfs.catalog.read() as tx:
            members = listing.members(tx, SetId(request.commit_set.id))
        done = [one for one in members if one.finished is not None]
        rest = [one for one in members if one.finished is None]
        if not request.wait:
            done, rest = members, []
        for commit in done:
            yield self._info(commit, bound=True, within=request.commit_set.id)
        for commit in rest:
            later = listing.wait(self._pfs.catalog, commit, Wait.FINISHED, call.alive)
            yield self._info(later, bound=True, within=request.commit_set.id)

    def ListCommitSet(self, request: pfs_pb2.ListCommitSetRequest, call: Call) -> Iterator[pfs_pb2.CommitSetInfo]:
        """All commit sets, newest first."""
        with self._pfs.catalog.read() as tx:
            found = listing.sets(tx, request.project.name)
        for set_id in found:
            with self._pfs.catalog.read() as tx:
                infos = [commit_info(tx, one, bound=True, within=set_id) for one in listing.members(tx, set_id)]
            yield pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=set_id), commits=infos)

    def SquashCommit(self, request: pfs_pb2.SquashCommitRequest, call: Call) -> pfs_pb2.SquashCommitResponse:
        """Removes a commit; its content stays in its children."""
        ref = convert.commit_ref(request.commit)
        self._pfs.change(lambda change: history.squash(change, ref, recursive=request.recursive))
        return pfs_pb2.SquashCommitResponse()

    def DropCommit(self, request: pfs_pb2.DropCommitRequest, call: Call) -> pfs_pb2.DropCommitResponse:
        """Removes a commit and its content."""
        ref = convert.commit_ref(request.commit)
        self._pfs.change(lambda change: history.drop(change, ref, recursive=request.recursive))
        return pfs_pb2.DropCommitResponse()

    def SquashCommitSet(self, request: pfs_pb2.SquashCommitSetRequest, call: Call) -> Empty:
        """Squashes every commit of a set."""
        self._transactions.run(TransactionRequest(squash_commit_set=request), call)
        return Empty()

    def DropCommitSet(self, request: pfs_pb2.DropCommitSetRequest, call: Call) -> Empty:
        """Drops every commit of a set."""
        set_id = _set_id(request.commit_set)
        self._pfs.change(lambda change: history.drop_set(change, set_id))
        return Empty()

    def _info(self, commit: Commit, *, bound: bool, within: str = "") -> pfs_pb2.CommitInfo:
        with self._pfs.catalog.read() as tx:
            return commit_info(tx, commit, bound=bound, within=within)


def _started(request: pfs_pb2.ListCommitRequest) -> int | None:
    return reading.nanos(request.started_time, "started_time") if request.HasField("started_time") else None


def _set_id(message: pfs_pb2.CommitSet) -> SetId:
    if not message.id:
        raise InvalidRequest("commitset cannot be nil")
    return SetId(message.id)


def _wait(state: int) -> Wait:
    try:
        return Wait(state)
    except ValueError:
        raise InvalidRequest(f"there is no commit state {state}: give one from 0 to {Wait.FINISHED.value}") from None


def _origin(kind: int) -> str:
    if kind not in pfs_pb2.OriginKind.values():
        raise InvalidRequest(f"there is no kind of origin {kind}: give one from 0 to 3")
    return pfs_pb2.OriginKind.Name(kind) if kind else ""


def commit_info(tx: Tx, commit: Commit, *, bound: bool, within: str = "") -> pfs_pb2.CommitInfo:
    """A commit with what is known of it; `bound` fills the cheap size too.

    Args:
        within: the commit set that it is shown as a member of; an alias is shown with the subvenance there only.
    """
    alias_in = within if commit.id != within else ""
    parent = None if commit.parent is None else rows.commit_by_key(tx, commit.parent)
    children = rows.commits(tx, "WHERE commits.parent = ? ORDER BY commits.id", (commit.key,))
    size = 0 if commit.root is None else Root.unpack(commit.root).weight
    return pfs_pb2.CommitInfo(
        commit=convert.commit_message(commit),
        origin=pfs_pb2.CommitOrigin(kind=commit.origin),
        description=commit.description,
        parent_commit=None if parent is None else convert.commit_message(parent),
        child_commits=[convert.commit_message(one, with_branch=True) for one in children],
        started=convert.timestamp(commit.started),
        finishing=convert.timestamp(commit.finishing),
        finished=convert.timestamp(commit.finished),
        error=commit.error,
        size_bytes_upper_bound=size if bound else 0,
        details=pfs_pb2.CommitInfo.Details(size_bytes=0 if commit.error else size),
        direct_provenance=[
            convert.commit_message(one, with_branch=True) for one in provenance.direct_commits(tx, commit.key)
        ],
        direct_subvenance=[
            convert.commit_message(one, with_branch=True)
            for one in provenance.newest_subvenance(tx, commit.key, SUBVENANCE_SHOWN, alias_in)
        ],
        metadata=metadata.decode(commit.metadata),
        created_at=convert.timestamp(commit.started),
        updated_at=convert.timestamp(commit.finished or commit.finishing or commit.started),
    )
