"""What the commands of commits do, whichever way they are spelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline.kernel.errors import NotFound
from trunkline.pachctl import provenance
from trunkline.pachctl.connect import Server
from trunkline.pachctl.views.cells import nanos
from trunkline.wire import pfs_pb2 as pfs


def start(server: Server, branch: pfs.Branch, parent: pfs.Commit | None, description: str) -> pfs.Commit:
    """Starts a commit."""
    request = pfs.StartCommitRequest(branch=branch, parent=parent, description=description)
    started: pfs.Commit = server.pfs.StartCommit(request)
    return started


def finish(server: Server, commit: pfs.Commit, description: str, *, force: bool = False) -> None:
    """Finishes a commit."""
    server.pfs.FinishCommit(pfs.FinishCommitRequest(commit=commit, description=description, force=force))


def listing(
    server: Server,
    repo: pfs.Repo,
    *,
    to: pfs.Commit | None,
    since: pfs.Commit | None,
    number: int,
    origin: pfs.OriginKind = pfs.ORIGIN_KIND_UNKNOWN,
) -> Iterator[pfs.CommitInfo]:
    """The commits of a repo, newest first.

    Args:
        server: where to look.
        repo: whose.
        to: this commit and those before it; master if there is only a `since`.
        since: only those after this one; the walk stops at an id only, so it is looked up.
        number: at most so many; 0 for all.
        origin: only those of this kind.
    """
    request = pfs.ListCommitRequest(
        repo=repo, number=number, all=origin == pfs.ORIGIN_KIND_UNKNOWN, origin_kind=origin, to=to
    )
    if since is not None:
        first = provenance.inspect(server, since)
        getattr(request, "from").CopyFrom(pfs.Commit(repo=repo, id=first.commit.id))
        if to is None:
            request.to.CopyFrom(pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="master")))
    infos: Iterator[pfs.CommitInfo] = server.pfs.ListCommit(request)
    return infos


def last_seen(
    server: Server, repo: pfs.Repo, branch: str, since: pfs.Commit | None, *, new: bool
) -> pfs.CommitInfo | None:
    """The commit after which a subscription begins; nothing for the first of the branch.

    Raises:
        NotFound: no such repo, or no such commit as `since`.
    """
    if since is not None:
        return provenance.inspect(server, since)
    if not new:
        return None
    try:
        head = pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name=branch or "master"))
        return provenance.inspect(server, head)
    except NotFound:
        server.pfs.InspectRepo(pfs.InspectRepoRequest(repo=repo))
        return None


def subscribed(
    server: Server,
    repo: pfs.Repo,
    branch: str,
    last: pfs.CommitInfo | None,
    origin: pfs.OriginKind = pfs.ORIGIN_KIND_UNKNOWN,
) -> Iterator[pfs.CommitInfo]:
    """Commits as they finish; the server sends older ones than `last` too, they are left out here."""
    request = pfs.SubscribeCommitRequest(
        repo=repo,
        branch=branch,
        state=pfs.FINISHED,
        all=origin == pfs.ORIGIN_KIND_UNKNOWN,
        origin_kind=origin,
    )
    begin = -1 if last is None else nanos(last.started)
    infos: Iterable[pfs.CommitInfo] = server.pfs.SubscribeCommit(request)
    return (info for info in infos if nanos(info.started) > begin)


def squash(server: Server, commit: pfs.Commit, *, recursive: bool) -> None:
    """Takes one commit out of the history."""
    server.pfs.SquashCommit(pfs.SquashCommitRequest(commit=commit, recursive=recursive))


def drop(server: Server, commit: pfs.Commit, *, recursive: bool) -> None:
    """Deletes one commit with its data."""
    server.pfs.DropCommit(pfs.DropCommitRequest(commit=commit, recursive=recursive))
