"""Answers: why a job does what it does, what a commit caused or will cause, what a branch move would cause.

Invariant: a planned job is told from its own plan; one that is not is foreseen, together with those that it reads from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from trunkline.kernel.errors import NotFound, Refused
from trunkline.pfs import branches, provenance, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, CommitRef
from trunkline.pps import job_queries, rows
from trunkline.pps.explain import basis, obstacles
from trunkline.pps.explain.causes import Causes, sight_of
from trunkline.pps.explain.datums import Datums
from trunkline.pps.explain.foresee import Foresight, Supposed, supposed
from trunkline.pps.explain.values import Page, Tally, WhyJob
from trunkline.pps.plan import work
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job

Alive = Callable[[], bool]

LAST = 1 << 62
"""The key of every job that is only supposed. The one that it had is free again, and may be a real job's by now."""


class Explainer:
    """Explains jobs.

    Args:
        page: the datums that are to be told one by one.
        alive: whether anybody still listens.
    """

    def __init__(self, pfs: Pfs, page: Page, alive: Alive = lambda: True) -> None:
        self._pfs, self._page, self._alive = pfs, page, alive

    def job(self, ref: JobRef) -> Iterator[WhyJob]:
        """One job.

        Raises:
            NotFound: no such job.
        """
        with self._pfs.catalog.read() as tx:
            job = rows.job(tx, ref)
        yield from self._jobs([job])

    def commit(self, ref: CommitRef) -> Iterator[WhyJob]:
        """The job that fills a commit; for a commit that no job fills, the jobs that it caused or will cause.

        Raises:
            NotFound: no such commit.
        """
        with self._pfs.catalog.read() as tx:
            commit = resolve.commit(tx, ref)
            own = next(rows.jobs(tx, "WHERE jobs.output_commit = ?", (commit.key,)), None)
            jobs = [own] if own is not None else job_queries.of_set(tx, commit.id)
        yield from self._jobs(jobs)

    def move(self, ref: BranchRef, head: CommitRef) -> Iterator[WhyJob]:
        """The jobs that there would be if a branch moved to another commit; upstream first.

        Raises:
            NotFound: no such branch or commit.
            Refused: the branch follows others, or cannot have this head.
        """

        def step(change: Change) -> None:
            branch = resolve.branch(change.tx, ref)
            if provenance.direct_branches(change.tx, branch.key):
                raise Refused(f"branch {ref} is written by what it comes from: ask about the branch of an input")
            branches.create(change, ref, head=head)

        def look(change: Change) -> list[Supposed]:
            where = "WHERE jobs.output_commit = ?"
            found = (job for key in change.created for job in rows.jobs(change.tx, where, (key,)))
            return [supposed(change.tx, msgspec.structs.replace(job, key=LAST)) for job in list(found)]

        jobs = self._pfs.foresee(step, look)
        foresight = Foresight(self._pfs, jobs, self._page, made=False, alive=self._alive)
        for one in jobs:
            yield foresight.explain(one.job.output_commit)

    def _jobs(self, jobs: list[Job]) -> Iterator[WhyJob]:
        with self._pfs.catalog.read() as tx:
            together = {member.key: member for job in jobs for member in job_queries.of_set(tx, job.ref.id)}
            unplanned = [
                supposed(tx, job) for job in together.values() if job.datums is None and not job.state.terminal
            ]
        foresight = Foresight(self._pfs, unplanned, self._page, made=True, alive=self._alive)
        for job in jobs:
            if job.datums is None and not job.state.terminal:
                yield foresight.explain(job.output_commit)
            else:
                yield self._told(job)

    def _told(self, job: Job) -> WhyJob:
        """A job that was planned, or ended before."""
        with self._pfs.reading() as tx:
            current = rows.job_by_key(tx, job.key)
            if current is None:
                raise NotFound(f"job {job.ref} was deleted")
            in_the_way = tuple(obstacles.of(tx, current))
            version = rows.version(tx, job.pipeline, job.version)
        if current.datums is None:
            text = basis.SERVICE if version.spec.service is not None else "ended before its datums were known"
            return WhyJob(current, False, None, text, False, in_the_way, Tally())
        start = basis.of_planned(self._pfs, current, version)
        causes = Causes(self._pfs.maps, sight_of(self._pfs, current), start.sight)
        walk = Datums(self._pfs, self._pfs.maps, current, work.basis(self._pfs, current), causes, self._alive)
        walk.go_through(self._page)
        base = None if start.base is None else start.base.ref
        return WhyJob(current, False, base, start.text, True, in_the_way, walk.tally, tuple(walk.shown))
