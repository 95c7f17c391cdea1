"""Commit sets, waiting for commits, and following those that come.

Rows are read page by page, so a list that nobody reads to its end costs what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.errors import NotFound, Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import provenance, resolve, rows
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pfs.rows import Commit

_READ_AT_ONCE = 500
"""Commits of a subscription."""


class Wait(IntEnum):
    """How far a commit must be; the numbers are those of the API."""

    NONE = 0
    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


def members(tx: Tx, set_id: SetId) -> list[Commit]:
    """The commits of a set and, as aliases, the older ones that they came from; upstream first.

    Raises:
        NotFound: no commit has this id.
    """
    own = list(rows.commits(tx, "WHERE commits.set_id = ? ORDER BY commits.id", (set_id,)))
    if not own:
        raise NotFound(f"no commits found for commitset {set_id}")
    found = {commit.key: commit for commit in own}
    for commit in own:
        for upstream in provenance.upstream_commits(tx, commit.key):
            found[upstream.key] = upstream
    return [found[key] for key in sorted(found)]


def sets(tx: Tx, project: str = "") -> list[SetId]:
    """The ids of all commit sets, newest first; with a project, those with a commit of their own in it."""
    query = (
        "SELECT commits.set_id AS set_id, max(commits.id) AS newest FROM commits "
        "JOIN repos ON repos.id = commits.repo JOIN projects ON projects.id = repos.project "
        "WHERE (? = '' OR projects.name = ?) GROUP BY commits.set_id ORDER BY newest DESC"
    )
    return [row["set_id"] for row in tx.rows(query, (project, project))]


def wait(catalog: Catalog, commit: Commit, state: Wait, alive: Callable[[], bool] = lambda: True) -> Commit:
    """The commit, once it is as far as `state` says.

    Raises:
        Refused: it was deleted meanwhile.
        Cancelled: the caller went away.
    """

    def look() -> Commit | None:
        with catalog.read() as tx:
            current = rows.commit_by_key(tx, commit.key)
            if current is None:
                raise Refused(f"commit {commit} was deleted")
            return current if _reached(tx, current, state) else None

    found = catalog.watch.until(look, alive)
    assert found is not None, "a wait without a timeout ends with an answer"
    return found


def _reached(tx: Tx, commit: Commit, state: Wait) -> bool:
    if state == Wait.READY:
        return all(one.finished is not None for one in provenance.direct_commits(tx, commit.key))
    if state == Wait.FINISHING:
        return commit.finishing is not None
    return state < Wait.READY or commit.finished is not None


def subscribe(
    catalog: Catalog,
    repo: RepoRef,
    *,
    branch: str = "",
    start: CommitRef | None = None,
    state: Wait = Wait.STARTED,
    origin: str = "",
    alive: Callable[[], bool] = lambda: True,
) -> Iterator[Commit]:
    """The commits of a repo, oldest first, then new ones as they come; never ends by itself.

    Each is sent once, when it is as far as `state` says; `start` alone is left out.

    Raises:
        NotFound, Refused, Cancelled: no such repo or commit; as for `wait`.
    """
    with catalog.read() as tx:
        key = resolve.repo(tx, repo).key
        if start is not None and start.repo != repo:
            raise Refused(f"the `from` commit needs to be from repo {repo}")
        skip = None if start is None else resolve.commit(tx, start).key
    last = 0

    def look() -> list[Commit] | None:
        with catalog.read() as tx:
            where = f"WHERE commits.repo = ? AND commits.id > ? ORDER BY commits.id LIMIT {_READ_AT_ONCE}"
            return list(rows.commits(tx, where, (key, last))) or None

    while True:
        for commit in catalog.watch.until(look, alive) or []:
            last = commit.key
            if commit.key != skip and branch in ("", commit.branch) and origin in ("", commit.origin):
                yield wait(catalog, commit, state, alive)
