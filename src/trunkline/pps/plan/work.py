"""What a job has to do: the difference between its datum map and its base's, in the order of datum ids.

Invariants: a datum that is the same in the base, and that the base turned into output, does not come up at all;
every other one comes up exactly once. Nothing is kept of the walk: after a crash it is walked again, and what the
catalog remembers says which datums are behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from trunkline.catalog import Catalog
from trunkline.kernel.errors import Corrupt
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.pfs import holding
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pps import outcomes, rows
from trunkline.pps.rows import Job

_PAGE = 512
"""Datums whose outcomes are looked up at once."""


class Basis(NamedTuple):
    """What a job builds on: the job it was planned from, the datums of that, and the content of its output commit."""

    job: int | None
    datums: Root
    output: Root


NOTHING = Basis(None, EMPTY, EMPTY)


class Step(NamedTuple):
    """A datum that is not as it was in the base.

    Attributes:
        key: its raw id.
        old: its entry in the base, if its outputs are in the base's output commit.
        new: its entry in the job.
    """

    key: bytes
    old: Entry | None
    new: Entry | None


def basis(pfs: Pfs, job: Job) -> Basis:
    """What a planned job builds on; NOTHING if it was planned from nothing, or what its base made is gone."""
    with pfs.reading() as tx:
        base = None if job.base is None else rows.job_by_key(tx, job.base)
        output = None if base is None else pfs_rows.commit_by_key(tx, base.output_commit)
        if base is None or base.datums is None or output is None or output.root is None:
            return NOTHING
        if output.error or output.forgotten:
            return NOTHING
        pfs.pins.hold([(holding.NODES, base.datums), (holding.FILES, output.root)])
    return Basis(base.key, Root.unpack(base.datums), Root.unpack(output.root))


def steps(catalog: Catalog, maps: Maps, job: Job, base: Basis) -> Iterator[Step]:
    """The datums of a planned job that differ from those it builds on, ascending.

    A datum that the base recovered from has no output there, so it comes up even if it stays as it was.

    Raises:
        Corrupt: the job is not planned, or a map is damaged.
    """
    if job.datums is None:
        raise Corrupt(f"job {job.ref} has no datum map: run pachctl fsck")
    datums = Root.unpack(job.datums)
    recovered = outcomes.recovered(catalog, base.job) if base.job is not None else iter(())
    waiting = next(recovered, None)
    for key, old, new in maps.diff(base.datums, datums):
        while waiting is not None and waiting < key:
            yield from _still_there(maps, datums, waiting)
            waiting = next(recovered, None)
        if waiting == key:
            old = None
            waiting = next(recovered, None)
        yield Step(key, old, new)
    while waiting is not None:
        yield from _still_there(maps, datums, waiting)
        waiting = next(recovered, None)


def to_run(catalog: Catalog, maps: Maps, job: Job, base: Basis) -> Iterator[Entry]:
    """The datums of a planned job that user code must run on, ascending: those without outcome, and not tried here."""
    found = (step.new for step in steps(catalog, maps, job, base) if step.new is not None)
    while page := list(islice(found, _PAGE)):
        with catalog.read() as tx:
            known = outcomes.known_among(tx, job.pipeline, [entry[1] for entry in page])
            troubled = outcomes.troubled_among(tx, job.key, [entry[0] for entry in page])
        yield from (entry for entry in page if entry[1] not in known and entry[0] not in troubled)


def _still_there(maps: Maps, datums: Root, key: bytes) -> Iterator[Step]:
    entry = maps.get(datums, key)
    if entry is not None:
        yield Step(key, None, entry)
