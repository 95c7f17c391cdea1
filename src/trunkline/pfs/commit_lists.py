"""Lists of commits: by repo in order of creation, or along parents; from a moment on, if a page begins there.

Rows are read page by page, each in a snapshot of its own that ends before a caller sees the page. So a list that nobody
reads to its end costs what was read, and one that is read slowly keeps nobody waiting.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.pfs import resolve, rows
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pfs.rows import Commit

FEWEST, MOST = 10, 640
"""Commits that are read at once: few at first, then twice as many each time."""


def list_commits(
    catalog: Catalog,
    repo: RepoRef | None,
    *,
    start: CommitRef | None = None,
    to: CommitRef | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: str = "",
    started: int | None = None,
) -> Iterator[Commit]:
    """Commits, newest first.

    Args:
        repo: of this repo only; None for all.
        start: where a walk along parents ends; excluded.
        to: where that walk begins; included.
        number: at the most; 0 for all.
        origin: USER or AUTO only.
        started: only commits started before this time (after it with `reverse`).

    Raises:
        InvalidRequest, NotFound, Refused: spec 01, section 6.
    """
    if reverse and (start or to):
        raise InvalidRequest("cannot use 'Reverse' while also using 'From' or 'To'")
    if start is not None and to is None:
        raise InvalidRequest("cannot use `from` commit without `to` commit")
    with catalog.read() as tx:
        key = None if repo is None else resolve.repo(tx, repo).key
        if any(end is not None and end.repo != repo for end in (start, to)):
            raise Refused(f"`from` and `to` commits need to be from repo {repo}")
        stop = None if start is None else resolve.commit(tx, start).key
        first = None if to is None else resolve.commit(tx, to)
    if first is None:
        return _limited(_Table(catalog, key, origin, started, reverse).rows(), number)
    chain = _chain(catalog, first, stop)
    found = (one for one in chain if origin in ("", one.origin) and (started is None or one.started < started))
    return _limited(found, number)


class _Table:
    """The commits of a repo (or of all) as the catalog sorts them."""

    def __init__(self, catalog: Catalog, repo: int | None, origin: str, started: int | None, reverse: bool) -> None:
        self._catalog, self._started = catalog, started
        self._order, self._beyond = ("ASC", ">") if reverse else ("DESC", "<")
        self._where: list[str] = []
        self._values: list[str | int] = []
        if repo is not None:
            self._add("commits.repo = ?", repo)
        if origin:
            self._add("commits.origin = ?", origin)
        if started is not None:
            self._add(f"commits.started {self._beyond} ?", started)

    def _add(self, condition: str, *values: str | int) -> None:
        self._where.append(condition)
        self._values += values

    def rows(self) -> Iterator[Commit]:
        """All of them. Those from a moment on are sorted by time, so that the next page begins where one ended."""
        size = FEWEST
        page = self._page(size, [], [])
        while page:
            yield from page
            last = page[-1]
            if len(page) < size:
                return
            size = min(2 * size, MOST)
            if self._started is None:
                page = self._page(size, [f"commits.id {self._beyond} ?"], [last.key])
            else:
                after = f"(commits.started, commits.id) {self._beyond} (?, ?)"
                page = self._page(size, [after], [last.started, last.key])

    def _page(self, size: int, more: list[str], values: list[str | int]) -> list[Commit]:
        where = " AND ".join([*self._where, *more])
        columns = ["commits.id"] if self._started is None else ["commits.started", "commits.id"]
        order = ", ".join(f"{column} {self._order}" for column in columns)
        query = f"{'WHERE ' if where else ''}{where} ORDER BY {order} LIMIT {size}"
        with self._catalog.read() as tx:
            return list(rows.commits(tx, query, (*self._values, *values)))


def _chain(catalog: Catalog, first: Commit, stop: int | None) -> Iterator[Commit]:
    """A commit and its ancestors, up to and without `stop`."""
    at: Commit | None = first
    size = FEWEST
    while at is not None:
        with catalog.read() as tx:
            page, at = _ancestors(tx, at, stop, size)
        yield from page
        size = min(2 * size, MOST)


def _ancestors(tx: Tx, first: Commit, stop: int | None, size: int) -> tuple[list[Commit], Commit | None]:
    page: list[Commit] = []
    at: Commit | None = first
    while at is not None and at.key != stop and len(page) < size:
        page.append(at)
        at = None if at.parent is None else rows.commit_by_key(tx, at.parent)
    return page, None if at is None or at.key == stop else at


def _limited(found: Iterator[Commit], number: int) -> Iterator[Commit]:
    for count, commit in enumerate(found, start=1):
        yield commit
        if count == number:
            return
