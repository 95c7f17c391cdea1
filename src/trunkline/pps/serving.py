"""A service's job: its code runs on with the job's input until a later job has its own.

Invariant: whatever ends the service early leaves the job as it was, to be run again; only a job that follows ends it
for good. Its datum map is not kept, because nothing is planned from it.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from trunkline.kernel.errors import NotReady
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pps import pipelines, progress
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.plan import plan
from trunkline.pps.processing import LOOK, Processing
from trunkline.pps.rows import Job, Version
from trunkline.pps.standing import Keeper
from trunkline.pps.states import PipelineState


class NotSingle(Exception):
    """The input of a service forms no datum, or several."""


def serve(
    pfs: Pfs, dispatcher: Dispatcher, job: Job, version: Version, processing: Processing, folder: Path | None = None
) -> None:
    """Returns when a later job takes over.

    Args:
        dispatcher: of standing work.
        processing: of the job; says what to run, and whether the job is still wanted.
        folder: for temporary files.

    Raises:
        NotSingle: see there.
        JobEnded, TimedOut, NotReady, Cancelled: as `Processing.run`.
    """
    made = plan.make(pfs, job, version, folder)
    entries = list(islice(pfs.maps.range(made.datums), 2))
    if len(entries) != 1:
        raise NotSingle(f"services must have a single datum: the input forms {made.datums.count}, use the glob /")
    pfs.change(partial(progress.note_served, job_key=job.key, processed=0))
    processing.check()

    def begin() -> str:
        """Looks once more, now that who ends the job finds its work to take back."""
        processing.check()
        if _superseded(pfs, job):
            dispatcher.cancel_job(job.key)
        return ""

    keeper = Keeper(
        dispatcher,
        msgspec.structs.replace(processing.ticket(), standing=True),
        entries[0],
        begin=begin,
        trouble=partial(show_trouble, pfs, job.pipeline),
        check=processing.check,
        # Who ends the job, or takes its place, wakes the keeper; only time has to be asked for.
        look=LOOK if version.spec.job_timeout else 60.0,
    )
    keeper.keep()
    processing.check()
    if not _superseded(pfs, job):
        raise NotReady(f"job {job.ref} was taken from its runner")
    pfs.change(partial(progress.note_served, job_key=job.key, processed=1))


def _superseded(pfs: Pfs, job: Job) -> bool:
    with pfs.catalog.read() as tx:
        return progress.superseded(tx, job.key)


def show_trouble(pfs: Pfs, pipeline: int, trouble: str) -> None:
    """Shows that the code of a pipeline does not go on running, and why; or, with an empty text, that it does."""
    state = PipelineState.CRASHING if trouble else PipelineState.RUNNING

    def step(change: Change) -> None:
        pipelines.to_state(change, pipeline, state, trouble)

    pfs.change(step)
