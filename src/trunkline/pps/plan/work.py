"""What a job has to do: the difference between its datum map and its base's, in the order of datum ids.

Invariants: a datum that is the same in the base, and that the base turned into output, does not come up at all;
every other one comes up exactly once. Nothing is kept of the walk: after a crash it is walked again, and what the
catalog remembers says which datums are behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from trunkline.catalog import Catalog
from trunkline.kernel.errors import Corrupt
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.pps import outcomes, rows
from trunkline.pps.rows import Job

_PAGE = 512
"""Datums whose outcomes are looked up at once."""


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


class Known(msgspec.Struct):
    """Counts what a walk met that need not run. `reused` comes from other jobs, `done` from this one."""

    reused: int = 0
    done: int = 0


def steps(catalog: Catalog, maps: Maps, job: Job) -> Iterator[Step]:
    """The datums of a planned job that differ from its base, ascending.

    A datum that the base recovered from has no output there, so it comes up even if it stays as it was.

    Raises:
        Corrupt: the job is not planned, or a map is damaged.
    """
    if job.datums is None:
        raise Corrupt(f"job {job.ref} has no datum map: run pachctl fsck")
    datums, before = Root.unpack(job.datums), _base_datums(catalog, job)
    recovered = outcomes.recovered(catalog, job.base) if job.base is not None else iter(())
    waiting = next(recovered, None)
    for key, old, new in maps.diff(before, datums):
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


def to_run(catalog: Catalog, maps: Maps, job: Job, known: Known) -> Iterator[Entry]:
    """The datums of a planned job that user code must run on, ascending; `known` counts the others met."""
    found = (step.new for step in steps(catalog, maps, job) if step.new is not None)
    while page := list(islice(found, _PAGE)):
        with catalog.read() as tx:
            authors = outcomes.authors(tx, job.pipeline, [entry[1] for entry in page])
            troubled = outcomes.troubled_among(tx, job.key, [entry[0] for entry in page])
        for entry in page:
            author = authors.get(entry[1])
            if author == job.key or entry[0] in troubled:
                known.done += 1
            elif author is not None:
                known.reused += 1
            else:
                yield entry


def _base_datums(catalog: Catalog, job: Job) -> Root:
    if job.base is None:
        return EMPTY
    with catalog.read() as tx:
        base = rows.job_by_key(tx, job.base)
    return EMPTY if base is None or base.datums is None else Root.unpack(base.datums)


def _still_there(maps: Maps, datums: Root, key: bytes) -> Iterator[Step]:
    entry = maps.get(datums, key)
    if entry is not None:
        yield Step(key, None, entry)
