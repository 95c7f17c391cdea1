"""The log of a spout, which has no jobs: that of each of its versions, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from trunkline.kernel.clock import Nanos
from trunkline.kernel.ids import SetId
from trunkline.pfs.pfs import Pfs
from trunkline.pps import rows, spouts
from trunkline.pps.log_queries import DAY, LogEntry, LogQuery
from trunkline.pps.logbook import Logbook, LogFilter, Record
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Pipeline


def of_spout(
    pfs: Pfs, logbook: Logbook, pipeline: Pipeline, query: LogQuery, alive: Callable[[], bool] = lambda: True
) -> Iterator[LogEntry]:
    """The records of a spout; to follow is to follow its newest version, until that is updated or gone.

    Raises:
        Cancelled: `alive` answered False while following, or the server is shutting down.
    """
    since = query.since if query.since is not None else Nanos(pfs.clock.now() - DAY)
    keep = (lambda _: False) if query.data else None  # there is no input that a record could be about
    wanted = LogFilter(datum=query.datum, user=query.user, master=query.master, since=since, keep=keep)
    with pfs.catalog.read() as tx:
        versions = [rows.version(tx, pipeline.key, number) for number in range(1, pipeline.version + 1)]
    logs = [spouts.log_of(pipeline.ref, version.spec_id) for version in versions]
    recent = [log for log in logs[:-1] if logbook.changed(log) >= since]

    def outdated() -> bool:
        with pfs.catalog.read() as tx:
            now = rows.find_pipeline(tx, pipeline.ref)
        return now is None or (now.key, now.version) != (pipeline.key, pipeline.version)

    last: Iterator[Record]
    if query.follow:
        last = logbook.follow(logs[-1], outdated, wanted, tail=query.tail, alive=alive)
    else:
        last = logbook.read(logs[-1], wanted, query.tail)
    earlier = chain.from_iterable(logbook.read(log, wanted) for log in recent) if not query.tail else iter(())
    nobody = JobRef(pipeline.ref, SetId(""))
    return (LogEntry(nobody, record, ()) for record in chain(earlier, last))
