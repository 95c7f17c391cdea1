"""Lineage as it is told, and lineage worked out from all datums there are; both as sets of edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.pps.world import World

from trunkline.maps import Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import provenance
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, outcomes, rows
from trunkline.pps.lineage.down import Downward
from trunkline.pps.lineage.up import Upward
from trunkline.pps.lineage.values import Bounds, TracedDatum, TracedFile, TraceEnd
from trunkline.pps.plan import plan
from trunkline.pps.plan.records import decode
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState

ALL = Bounds(most=10_000, width=10_000)


class At(NamedTuple):
    """A file: repo, commit, path."""

    repo: str
    commit: str
    path: str


class Edge(NamedTuple):
    """One datum made a file from another one."""

    source: At
    datum: str
    job: str
    made: At


def told(world: World, commit: Commit, path: str, *, down: bool = False, bounds: Bounds = ALL) -> list[object]:
    """A trace, message by message."""
    return list((Downward if down else Upward)(world.pfs, bounds).trace(commit, path))


def edges(messages: list[object]) -> set[Edge]:
    """What a trace says, as edges."""
    files = {one.number: one for one in messages if isinstance(one, TracedFile)}
    datums = {one.number: one for one in messages if isinstance(one, TracedDatum)}
    end = messages[-1]
    assert isinstance(end, TraceEnd)
    assert (end.files, end.datums, end.cut) == (len(files), len(datums), False)
    found = set()
    for made in files.values():
        if made.datum:
            datum = datums[made.datum]
            for source in (number for one in datum.inputs for number in one.files):
                found.add(Edge(_at(files[source]), datum.id, datum.job.id, _at(made)))
    return found


def _at(one: TracedFile) -> At:
    return At(one.repo.name, one.commit, one.path)


def all_edges(world: World) -> set[Edge]:
    """Every edge that there is, from all datums of all jobs that succeeded."""
    with world.catalog.read() as tx:
        jobs = list(rows.jobs(tx, "WHERE jobs.state = ? ORDER BY jobs.id", (JobState.SUCCESS.value,)))
    return {edge for job in jobs for edge in _of_job(world, job)}


def _of_job(world: World, job: Job) -> Iterator[Edge]:
    assert job.datums is not None
    if not Root.unpack(job.datums).count:
        return
    leaves = list(inputs.leaves(plan.need_input(world.pps.version_of(job))))
    with world.catalog.read() as tx:
        direct = {one.repo: one for one in provenance.direct_commits(tx, job.output_commit)}
        recovered = outcomes.troubled_among(tx, job.key, [e[0] for e in world.pfs.maps.range(Root.unpack(job.datums))])
        known = outcomes.outputs_of(tx, job.pipeline, [e[1] for e in world.pfs.maps.range(Root.unpack(job.datums))])
    for entry in world.pfs.maps.range(Root.unpack(job.datums)):
        if entry[0] in recovered:
            continue
        record = decode(entry)
        sources = set()
        for one in record.inputs:
            commit = direct[inputs.repo_of(leaves[one.leaf])]
            low = one.path.encode()
            high = prefix_end(low) if one.path.endswith("/") else low + b"\0"
            for file in world.pfs.maps.range(world.pfs.content(commit), low, high):
                sources.add(At(commit.repo.name, commit.id, file[0].decode()))
        for file in world.pfs.maps.range(known[entry[1]]):
            made = At(job.ref.pipeline.name, job.ref.id, file[0].decode())
            yield from (Edge(source, record.id, job.ref.id, made) for source in sources)


def closure(every: set[Edge], start: At, *, down: bool) -> set[Edge]:
    """The edges that can be reached from a file."""
    by: dict[At, list[Edge]] = {}
    for edge in every:
        by.setdefault(edge.source if down else edge.made, []).append(edge)
    found: set[Edge] = set()
    ahead = [start]
    while ahead:
        for edge in by.get(ahead.pop(), ()):
            if edge not in found:
                found.add(edge)
                ahead.append(edge.made if down else edge.source)
    return found
