"""Goes through the datums of a job that came up: those that are not as in the job that it builds on.

Invariant: what is gone through is what the job itself goes through (`plan.work.steps`), so the cost follows the change;
after `COUNTED` datums counting stops and says so. Whether a datum ran, failed or was known is read off the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from trunkline.catalog import Row
from trunkline.kernel.errors import Cancelled
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.pfs.pfs import Pfs
from trunkline.pps import rows
from trunkline.pps.explain.causes import Causes
from trunkline.pps.explain.values import Cause, Fate, Page, Tally, WhyDatum
from trunkline.pps.plan import work
from trunkline.pps.plan.records import decode
from trunkline.pps.plan.work import Basis
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job

COUNTED = 50_000
"""Datums that are counted; more would take seconds."""

LOOKED_BACK = 100
"""Jobs without success, before this one, whose troubles are looked up."""

_PAGE = 500

_OUTCOMES = "SELECT hash, job, tries FROM outcomes WHERE pipeline = ? AND hash IN "
_TROUBLED = "SELECT datum, state, reason, tries FROM troubled_datums WHERE job = ? AND datum IN "
_EARLIER = (
    "SELECT datum, max(job) AS job FROM troubled_datums WHERE job IN "
    "(SELECT id FROM jobs WHERE pipeline = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?) AND datum IN "
)


class Datums:
    """The datums of a planned job, or of one that is supposed.

    Args:
        maps: that know the job's datum map.
        base: what the job builds on.
        causes: why datums came up.
        alive: whether anybody still listens.
    """

    def __init__(
        self, pfs: Pfs, maps: Maps, job: Job, base: Basis, causes: Causes, alive: Callable[[], bool] = lambda: True
    ) -> None:
        self._catalog, self._maps, self._job, self._base = pfs.catalog, maps, job, base
        self._causes, self._alive = causes, alive
        self.tally = Tally(total=(EMPTY if job.datums is None else Root.unpack(job.datums)).count)
        self.shown: list[WhyDatum] = []

    def go_through(self, page: Page) -> None:
        """Fills `tally` and `shown`.

        Raises:
            Corrupt: a map is damaged.
            Cancelled: nobody listens any more.
        """
        steps = work.steps(self._catalog, self._maps, self._job, self._base)
        came = 0
        while some := list(islice(steps, _PAGE)):
            if not self._alive():
                raise Cancelled("the caller went away")
            entries = [step.new for step in some if step.new is not None]
            self.tally.gone += len(some) - len(entries)
            came += len(entries)
            if entries:
                self._look_at(entries, page)
            if came + self.tally.gone >= COUNTED and len(self.shown) >= page.number:
                self.tally.partial = next(steps, None) is not None
                break
        self.tally.same = 0 if self.tally.partial else self.tally.total - came

    def _look_at(self, entries: Sequence[Entry], page: Page) -> None:
        first = 0 if self._base.job is None else self._base.job
        with self._catalog.read() as tx:
            hashes, keys = [one[1] for one in entries], [one[0] for one in entries]
            known = _by(tx.rows(_OUTCOMES + _marks(hashes), (self._job.pipeline, *hashes)), "hash")
            troubled = _by(tx.rows(_TROUBLED + _marks(keys), (self._job.key, *keys)), "datum")
            span = (self._job.pipeline, first, self._job.key, LOOKED_BACK)
            earlier = _by(tx.rows(f"{_EARLIER}{_marks(keys)} GROUP BY datum", (*span, *keys)), "datum")
        for entry in entries:
            outcome, trouble = known.get(entry[1]), troubled.get(entry[0])
            fate = self._fate(outcome, trouble)
            cause = self._causes.cause(entry, known=fate is Fate.KNOWN)
            self.tally.causes[cause] = self.tally.causes.get(cause, 0) + 1
            self.tally.fates[fate] = self.tally.fates.get(fate, 0) + 1
            if entry[0] > page.after and len(self.shown) < page.number:
                self.shown.append(self._told(entry, cause, fate, trouble or outcome, earlier.get(entry[0])))

    def _fate(self, outcome: Row | None, trouble: Row | None) -> Fate:
        if trouble is not None:
            return Fate(trouble["state"])
        if outcome is None or outcome["job"] > self._job.key:
            return Fate.AHEAD
        return Fate.RAN if outcome["job"] == self._job.key else Fate.KNOWN

    def _told(self, entry: Entry, cause: Cause, fate: Fate, row: Row | None, earlier: Row | None) -> WhyDatum:
        record = decode(entry)
        there = row if fate is not Fate.AHEAD else None
        return WhyDatum(
            id=record.id,
            cause=cause,
            fate=fate,
            inputs=tuple(f"/{one.name}{one.path}" for one in record.inputs),
            changes=self._causes.changes(entry, cause),
            ran=self._name(there["job"]) if there is not None and fate is Fate.KNOWN else None,
            failed_in=None if earlier is None else self._name(earlier["job"]),
            reason=there["reason"] if there is not None and fate in (Fate.FAILED, Fate.RECOVERED) else "",
            tries=0 if there is None else there["tries"],
        )

    def _name(self, key: int) -> JobRef | None:
        with self._catalog.read() as tx:
            job = rows.job_by_key(tx, key)
        return None if job is None else job.ref


def _by(found: object, column: str) -> dict[bytes, Row]:
    return {row[column]: row for row in found}  # type: ignore[attr-defined]


def _marks(values: Sequence[bytes]) -> str:
    return f"({', '.join('?' * len(values))})"
