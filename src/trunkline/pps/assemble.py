"""Makes the content of a job's output commit: the base's, without what changed datums had left, with what they leave.

Invariants: the result is the union of the outputs of the job's datums, each file tagged with its datum, whatever
the base; it is durable when it is returned; memory is bounded. Two datums that claim one path, or one a file where
another has a directory, make no content at all but a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from trunkline.catalog import Catalog
from trunkline.content.entry import from_entry
from trunkline.kernel.errors import Corrupt
from trunkline.maps import Entry, Maps, Root
from trunkline.pps import outcomes
from trunkline.pps.collisions import first_collision
from trunkline.pps.plan import work
from trunkline.pps.plan.spool import Spool
from trunkline.pps.plan.work import Basis, Step
from trunkline.pps.rows import Job

_PAGE = 256
"""Datums whose outcomes are looked up at once."""


class Collision(Exception):
    """The datums' outputs do not fit together; the text is the reason that the job fails with."""


class WorkLeft(Exception):
    """A datum has no outcome: the job's work is not done after all."""


class _BaseUnusable(Exception):
    """The outcome of a datum of the base is no longer known."""


def assemble(catalog: Catalog, maps: Maps, job: Job, base: Basis, folder: Path | None = None) -> Root:
    """The content of a job whose datums all have an outcome, or were recovered from.

    Args:
        base: what the job builds on.
        folder: for temporary files.

    Raises:
        Collision: two datums' outputs exclude each other.
        WorkLeft: a datum has no outcome.
        Corrupt, StorageFull, StorageFailed: as the catalog and the store have it.
    """
    try:
        return _Assembly(catalog, maps, job, base, folder).run()
    except _BaseUnusable:
        return _Assembly(catalog, maps, job, work.NOTHING, folder).run()


class _Assembly:
    def __init__(self, catalog: Catalog, maps: Maps, job: Job, base: Basis, folder: Path | None) -> None:
        self._catalog, self._maps, self._job, self._base, self._folder = catalog, maps, job, base, folder
        self._kept = base.output.count
        """Files that the result would have if every put without a delete were new."""

    def run(self) -> Root:
        with Spool(folder=self._folder) as spool:
            self._collect(spool)
            if not spool.count:
                return self._base.output
            after = self._maps.edit(self._base.output, self._changes(spool.sorted()))
            if after.count != self._kept:
                self._find_duplicate(spool.sorted())
            folder = first_collision(self._maps, after, _puts(spool.sorted()), spool.count)
            if folder is not None:
                raise Collision(f"file / directory path collision ({folder})")
            return after

    def _collect(self, spool: Spool) -> None:
        """Every output file of the changed datums: (path, None) for what goes, (path, entry) for what comes."""
        steps = work.steps(self._catalog, self._maps, self._job, self._base)
        while page := list(islice(steps, _PAGE)):
            hashes = {entry[1] for step in page for entry in (step.old, step.new) if entry is not None}
            keys = [step.key for step in page]
            with self._catalog.read() as tx:
                known = outcomes.outputs_of(tx, self._job.pipeline, list(hashes))
                troubled = outcomes.troubled_among(tx, self._job.key, keys)
            for step in page:
                for record in self._of(step, known, troubled):
                    spool.add(record)

    def _of(self, step: Step, known: dict[bytes, Root], troubled: set[bytes]) -> Iterator[tuple[bytes, Entry | None]]:
        if step.old is not None:
            gone = known.get(step.old[1])
            if gone is None:
                raise _BaseUnusable
            for entry in self._maps.range(gone):
                yield entry[0], None
        if step.new is not None and step.key not in troubled:
            come = known.get(step.new[1])
            if come is None:
                raise WorkLeft(f"datum {step.key.hex()} of job {self._job.ref} has no outcome")
            for entry in self._maps.range(come):
                yield entry[0], entry

    def _changes(self, records: Iterator[tuple[bytes, Entry | None]]) -> Iterator[tuple[bytes, Entry | None]]:
        """One change for each path."""
        for path, group in groupby(records, key=itemgetter(0)):
            gone, come = False, None
            for _, entry in group:
                if entry is None:
                    gone = True
                elif come is None:
                    come = entry
                else:
                    raise Collision(_duplicate(path, come, entry))
            self._kept += (come is not None) - gone
            yield path, None if come is None else (come[0], come[1], come[2], come[3])

    def _find_duplicate(self, records: Iterator[tuple[bytes, Entry | None]]) -> None:
        """Names the first path that an unchanged datum has already."""
        for path, group in groupby(records, key=itemgetter(0)):
            entries = [entry for _, entry in group]
            there = None if None in entries else self._maps.get(self._base.output, path)
            if there is not None and entries[0] is not None:
                raise Collision(_duplicate(path, there, entries[0]))
        raise Corrupt(f"the base of job {self._job.ref} lacks outputs of its datums: run pachctl fsck")


def _puts(records: Iterator[tuple[bytes, Entry | None]]) -> Iterator[bytes]:
    return (path for path, entry in records if entry is not None)


def _duplicate(path: bytes, one: Entry, other: Entry) -> str:
    tags = sorted(from_entry((e[0], e[1], e[2], e[3])).tag for e in (one, other))
    text = path.decode()
    return f"duplicate path output by different datums ({text} from {tags[0]} and {text} from {tags[1]})"
