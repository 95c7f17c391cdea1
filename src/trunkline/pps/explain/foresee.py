"""Plans without effects: what jobs that are not planned yet, or that a change would make, will have to do.

Invariants: a plan here is made by the code that plans jobs (`plan.update`, `work.steps`, `assemble`), over a store that
forgets what is written to it; no row is written. Where every datum of a job is known already, its output is put
together too, so that what comes downstream of it is planned in its turn; where user code has to run first, nothing is
guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from trunkline.catalog import Tx
from trunkline.kernel.errors import Refused
from trunkline.maps import Maps, Root
from trunkline.objects.wrappers.scratch import ScratchStore
from trunkline.pfs import provenance
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Commit
from trunkline.pps import inputs, rows
from trunkline.pps.assemble import Collision, WorkLeft, assemble
from trunkline.pps.explain import basis, obstacles
from trunkline.pps.explain.causes import Causes, Sight
from trunkline.pps.explain.datums import Datums
from trunkline.pps.explain.values import Fate, Obstacle, Page, Tally, WhyJob
from trunkline.pps.plan import plan, work
from trunkline.pps.rows import Job, Version
from trunkline.pps.spec import PfsInput

CACHE_BYTES = 32 << 20


class Supposed(msgspec.Struct, frozen=True):
    """A job without a plan, as it is in the catalog or would be there after a change."""

    job: Job
    version: Version
    upstream: Sequence[Commit]
    """All commits that its output comes from directly."""

    @property
    def leaves(self) -> list[PfsInput]:
        """Its pfs inputs."""
        return list(inputs.leaves(plan.need_input(self.version)))


def supposed(tx: Tx, job: Job) -> Supposed:
    """What is to be known of a job to plan it."""
    version = rows.version(tx, job.pipeline, job.version)
    return Supposed(job, version, provenance.direct_commits(tx, job.output_commit))


class Foresight:
    """Plans some jobs, each after those of them that it reads from.

    Args:
        jobs: all that are not planned.
        page: the datums that are to be told one by one.
        made: whether the jobs are in the catalog; if not, a change would make them.
        folder: for temporary files; the system's choice by default.
    """

    def __init__(
        self,
        pfs: Pfs,
        jobs: Sequence[Supposed],
        page: Page,
        *,
        made: bool,
        alive: Callable[[], bool] = lambda: True,
        folder: Path | None = None,
    ) -> None:
        self._pfs, self._page, self._made, self._alive, self._folder = pfs, page, made, alive, folder
        self._maps = Maps(ScratchStore(pfs.store), CACHE_BYTES)
        self._jobs = {one.job.output_commit: one for one in jobs}
        self._told: dict[int, WhyJob] = {}
        self._outputs: dict[int, Root] = {}
        """The content of output commits that is known already."""

    def explain(self, output: int) -> WhyJob:
        """What the job that fills a commit (by key) will have to do."""
        if output not in self._told:
            self._told[output] = self._explain(self._jobs[output])
        return self._told[output]

    def _explain(self, one: Supposed) -> WhyJob:
        direct = {commit.repo: commit for commit in one.upstream}
        commits = [direct.get(inputs.repo_of(leaf)) for leaf in one.leaves]
        for commit in one.upstream:
            if commit.key in self._jobs:
                self.explain(commit.key)
        found = self._in_the_way(one)
        if one.version.spec.service is not None:
            return WhyJob(one.job, not self._made, None, basis.SERVICE, False, tuple(found), Tally())
        roots = [self._content(commit) for commit in commits]
        known = [root for root in roots if root is not None]
        if len(known) < len(roots) or any(commit is not None and commit.error for commit in commits):
            return WhyJob(one.job, not self._made, None, "", False, tuple(found), Tally())
        return self._planned(one, Sight(one.leaves, commits, known, plan.NOTHING), found)

    def _content(self, commit: Commit | None) -> Root | None:
        """What a commit holds, or will; None if that is not known yet."""
        if commit is None:
            return None
        if commit.key in self._jobs:
            return self._outputs.get(commit.key)
        try:
            return self._pfs.content(commit) if commit.finished or not self._is_output(commit) else None
        except Refused:
            return None

    def _is_output(self, commit: Commit) -> bool:
        """Whether an unfinished commit is filled by a job; what it holds now is not what it will."""
        with self._pfs.catalog.read() as tx:
            return next(rows.jobs(tx, "WHERE jobs.output_commit = ?", (commit.key,)), None) is not None

    def _in_the_way(self, one: Supposed) -> list[Obstacle]:
        if self._made:
            with self._pfs.catalog.read() as tx:
                return obstacles.of(tx, one.job)
        real = [commit for commit in one.upstream if commit.key not in self._jobs]
        with self._pfs.catalog.read() as tx:
            found = obstacles.of_inputs(tx, real)
        for commit in one.upstream:
            upstream = self._jobs.get(commit.key)
            if upstream is not None and commit.key not in self._outputs:
                found.append(Obstacle(f"what {upstream.job.ref.pipeline} will make is not known before it has run"))
        return found

    def _planned(self, one: Supposed, sight: Sight, found: list[Obstacle]) -> WhyJob:
        given, salt = plan.need_input(one.version), plan.salt_of(one.version, one.job)
        start = basis.find(self._pfs, one.job, one.version)
        old = (
            None
            if start.sight is None or start.base is None
            else [root for root in start.sight.roots if root is not None]
        )
        if old is not None and len(old) < len(sight.roots):
            old = None  # a commit of the base was deleted or forgotten
        before = plan.NOTHING if old is None or start.sight is None else start.sight.view
        new = [root for root in sight.roots if root is not None]
        made = plan.update(self._maps, before, given, salt, old, new, self._folder)
        base = start.base if old is not None else None
        job = msgspec.structs.replace(one.job, datums=made.datums.pack(), base=None if base is None else base.key)
        building = work.basis(self._pfs, job)
        sight = msgspec.structs.replace(sight, view=made)
        walk = Datums(self._pfs, self._maps, job, building, Causes(self._maps, sight, start.sight), self._alive)
        walk.go_through(self._page)
        if Fate.AHEAD not in walk.tally.fates and not walk.tally.partial:
            found += self._assemble(job, building)
        ref = None if base is None else base.ref
        return WhyJob(job, not self._made, ref, start.text, True, tuple(found), walk.tally, tuple(walk.shown))

    def _assemble(self, job: Job, building: work.Basis) -> list[Obstacle]:
        """Notes the output of a job that has nothing to run."""
        try:
            output = assemble(self._pfs.catalog, self._maps, job, building, self._folder)
        except Collision as collision:
            return [Obstacle(f"it will fail: {collision}")]
        except WorkLeft:
            return []  # forgotten meanwhile
        self._outputs[job.output_commit] = output
        return []
