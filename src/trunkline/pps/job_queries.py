"""What can be asked about jobs: one, a page of a list, all of one commit set; and waiting for their end.

Invariant: nothing here holds a transaction open between two answers, so a slow reader of a list delays nobody;
a list that is read while jobs are made shows each job at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import NotFound
from trunkline.kernel.ids import SetId
from trunkline.pps import rows
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job

_PAGE = 500
"""Jobs read in one transaction."""


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list, and from where.

    Attributes:
        pipeline: key of the only pipeline; None for all.
        projects: only these projects; all if there are none.
        history: how many versions of each pipeline besides the newest; -1 for all.
        inputs: keys of commits that each must be direct provenance of some commit of the job's set.
        marker: only jobs created before this time (after it with `reverse`).
        reverse: oldest first instead of newest first.
    """

    pipeline: int | None = None
    projects: tuple[str, ...] = ()
    history: int = 0
    inputs: tuple[int, ...] = ()
    marker: Nanos | None = None
    reverse: bool = False


def listed(catalog: Catalog, wanted: JobFilter, number: int = 0) -> Iterator[Job]:
    """The jobs of a list, at most `number` (0: all), read page by page."""
    last: Job | None = None
    left = number or None
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        with catalog.read() as tx:
            page = _page(tx, wanted, last, size)
        yield from page
        if len(page) < size:
            return
        last = page[-1]
        left = None if left is None else left - size


def _page(tx: Tx, wanted: JobFilter, after: Job | None, size: int) -> list[Job]:
    where, parameters = _conditions(wanted)
    sign, order = (">", "ASC") if wanted.reverse else ("<", "DESC")
    if after is not None:  # which lies behind the marker
        where.append(f"(jobs.created, jobs.id) {sign} (?, ?)")
        parameters += [after.created, after.key]
    elif wanted.marker is not None:
        where.append(f"jobs.created {sign} ?")
        parameters.append(wanted.marker)
    query = f"WHERE {' AND '.join(where)} ORDER BY jobs.created {order}, jobs.id {order} LIMIT ?"
    return list(rows.jobs(tx, query, (*parameters, size)))


def _conditions(wanted: JobFilter) -> tuple[list[str], list[str | int]]:
    where: list[str] = ["1 = 1"]
    parameters: list[str | int] = []
    if wanted.pipeline is not None:
        where.append("jobs.pipeline = ?")
        parameters.append(wanted.pipeline)
    if wanted.projects:
        # Not the bare column: the list is to be read in the order of the jobs, not project by project and sorted.
        where.append(f"projects.name || '' IN ({', '.join('?' * len(wanted.projects))})")
        parameters += wanted.projects
    if wanted.history >= 0:
        where.append("jobs.version >= pipelines.version - ?")
        parameters.append(wanted.history)
    for commit in wanted.inputs:
        where.append(
            "commits.set_id IN (SELECT members.set_id FROM commit_provenance AS edges "
            "JOIN commits AS members ON members.id = edges.commit_id WHERE edges.upstream = ?)"
        )
        parameters.append(commit)
    return where, parameters


def of_set(tx: Tx, set_id: SetId) -> list[Job]:
    """The jobs of a commit set, each after those it reads from.

    Raises:
        NotFound: no commit has this id.
    """
    found = list(rows.jobs(tx, "WHERE commits.set_id = ? ORDER BY jobs.output_commit", (set_id,)))
    if not found and tx.row("SELECT id FROM commits WHERE set_id = ? LIMIT 1", (set_id,)) is None:
        raise NotFound(f"no commits found for commitset {set_id}")
    return found


def sets(catalog: Catalog, wanted: JobFilter, number: int = 0) -> Iterator[tuple[SetId, list[Job]]]:
    """Commit sets that have jobs, by their newest (with `reverse`: oldest) job; at most `number` (0: all)."""
    seen: set[SetId] = set()
    for job in listed(catalog, wanted):
        if job.ref.id in seen:
            continue
        seen.add(job.ref.id)
        with catalog.read() as tx:
            members = list(rows.jobs(tx, "WHERE commits.set_id = ? ORDER BY jobs.output_commit", (job.ref.id,)))
        if members:
            yield job.ref.id, members
        if number and len(seen) >= number:
            return


def wait(catalog: Catalog, ref: JobRef, alive: Callable[[], bool] = lambda: True) -> Job:
    """The job, once it has ended.

    Raises:
        NotFound: no such job, or it was deleted meanwhile.
        Cancelled: `alive` answered False, or the server shuts down.
    """
    with catalog.read() as tx:
        known = rows.job(tx, ref)

    def look() -> Job | None:
        with catalog.read() as tx:
            job = rows.job_by_key(tx, known.key)
        if job is None:
            raise NotFound(f"job {ref.id} was deleted")
        return job if job.state.terminal else None

    found = catalog.watch.until(look, alive)
    assert found is not None, "a wait without a timeout ends with an answer"
    return found


def wait_set(catalog: Catalog, set_id: SetId, alive: Callable[[], bool] = lambda: True) -> Iterator[Job]:
    """Each job of a commit set, once it has ended; in the order of `of_set`.

    Raises:
        NotFound, Cancelled: as `of_set` and `wait`.
    """
    with catalog.read() as tx:
        members = of_set(tx, set_id)
    for member in members:
        yield wait(catalog, member.ref, alive)


def subscribe(catalog: Catalog, pipeline: int, alive: Callable[[], bool] = lambda: True) -> Iterator[Job]:
    """The unfinished jobs of a pipeline, oldest first, then each new one as it is made; without end.

    Raises:
        Cancelled: `alive` answered False, or the server shuts down.
    """
    where = "WHERE jobs.pipeline = ? AND jobs.id > ? ORDER BY jobs.id"
    with catalog.read() as tx:
        newest = tx.row("SELECT max(id) AS id FROM jobs WHERE pipeline = ?", (pipeline,))
        last = int(newest["id"] or 0) if newest is not None else 0
        unfinished = "WHERE jobs.pipeline = ? AND jobs.finished IS NULL ORDER BY jobs.id"
        known = list(rows.jobs(tx, unfinished, (pipeline,)))
    yield from known

    def look() -> list[Job] | None:
        with catalog.read() as tx:
            return list(rows.jobs(tx, where, (pipeline, last))) or None

    while True:
        for job in catalog.watch.until(look, alive) or ():
            last = job.key
            yield job
