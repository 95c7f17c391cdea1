"""What a commit came from, and what came from it: closures over the direct provenance that the API gives.

A commit set is read with one call; commits outside it are inspected one by one, which is rare: they belong to
other sets, for example of a pipeline that was created after the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from trunkline.pachctl.connect import Server
from trunkline.pachctl.views.cells import repo_of
from trunkline.wire import pfs_pb2 as pfs

Key = tuple[str, str, str, str]
"""Project, name and type of the repo, and id: what a commit is."""


def key(commit: pfs.Commit) -> Key:
    """The identity of a commit, whichever fields the server filled."""
    repo = repo_of(commit)
    return (repo.project.name or "default", repo.name, repo.type or "user", commit.id)


def upstream(server: Server, info: pfs.CommitInfo) -> list[pfs.Commit]:
    """Every commit that this one came from, specs included; the nearest first."""
    if not info.direct_provenance:
        return []
    known = {key(member.commit): member for member in commit_set(server, info.commit.id)}
    found: dict[Key, pfs.Commit] = {}
    queue = deque(info.direct_provenance)
    while queue:
        commit = queue.popleft()
        if key(commit) in found:
            continue
        found[key(commit)] = commit
        member = known.get(key(commit)) or inspect(server, commit)
        queue.extend(member.direct_provenance)
    return list(found.values())


def downstream(server: Server, info: pfs.CommitInfo) -> Iterator[pfs.CommitInfo]:
    """Waits for every commit that came from this one; yields each once, those of its own set first."""
    seen = {key(info.commit)}
    reached = [info, *_descendants(commit_set(server, info.commit.id, wait=True), seen)]
    yield from reached[1:]
    queue = deque(commit for member in reached for commit in member.direct_subvenance)
    while queue:
        commit = queue.popleft()
        if key(commit) in seen:
            continue
        seen.add(key(commit))
        later = inspect(server, commit, wait=pfs.FINISHED)
        queue.extend(later.direct_subvenance)
        yield later


def _descendants(members: Iterable[pfs.CommitInfo], seen: set[Key]) -> list[pfs.CommitInfo]:
    """Those of the members that came from one in `seen`, which grows by them.

    Members may come in any order: a commit whose job was stopped is finished before its provenance.
    """
    found: list[pfs.CommitInfo] = []
    waiting = [member for member in members if key(member.commit) not in seen]
    while True:
        linked = [member for member in waiting if not seen.isdisjoint(map(key, member.direct_provenance))]
        if not linked:
            return found
        found.extend(linked)
        seen.update(key(member.commit) for member in linked)
        waiting = [member for member in waiting if key(member.commit) not in seen]


def commit_set(server: Server, set_id: str, *, wait: bool = False) -> Iterable[pfs.CommitInfo]:
    """The members of a set, what they came from before them."""
    request = pfs.InspectCommitSetRequest(commit_set=pfs.CommitSet(id=set_id), wait=wait)
    members: Iterable[pfs.CommitInfo] = server.pfs.InspectCommitSet(request)
    return members


def inspect(server: Server, commit: pfs.Commit, wait: pfs.CommitState = pfs.COMMIT_STATE_UNKNOWN) -> pfs.CommitInfo:
    """One commit.

    Raises:
        NotFound: no such commit.
    """
    info: pfs.CommitInfo = server.pfs.InspectCommit(pfs.InspectCommitRequest(commit=commit, wait=wait))
    return info
