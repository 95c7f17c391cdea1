"""Drives one job from its creation to its end: looks at its state, does what the state calls for, and writes the next.

The states and what they call for are `machine`'s; this is the hand that does it. Invariants: everything done here can
be done again, so a crash at any moment costs time and nothing else; want of the store or the catalog is waited out
and never fails a job; a job that was ended by somebody else is left alone. Nothing here waits for inputs: the caller
comes back when something changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from pathlib import Path

import msgspec

from trunkline.kernel.errors import Cancelled, Corrupt, FailedPrecondition, NotReady, StorageFailed, TrunklineError
from trunkline.maps import EMPTY, Root
from trunkline.pfs import provenance
from trunkline.pfs import rows as pfs_rows
from trunkline.pfs.pfs import Pfs
from trunkline.pps import egress, environments, inputs, outcomes, pipelines, progress, rows, secrets, serving, standby
from trunkline.pps.assemble import Collision, WorkLeft, assemble
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.environments import Environment
from trunkline.pps.machine import Event
from trunkline.pps.plan import plan, work
from trunkline.pps.plan.records import TooManyInputs
from trunkline.pps.processing import Processing, TimedOut, check_wanted
from trunkline.pps.progress import JobEnded
from trunkline.pps.rows import Job, Version
from trunkline.pps.secrets import Handed
from trunkline.pps.spec import SecretMount
from trunkline.pps.states import JobState, PipelineState, PipelineType
from trunkline.pps.vault import Vault

log = logging.getLogger("trunkline.pps")

TIMED_OUT = " jobtimed out"
"""The reason, with the blank, that clients of the original know."""

MISHAPS = 5
"""Errors that nobody foresaw, in a row, before a job is given up."""

PARALLELISM_CAP = 256
"""Workers of one pipeline, where nobody says otherwise."""

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 30.0


class Standing(Enum):
    """How a job stands after a go at it."""

    ENDED = auto()
    WAITING = auto()
    """For its inputs: come back when the catalog has changed."""
    AGAIN = auto()
    """Something is out of order: come back after the delay."""


class Ran(msgspec.Struct, frozen=True):
    """What came of a go at a job; `delay` is in seconds."""

    standing: Standing
    delay: float = 0.0


class _Turn(msgspec.Struct, frozen=True):
    """What an activity leads to: events, and what goes with them."""

    events: Sequence[Event]
    reason: str = ""
    output: Root | None = None


class _Broken(Exception):
    """Something that no repetition will change; the text is the reason that the job fails with."""


class _Hopeless(_Broken):
    """The same, for every job of the pipeline until it is updated."""


class JobRunner:
    """Runs jobs; thread-safe, but a job has one runner at a time.

    Args:
        pfs: the versioned file system.
        dispatcher: hands datums to workers.
        digest_of: works out the digest of an environment.
        parallelism_cap: workers of one pipeline at the most, whatever its spec says.
        folder: for temporary files; the system's choice by default.
        vault: opens the secrets that pipelines name.
        standing: hands out the code of services.
    """

    def __init__(
        self,
        pfs: Pfs,
        dispatcher: Dispatcher,
        digest_of: Callable[[Environment], str],
        parallelism_cap: int = PARALLELISM_CAP,
        folder: Path | None = None,
        vault: Vault | None = None,
        standing: Dispatcher | None = None,
    ) -> None:
        self._pfs, self._dispatcher, self._digest_of = pfs, dispatcher, digest_of
        self._cap, self._folder, self._vault = parallelism_cap, folder, vault or Vault()
        self._standing = standing or dispatcher
        self._mishaps: dict[int, int] = {}
        self._activities: Mapping[JobState, Callable[[Job, Version], _Turn | None]] = {
            JobState.CREATED: self._pick_up,
            JobState.STARTING: self._look_at_inputs,
            JobState.RUNNING: self._work,
            JobState.EGRESSING: self._send_out,
            JobState.FINISHING: self._assemble,
        }

    def run(self, job_key: int) -> Ran:
        """Takes a job as far as it goes.

        Raises:
            Cancelled: pachd is shutting down; the job goes on after the next start.
        """
        try:
            self._resume(job_key)
            while (turn := self._act(job_key)) is not None:
                if self._advance(job_key, turn).state.terminal:
                    self._mishaps.pop(job_key, None)
                    return Ran(Standing.ENDED)
            return Ran(Standing.WAITING)
        except JobEnded:
            self._mishaps.pop(job_key, None)
            return Ran(Standing.ENDED)
        except Cancelled:
            raise
        except Exception as error:
            return self._interrupted(job_key, error)

    def _resume(self, job_key: int) -> None:
        """A job that is found half done lost its runner: that counts as a restart."""
        with self._pfs.catalog.read() as tx:
            job = progress.alive(tx, job_key)
        if job.state not in (JobState.CREATED, JobState.STARTING):
            self._advance(job_key, _Turn([Event.INTERRUPTED]))

    def _act(self, job_key: int) -> _Turn | None:
        """Does what the job's state calls for; None if that must wait."""
        with self._pfs.catalog.read() as tx:
            job = progress.alive(tx, job_key)
            version = rows.version(tx, job.pipeline, job.version)
        try:
            return self._activities[job.state](job, version)
        except TimedOut:
            return _Turn([Event.STOPPED], TIMED_OUT)
        except _Hopeless as error:
            reason = str(error)
            # Ends the job as well, unless the pipeline was stopped or has failed before.
            self._pfs.change(partial(pipelines.fail, key=job.pipeline, made=version.spec_commit, reason=reason))
            return _Turn([Event.BROKEN], reason)
        except (Corrupt, TooManyInputs, _Broken) as error:
            return _Turn([Event.BROKEN], str(error))

    def _advance(self, job_key: int, turn: _Turn) -> Job:
        return self._pfs.change(lambda change: progress.advance(change, job_key, turn.events, turn.reason, turn.output))

    # -- what each state calls for --------------------------------------------------------------------------

    def _pick_up(self, job: Job, version: Version) -> _Turn | None:
        """Takes the job up, and over the next state at once if it can; a pipeline on standby waits until it can."""
        with self._pfs.catalog.read() as tx:
            pipeline = rows.pipeline_by_key(tx, job.pipeline)
        if pipeline.state is PipelineState.FAILURE:
            raise _Broken(pipeline.reason or "the pipeline failed")  # until it is updated
        turn = self._look_at_inputs(job, version)
        if turn is None:
            return None if pipeline.state is PipelineState.STANDBY else _Turn([Event.PICKED_UP])
        if pipeline.state is PipelineState.STANDBY and Event.INPUTS_READY in turn.events:
            self._pfs.change(partial(standby.wake, key=job.pipeline))
        return msgspec.structs.replace(turn, events=[Event.PICKED_UP, *turn.events])

    def _look_at_inputs(self, job: Job, version: Version) -> _Turn | None:
        leaves = list(inputs.leaves(plan.need_input(version)))
        with self._pfs.catalog.read() as tx:
            upstream = provenance.direct_commits(tx, job.output_commit)
            commits = plan.input_commits(tx, job, leaves)
            output = pfs_rows.commit_by_key(tx, job.output_commit)
            parent = None if output is None or output.parent is None else pfs_rows.commit_by_key(tx, output.parent)
        # The parent is somebody's open commit if the pipeline was stopped meanwhile.
        if any(commit.finished is None for commit in (*upstream, *([parent] if parent else []))):
            return None
        failed = [leaf.name for leaf, commit in zip(leaves, commits, strict=True) if commit.error]
        if failed:
            names = ", ".join(dict.fromkeys(failed))
            reason = f"unrunnable because the following upstream pipelines failed: {names}"
            return _Turn([Event.INPUT_FAILED], reason)
        return _Turn([Event.INPUTS_READY])

    def _work(self, job: Job, version: Version) -> _Turn:
        if version.spec.type is PipelineType.SERVICE:
            return self._serve(job, version)
        if job.datums is None:
            made = plan.make(self._pfs, job, version, self._folder)
            job = self._pfs.change(lambda change: progress.save_plan(change, job.key, made))
        workers = max(1, min(version.spec.parallelism, self._cap))
        work_of_job = Processing(self._pfs, self._dispatcher, job, version, workers, self._environment, self._secrets)
        work_of_job.check()
        work_of_job.run()
        with self._pfs.catalog.read() as tx:
            failure = outcomes.first_failure(tx, job.key)
        if failure is not None:
            return _Turn([Event.DATUM_FAILED], f"datum {failure[0]} failed: {failure[1]}")
        return _Turn([Event.WORK_DONE if version.spec.egress is None else Event.EGRESS_NEEDED])

    def _serve(self, job: Job, version: Version) -> _Turn:
        """A service's job works for as long as its input is the newest; nothing comes of it."""
        processing = Processing(self._pfs, self._standing, job, version, 1, self._environment, self._secrets)
        try:
            serving.serve(self._pfs, self._standing, job, version, processing, self._folder)
        except serving.NotSingle as error:
            return _Turn([Event.DATUM_FAILED], str(error))
        return _Turn([Event.WORK_DONE])

    def _send_out(self, job: Job, version: Version) -> _Turn:
        """Assembles the output first: what is sent is what the commit will hold."""
        turn = self._assemble(job, version)
        target = version.spec.egress
        if turn.output is None or target is None:
            return turn

        def note(reason: str) -> None:
            self._pfs.change(lambda change: progress.note_trouble(change, job.key, reason))

        password = partial(egress.password, self._pfs.catalog, self._vault)
        wanted = partial(check_wanted, self._pfs, job, version)
        try:
            egress.send(self._pfs, target, turn.output, password, wanted, note)
        except egress.EgressFailed as error:
            raise _Broken(str(error)) from error
        return _Turn([Event.EGRESSED, *turn.events], output=turn.output)

    def _assemble(self, job: Job, version: Version) -> _Turn:
        if version.spec.type is PipelineType.SERVICE:
            return _Turn([Event.ASSEMBLED], output=EMPTY)
        base = work.basis(self._pfs, job)
        try:
            output = assemble(self._pfs.catalog, self._pfs.maps, job, base, self._folder)
        except Collision as collision:
            return _Turn([Event.COLLIDED], str(collision))
        return _Turn([Event.ASSEMBLED], output=output)

    def _environment(self, image: str) -> tuple[Environment | None, str]:
        """What the image name means here, and its digest."""
        with self._pfs.catalog.read() as tx:
            found = environments.find(tx, image)
        if found is None:
            return None, ""
        try:
            return found, self._digest_of(found)
        except StorageFailed as error:
            raise _Broken(str(error)) from error

    def _secrets(self, mounts: Sequence[SecretMount]) -> tuple[Handed, ...]:
        """The values of the secrets that a pipeline names."""
        if not mounts:
            return ()
        try:
            with self._pfs.catalog.read() as tx:
                return secrets.hand_out(tx, self._vault, mounts)
        except secrets.SecretMissing as error:
            raise _Hopeless(str(error)) from None
        except FailedPrecondition as error:
            raise _Broken(str(error)) from None  # of this pachd, or of the secret: the next job may have another

    # -- when something is out of order ---------------------------------------------------------------------

    def _interrupted(self, job_key: int, error: Exception) -> Ran:
        """Puts a job back to its beginning; one that meets unforeseen errors again and again is given up."""
        foreseen = isinstance(error, TrunklineError | WorkLeft)
        log.error("a job was interrupted", extra={"job": job_key, "error": str(error)}, exc_info=not foreseen)
        mishaps = 0 if foreseen else self._mishaps.get(job_key, 0) + 1
        self._mishaps[job_key] = mishaps
        turn = _Turn([Event.INTERRUPTED])
        if mishaps > MISHAPS:
            turn = _Turn([Event.BROKEN], f"unforeseen error ({type(error).__name__}: {error}): see pachd's log")
        try:
            with self._pfs.catalog.read() as tx:
                job = progress.alive(tx, job_key)
            if mishaps > MISHAPS or job.state not in (JobState.CREATED, JobState.STARTING):
                job = self._advance(job_key, turn)
        except JobEnded:
            return Ran(Standing.ENDED)
        except TrunklineError:
            return Ran(Standing.AGAIN, _FIRST_PAUSE)  # nor can that be written now
        if job.state.terminal:
            return Ran(Standing.ENDED)
        if isinstance(error, NotReady):
            return Ran(Standing.AGAIN, _FIRST_PAUSE)
        return Ran(Standing.AGAIN, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(job.restart, 16)))
