"""Takes the datums of one planned job through the workers: feeds the dispatcher, and waits for the last report.

Invariants: a bounded number of datums is ahead of the workers; each datum that comes up in the walk is offered once;
whatever ends this early takes back what workers hold. What a datum came to is written by the dispatcher's report,
not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import NotReady
from trunkline.maps import Entry
from trunkline.pfs.pfs import Pfs
from trunkline.pps import arrivals, inputs, outcomes, progress, spec
from trunkline.pps.dispatch import Dispatcher, Running
from trunkline.pps.environments import Environment
from trunkline.pps.outcomes import Finding
from trunkline.pps.plan import plan, work
from trunkline.pps.rows import Job, Version
from trunkline.pps.secrets import Handed
from trunkline.pps.spec import DatumSetSpec, SecretMount, Transform
from trunkline.pps.tickets import InputSource, Ticket

FEED = 256
"""Datums offered at once."""

DEFAULT_TRIES = 3

LOOK = 1.0
"""Seconds between two looks at whether the job is still wanted."""


class TimedOut(Exception):
    """The job has run longer than its spec allows."""


class Processing:
    """The work of one job; made for one go through it.

    Args:
        parallelism: workers at the most.
        environment_of: gives what an image name means here, with its digest; asked only if user code is to run.
        secrets_of: opens the secrets that a pipeline names; asked only then, too.
    """

    def __init__(
        self,
        pfs: Pfs,
        dispatcher: Dispatcher,
        job: Job,
        version: Version,
        parallelism: int,
        environment_of: Callable[[str], tuple[Environment | None, str]],
        secrets_of: Callable[[Sequence[SecretMount]], tuple[Handed, ...]],
    ) -> None:
        self._pfs, self._dispatcher, self._job, self._version = pfs, dispatcher, job, version
        self._parallelism, self._environment_of, self._secrets_of = parallelism, environment_of, secrets_of
        self._era = pfs.pins.era

    def run(self) -> None:
        """Returns when every datum has an outcome, was recovered from, or failed.

        Raises:
            JobEnded: stopped or removed meanwhile.
            TimedOut: see there.
            NotReady: the job was taken from this runner.
            Cancelled: pachd is shutting down.
        """
        catalog, maps = self._pfs.catalog, self._pfs.maps
        base = work.basis(self._pfs, self._job)
        todo = work.to_run(catalog, maps, self._job, base)
        first = list(islice(todo, FEED))
        if not first:
            return
        running = self._dispatcher.open(self.ticket())
        try:
            self._feed(running, first, todo)
            while running.wait(LOOK):
                self.check()
            if running.dropped:
                self.check()
                raise NotReady(f"job {self._job.ref} was taken from its runner")
        finally:
            running.close()

    def check(self) -> None:
        """Raises what `run` raises if the job is not wanted any more."""
        check_wanted(self._pfs, self._job, self._version)

    def _feed(self, running: Running, first: list[Entry], rest: Iterator[Entry]) -> None:
        page, offered = first, 0
        while page:
            while not running.offer(page, LOOK):
                if running.dropped:
                    return
                self.check()
                running.wait(0)
            offered += len(page)
            page = list(islice(rest, FEED))
        self._note_skipped(running)

    def _note_skipped(self, running: Running) -> None:
        """Once all is offered, it is known what is skipped; a job that is done by then says so by itself."""
        outstanding = running.wait(0)
        if outstanding:
            self._pfs.change(lambda change: progress.note_skipped(change, self._job.key, outstanding))

    def ticket(self) -> Ticket:
        """What every batch of the job says."""
        job, version = self._job, self._version
        given = version.spec
        transform = given.transform or Transform()
        environment, digest = self._environment_of(transform.image)
        return Ticket(
            job_key=job.key,
            pipeline_key=job.pipeline,
            ref=job.ref,
            version=job.version,
            spec_commit=version.spec_id,
            output_branch=job.output_branch,
            transform=transform,
            secrets=self._secrets_of(transform.secrets),
            environment=environment,
            environment_digest=digest,
            datum_timeout=spec.seconds(given.datum_timeout),
            memory_limit=given.memory_limit,
            datum_tries=given.datum_tries if given.datum_tries > 0 else DEFAULT_TRIES,
            parallelism=self._parallelism,
            datum_set=given.datum_set_spec or DatumSetSpec(),
            sources=self._sources(),
            record=self._record,
        )

    def _record(self, findings: Sequence[Finding]) -> bool:
        """Writes down what datums came to; False if the report does not count."""
        for finding in findings:
            outcomes.check(finding.report)
        if not arrivals.still_there(self._pfs, self._era, findings):
            return False
        return outcomes.record(self._pfs.catalog, self._job, findings, self._pfs.clock.now())

    def _sources(self) -> tuple[InputSource, ...]:
        leaves = list(inputs.leaves(plan.need_input(self._version)))
        with self._pfs.catalog.read() as tx:
            commits = plan.input_commits(tx, self._job, leaves)
        return tuple(
            InputSource(
                leaf.repo,
                leaf.project,
                leaf.branch,
                commit.id,
                self._pfs.content(commit).pack(),
                leaf.lazy,
                leaf.empty_files,
            )
            for leaf, commit in zip(leaves, commits, strict=True)
        )


def check_wanted(pfs: Pfs, job: Job, version: Version) -> None:
    """Looks whether a job is to go on.

    Raises:
        JobEnded: stopped or removed meanwhile.
        TimedOut: see there.
    """
    with pfs.catalog.read() as tx:
        job = progress.alive(tx, job.key)
    timeout = spec.seconds(version.spec.job_timeout)
    if timeout is not None and job.started is not None and pfs.clock.now() - job.started > timeout * SECOND:
        raise TimedOut
