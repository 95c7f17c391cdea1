"""Runs the jobs of all pipelines: one thread per pipeline that has something to do, its oldest job first.

Invariants: a pipeline's jobs run one after the other, in the order in which their commits were made; a job has one
runner, in the pachd that leads. What a job needs is worked out by its runner; here it is only called, and called again
when something changed.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from pathlib import Path

from trunkline.catalog import Tx
from trunkline.kernel.errors import Cancelled
from trunkline.pachd.loops import Loop
from trunkline.pachd.workers import WorkerPool
from trunkline.pps import pipelines, progress, rows, standby
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.pps import Pps
from trunkline.pps.runner import JobRunner, Ran, Standing
from trunkline.pps.states import PipelineState

log = logging.getLogger("trunkline.pachd")

_UNFINISHED = "SELECT DISTINCT pipeline FROM jobs WHERE finished IS NULL"
# What runs on is shown as crashing by who keeps it running.
_IN_STATES = "SELECT id, state FROM pipelines WHERE state = 'STARTING' OR (state = 'CRASHING' AND type = 'TRANSFORM')"
_RUNNING = "SELECT id FROM pipelines WHERE state = 'RUNNING' AND type = 'TRANSFORM'"


class JobLoop:
    """Looks for pipelines with unfinished jobs whenever the catalog changes, and drives each in a thread.

    Args:
        folder: for temporary files of planning.
        workers: woken when there may be work for them, and asked whether they come up.
        standing: hands out the code of services.
    """

    def __init__(
        self,
        pps: Pps,
        dispatcher: Dispatcher,
        parallelism: int,
        folder: Path,
        workers: WorkerPool,
        standing: Dispatcher,
    ) -> None:
        self._pps, self._dispatcher, self._workers, self._standing = pps, dispatcher, workers, standing
        self._runner = JobRunner(pps.pfs, dispatcher, pps.digest_of, parallelism, folder, pps.vault, standing)
        self._loop = Loop("jobs", pps.pfs.catalog.watch, self._step)
        self._driven: dict[int, threading.Thread] = {}
        self._not_before: dict[int, float] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._busy: set[int] | None = None
        """The pipelines that had jobs at the last look; None before the first one of a pachd that leads."""

    @property
    def running(self) -> int:
        """Pipelines whose jobs are being driven now."""
        with self._lock:
            return len(self._driven)

    def start(self) -> None:
        """Starts the loop."""
        self._loop.start()

    def stop(self) -> None:
        """Asks the loop to end; `join` waits for that and for the jobs under way to be put down."""
        self._stopping = True
        self._loop.stop()

    def join(self) -> None:
        """Waits for the end."""
        self._loop.join()
        with self._lock:
            threads = list(self._driven.values())
        for thread in threads:
            thread.join()

    def _step(self) -> bool:
        with self._pps.pfs.catalog.leading() as leads:
            if leads:
                self._look()
            else:
                self._busy = None
                for dispatcher in (self._dispatcher, self._standing):
                    for key in dispatcher.jobs():
                        dispatcher.cancel_job(key)  # another pachd runs it now
        return False

    def _look(self) -> None:
        with self._pps.pfs.catalog.read() as tx:
            busy = [int(row["pipeline"]) for row in tx.rows(_UNFINISHED)]
            unwanted = [key for key in self._dispatcher.jobs() if _has_ended(tx, key)]
            services = [key for key in self._standing.jobs() if key > 0]
            outdated = [key for key in services if _has_ended(tx, key) or progress.superseded(tx, key)]
        for key in unwanted:
            self._dispatcher.cancel_job(key)  # so that user code ends now, and not when its runner looks again
        for key in outdated:
            self._standing.cancel_job(key)
        self._note_states(busy)
        self._let_rest(set(busy))
        for key in busy:
            self._drive_if_idle(key)
        self._workers.look()

    def _note_states(self, busy: list[int]) -> None:
        """A pipeline runs once it was looked at, and crashes while it has a job and workers do not come up."""
        trouble = self._workers.trouble
        with self._pps.pfs.catalog.read() as tx:
            found = [(int(row["id"]), row["state"]) for row in tx.rows(_IN_STATES)]
            # Asked in trouble only: this runs after every write to the catalog.
            running = [int(row["id"]) for row in tx.rows(_RUNNING)] if trouble else []
            resting = {key for key, state in found if state == "STARTING" and standby.scales(tx, key)}
        for key, state in found:
            if state == "STARTING" or not trouble:
                self._set(key, PipelineState.STANDBY if key in resting else PipelineState.RUNNING)
        for key in set(running) & set(busy):
            self._set(key, PipelineState.CRASHING, trouble)

    def _let_rest(self, busy: set[int]) -> None:
        """Puts pipelines that scale on standby when their last job has ended."""
        with self._pps.pfs.catalog.read() as tx:
            idle = standby.up(tx) if self._busy is None else self._busy - busy
            resting = [key for key in idle if standby.may_rest(tx, key)]
        self._busy = busy
        for key in resting:
            self._pps.pfs.change(partial(standby.rest, key=key))

    def _set(self, key: int, state: PipelineState, reason: str = "") -> None:
        self._pps.pfs.change(partial(pipelines.to_state, key=key, state=state, reason=reason))

    def _drive_if_idle(self, pipeline: int) -> None:
        with self._lock:
            if self._stopping or pipeline in self._driven:
                return
            if time.monotonic() < self._not_before.get(pipeline, 0.0):
                return
            name = f"pipeline-{pipeline}"
            thread = threading.Thread(target=self._drive, args=(pipeline,), name=name, daemon=True)
            self._driven[pipeline] = thread
            thread.start()

    def _drive(self, pipeline: int) -> None:
        """Runs the pipeline's jobs until there is none, or one has to wait."""
        watch = self._pps.pfs.catalog.watch
        again = 0.0
        seen = watch.version
        try:
            while not self._stopping:
                seen = watch.version
                ran = self._run_next(pipeline)
                if ran is None:
                    break
                self._pps.logbook.wake()
                if ran.standing is not Standing.ENDED:
                    again = ran.delay
                    break
        except Cancelled:
            pass
        except Exception:
            log.exception("the jobs of a pipeline could not be looked after", extra={"pipeline": pipeline})
            again = 1.0
        finally:
            with self._lock:
                self._driven.pop(pipeline, None)
                self._not_before[pipeline] = time.monotonic() + again
            if again and not self._stopping:
                timer = threading.Timer(again, watch.notify)
                timer.daemon = True
                timer.start()
            elif watch.version != seen:
                watch.notify()  # something changed while this thread was still counted as busy

    def _run_next(self, pipeline: int) -> Ran | None:
        """Takes the pipeline's oldest job as far as it goes; None if there is none, or another pachd has to."""
        catalog = self._pps.pfs.catalog
        with catalog.leading() as leads:
            with catalog.read() as tx:
                job = progress.next_job(tx, pipeline)
            if not leads or job is None:
                return None
            with self._pps.pfs.pins.session():
                return self._runner.run(job.key)


def _has_ended(tx: Tx, key: int) -> bool:
    job = rows.job_by_key(tx, key)
    return job is None or job.state.terminal
