"""What can be asked of the logs: those of a job or of a pipeline, filtered, as they are or as they grow.

A record names its datum; which files that datum had is looked up in the job's datum map, once per datum.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import NotFound
from trunkline.maps import Root
from trunkline.pfs.pfs import Pfs
from trunkline.pps import job_queries, rows
from trunkline.pps.job_queries import JobFilter
from trunkline.pps.logbook import Logbook, LogFilter, LogReader, Record
from trunkline.pps.plan.records import decode
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job, Pipeline

DAY = 24 * 3600 * SECOND

Data = tuple[tuple[str, bytes], ...]
"""Path and hash of each input of a datum."""


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which records of which log.

    Attributes:
        data: each must be the path, or the hash in hex or base64, of an input of the record's datum.
        since: none that are older; None for all of a job, for a day of a pipeline.
        tail: only the last so many; 0 for all.
        follow: go on until the job has ended, or for a pipeline without end.
    """

    datum: str = ""
    user: bool | None = None
    master: bool | None = None
    data: tuple[str, ...] = ()
    since: Nanos | None = None
    tail: int = 0
    follow: bool = False


class LogEntry(msgspec.Struct, frozen=True):
    """A record, the job it belongs to, and the inputs of its datum."""

    job: JobRef
    record: Record
    data: Data


def of_job(
    pfs: Pfs, logbook: Logbook, job: Job, query: LogQuery, alive: Callable[[], bool] = lambda: True
) -> Iterator[LogEntry]:
    """The records of a job.

    Raises:
        Cancelled: `alive` answered False while following, or the server is shutting down.
    """
    view = _View(pfs, job)
    wanted = _filter(query, view, query.since or Nanos(0))
    if query.follow:
        found = logbook.follow(job.ref, partial(_has_ended, pfs, job), wanted, tail=query.tail, alive=alive)
    else:
        found = logbook.read(job.ref, wanted, query.tail)
    return map(view.entry, found)


def of_pipeline(
    pfs: Pfs,
    logbook: Logbook,
    pipeline: Pipeline,
    query: LogQuery,
    alive: Callable[[], bool] = lambda: True,
) -> Iterator[LogEntry]:
    """The records of all jobs of a pipeline, job by job, oldest first.

    Raises:
        Cancelled: as `of_job`.
    """
    since = query.since if query.since is not None else Nanos(pfs.clock.now() - DAY)
    jobs = _recent_jobs(pfs, logbook, pipeline, since)
    views = {job.key: _View(pfs, job) for job in jobs}
    readers = {job.key: logbook.reader(job.ref) for job in jobs}
    if query.tail > 0:
        last: list[LogEntry] = []
        for job in reversed(jobs):  # all of them, so that every reader stands at its end
            view = views[job.key]
            found = readers[job.key].tail(_filter(query, view, since), query.tail)
            last[:0] = map(view.entry, found)
        yield from last[-query.tail :]
    else:
        for job in jobs:
            yield from _more(readers[job.key], views[job.key], query, since)
    newest = max(readers, default=0)
    while query.follow:
        seen = logbook.version
        with pfs.catalog.read() as tx:
            where = "WHERE jobs.pipeline = ? AND jobs.id > ? ORDER BY jobs.id"
            fresh = list(rows.jobs(tx, where, (pipeline.key, newest)))
            unfinished = "SELECT id FROM jobs WHERE pipeline = ? AND finished IS NULL"
            growing = {int(row["id"]) for row in tx.rows(unfinished, (pipeline.key,))}
        for job in fresh:
            views[job.key], readers[job.key], newest = _View(pfs, job), logbook.reader(job.ref), job.key
        for key, reader in readers.items():
            yield from _more(reader, views[key], query, since)
        for key in readers.keys() - growing:  # nothing comes after the end; so each line costs the jobs under way
            del readers[key], views[key]
        logbook.wait(seen, alive)


def _recent_jobs(pfs: Pfs, logbook: Logbook, pipeline: Pipeline, since: Nanos) -> list[Job]:
    """The jobs whose logs may hold records of that time, oldest first."""
    found: list[Job] = []
    for job in job_queries.listed(pfs.catalog, JobFilter(pipeline=pipeline.key, history=-1)):
        if job.finished is not None and job.finished < since and logbook.changed(job.ref) < since:
            break
        found.append(job)
    return found[::-1]


def _more(reader: LogReader, view: _View, query: LogQuery, since: Nanos) -> Iterator[LogEntry]:
    return map(view.entry, reader.more(_filter(query, view, since)))


def _filter(query: LogQuery, view: _View, since: Nanos) -> LogFilter:
    keep = partial(view.has, query.data) if query.data else None
    return LogFilter(datum=query.datum, user=query.user, master=query.master, since=since, keep=keep)


def _has_ended(pfs: Pfs, job: Job) -> bool:
    with pfs.catalog.read() as tx:
        now = rows.job_by_key(tx, job.key)
    return now is None or now.state.terminal


class _View:
    """A job, and the inputs of those of its datums that its log names."""

    def __init__(self, pfs: Pfs, job: Job) -> None:
        self.job = job
        self._pfs = pfs
        self._datums = job.datums
        self._known: dict[str, Data] = {"": ()}

    def entry(self, record: Record) -> LogEntry:
        """The record with what belongs to it."""
        return LogEntry(self.job.ref, record, self.data(record.datum))

    def has(self, filters: Sequence[str], record: Record) -> bool:
        """Whether each filter names an input of the record's datum."""
        return all(
            any(one in (path, hash.hex(), base64.b64encode(hash).decode()) for path, hash in self.data(record.datum))
            for one in filters
        )

    def data(self, datum: str) -> Data:
        """The inputs of a datum; none for one that the job does not have."""
        known = self._known.get(datum)
        if known is None:
            known = self._known[datum] = self._look_up(datum)
        return known

    def _look_up(self, datum: str) -> Data:
        if self._datums is None:  # not planned when the question was asked
            with self._pfs.catalog.read() as tx:
                now = rows.job_by_key(tx, self.job.key)
            self._datums = None if now is None else now.datums
        try:
            entry = self._pfs.maps.get(Root.unpack(self._datums), bytes.fromhex(datum)) if self._datums else None
        except (ValueError, NotFound):
            entry = None
        return () if entry is None else tuple((one.path, one.hash) for one in decode(entry).inputs)
