"""Checks what jobs say against what their output commits hold; changes nothing.

Each problem is one line that names the thing.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.kernel.errors import Corrupt
from trunkline.maps import Root
from trunkline.pfs import holding
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pps import outcomes, repairs, rows
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState

_PAGE = 500


def check(pfs: Pfs) -> Iterator[str]:
    """Every problem found, in words; nothing on a sound system."""
    with pfs.reading() as tx:
        every = list(rows.jobs(tx, "ORDER BY jobs.id"))
        wrong = list(repairs.problems(tx))
        pfs.pins.hold((holding.NODES, job.datums) for job in every if job.datums is not None)
    yield from wrong
    checked: set[tuple[int, bytes]] = set()
    for job in every:
        yield from _ends(pfs, job)
        if job.state is not JobState.SUCCESS or job.datums is None:
            continue
        if (job.pipeline, job.datums) not in checked:
            checked.add((job.pipeline, job.datums))
            yield from _output(pfs, job, Root.unpack(job.datums))


def _ends(pfs: Pfs, job: Job) -> Iterator[str]:
    """A job and its output commit end together."""
    with pfs.catalog.read() as tx:
        commit = pfs_rows.commit_by_key(tx, job.output_commit)
    if commit is None:
        yield f"job {job.ref} has no output commit"
        return
    if job.state.terminal != (job.finished is not None):
        yield f"job {job.ref} is {job.state.value} and its end is {job.finished}"
    if job.state.terminal and commit.open:
        yield f"job {job.ref} has ended, its output commit is open"
    if job.state is JobState.SUCCESS and commit.error:
        yield f"job {job.ref} succeeded, its output commit has the error: {commit.error}"
    counts = job.counts
    done = counts.processed + counts.skipped + counts.failed + counts.recovered
    if job.state is JobState.SUCCESS and done != counts.total:
        yield f"job {job.ref} counts {done} of {counts.total} datums"
    if job.state is JobState.SUCCESS and repairs.datums_of(job) != counts.total:
        yield f"job {job.ref} says that it has {counts.total} datums, it has {repairs.datums_of(job)}"


def _output(pfs: Pfs, job: Job, datums: Root) -> Iterator[str]:
    """The output commit holds the files of the job's datums and no others, by their number and their bytes."""
    broken = [f"job {job.ref}: its datum map: {problem}" for problem in pfs.maps.verify(datums)]
    yield from broken
    if broken:
        return
    files = size = 0
    try:
        for page in _pages(pfs, datums):
            with pfs.catalog.read() as tx:
                known = outcomes.outputs_of(tx, job.pipeline, [value for _, value in page])
                troubled = outcomes.troubled_among(tx, job.key, [key for key, _ in page])
            for key, value in page:
                if value in known and key not in troubled:
                    yield from (f"datum {key.hex()}: its outputs: {one}" for one in pfs.maps.verify(known[value]))
                    files += known[value].count
                    size += known[value].weight
                elif key not in troubled:
                    yield f"job {job.ref} succeeded, and nothing is known of its datum {key.hex()}"
    except Corrupt as error:
        yield f"job {job.ref}: {error}"
        return
    with pfs.catalog.read() as tx:
        commit = pfs_rows.commit_by_key(tx, job.output_commit)
    if commit is not None and commit.root is not None:
        held = Root.unpack(commit.root)
        if (held.count, held.weight) != (files, size):
            yield (
                f"job {job.ref}: its datums made {files} files of {size} bytes, its output commit holds "
                f"{held.count} of {held.weight}"
            )


def _pages(pfs: Pfs, datums: Root) -> Iterator[list[tuple[bytes, bytes]]]:
    """The raw ids and the hashes of datums, some at a time."""
    page: list[tuple[bytes, bytes]] = []
    for entry in pfs.maps.range(datums):
        page.append((entry[0], entry[1]))
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
