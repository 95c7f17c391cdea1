"""Keeps the datum map of a job: finds the job to start from, and edits its datum map by what changed since.

Invariants: the datum map is what the full plan would give, whatever the base; a plan is durable before the job's
row names it; memory is bounded, whatever changed. A base serves if it was planned under the same input expression
and salt (`plan_key`) and succeeded, so that its output commit holds the outputs of exactly its datums.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.errors import Corrupt
from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.pfs import holding, provenance
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, rows
from trunkline.pps.plan import tree
from trunkline.pps.plan.operators.base import Side
from trunkline.pps.plan.records import Encoder
from trunkline.pps.plan.spool import Spool
from trunkline.pps.rows import Job, Version
from trunkline.pps.spec import Input, PfsInput
from trunkline.pps.states import JobState

log = logging.getLogger("trunkline.pps")

EVERY_JOB = "every_job"


class Plan(msgspec.Struct, frozen=True):
    """What planning a job gives. `base` is the key of the job that it started from, None for from nothing.

    `indexes` are those of the joins and groups among its inputs, as `tree` orders them.
    """

    key: str
    base: int | None
    datums: Root
    indexes: tuple[Root, ...] = ()


class View(NamedTuple):
    """What a plan leaves to the one after it: the datum map, and the indexes of joins and groups."""

    datums: Root
    indexes: tuple[Root, ...]


NOTHING = View(EMPTY, ())


def salt_of(version: Version, job: Job) -> str:
    """The salt of a job's datum hashes: the pipeline's, and the job's own id if each job is to run all its datums.

    So an outcome is never replaced by another one: what an output commit was made of stays known.
    """
    if version.spec.reprocess_spec == EVERY_JOB:
        return f"{version.salt}/{job.ref.id}"
    return version.salt


def plan_key(given: Input, salt: str) -> str:
    """Names what a plan depends on besides the commits: the input expression and the salt."""
    text = msgspec.json.encode([msgspec.to_builtins(given), salt], order="sorted")
    return hashlib.blake2b(text, digest_size=32).hexdigest()


def make(pfs: Pfs, job: Job, version: Version, folder: Path | None = None) -> Plan:
    """Works out the datum map of a job whose input commits are finished.

    Args:
        folder: for temporary files.

    Raises:
        Corrupt: the catalog or the store lost something.
        StorageFull, StorageFailed: try again.
    """
    given, salt = need_input(version), salt_of(version, job)
    key = plan_key(given, salt)
    leaves = list(inputs.leaves(given))
    with pfs.reading() as tx:
        base = find_base(tx, job, key)
        before = None if base is None else view_of(pfs, tx, base)
        new = input_commits(tx, job, leaves)
        old = None if base is None else _same_commits(tx, base, leaves)
    roots = _roots(pfs, new)
    if base is not None and before is not None and old is not None and not any(one.forgotten for one in old):
        try:
            return Plan(key, base.key, *update(pfs.maps, before, given, salt, _roots(pfs, old), roots, folder))
        except Corrupt as error:
            # What a job left is a short cut; the way round needs nothing of it.
            log.warning("a plan starts from nothing", extra={"job": str(job.ref), "error": str(error)})
    return Plan(key, None, *update(pfs.maps, NOTHING, given, salt, None, roots, folder))


def view_of(pfs: Pfs, tx: Tx, job: Job) -> View | None:
    """What the plan of a job left, held; None if it left nothing."""
    if job.datums is None:
        return None
    indexes = rows.indexes(tx, job.key)
    pfs.pins.hold((holding.NODES, packed) for packed in (job.datums, *indexes))
    return View(Root.unpack(job.datums), tuple(map(Root.unpack, indexes)))


def update(
    maps: Maps,
    before: View,
    given: Input,
    salt: str,
    old: Sequence[Root] | None,
    new: Sequence[Root],
    folder: Path | None = None,
) -> View:
    """The datum map over the `new` content of the inputs, and the indexes that the next update needs.

    Args:
        before: the same over the `old` content; NOTHING where that is None. Indexes that are missing are made again.
        given: a completed input.
        old, new: the content of the repo of each of its pfs inputs, in order.
        folder: for temporary files.
    """
    leaves = list(inputs.leaves(given))
    grown = tree.build(maps, given, old or [EMPTY] * len(leaves), new, before.indexes or None, folder)
    encoder = Encoder(leaves, salt)
    with Spool(folder=folder) as spool:
        if old is not None:
            for elements in grown.operator.changed(Side.OLD):
                spool.add((encoder.id(elements), None))
        for elements in grown.operator.changed(Side.NEW):
            key = encoder.id(elements)
            spool.add((key, encoder.entry(key, elements)))
        datums = maps.edit(before.datums, _settled(spool.sorted())) if spool.count else before.datums
    return View(datums, grown.indexes)


def _settled(changes: Iterator[tuple[bytes, Entry | None]]) -> Iterator[tuple[bytes, Entry | None]]:
    """One change for each datum: of one that goes, and comes again in another form, the latter, which is later."""
    for key, group in groupby(changes, key=itemgetter(0)):
        *_, (_, entry) = group
        # A list, if it was in a file meanwhile.
        yield key, None if entry is None else (entry[0], entry[1], entry[2], entry[3])


def need_input(version: Version) -> Input:
    """The completed input of a pipeline that has jobs."""
    given = version.spec.input
    if given is None:
        raise Corrupt("a pipeline without input has a job: run pachctl fsck")
    return given


def find_base(tx: Tx, job: Job, key: str) -> Job | None:
    """The newest earlier job of the pipeline that a plan with this key can start from."""
    where = (
        "WHERE jobs.pipeline = ? AND jobs.id < ? AND jobs.plan_key = ? AND jobs.state = ? "
        "AND jobs.datums IS NOT NULL ORDER BY jobs.id DESC LIMIT 1"
    )
    return next(rows.jobs(tx, where, (job.pipeline, job.key, key, JobState.SUCCESS.value)), None)


def input_commits(tx: Tx, job: Job, leaves: Sequence[PfsInput]) -> list[Commit]:
    """For each pfs input of a job, the commit that it reads: of its repo, in the output's direct provenance.

    Raises:
        Corrupt: there is none, though propagation links one for each input.
    """
    found = _same_commits(tx, job, leaves)
    if found is None:
        raise Corrupt(
            f"job {job.ref} has nothing to read: a repo or branch of its input was deleted; make it again and "
            "update the pipeline, or delete the pipeline"
        )
    return found


def _same_commits(tx: Tx, job: Job, leaves: Sequence[PfsInput]) -> list[Commit] | None:
    direct = {commit.repo: commit for commit in provenance.direct_commits(tx, job.output_commit)}
    repos = [inputs.repo_of(leaf) for leaf in leaves]
    return [direct[repo] for repo in repos] if all(repo in direct for repo in repos) else None


def _roots(pfs: Pfs, commits: Sequence[Commit]) -> list[Root]:
    return [pfs.content(commit) for commit in commits]
