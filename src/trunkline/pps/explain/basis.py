"""From which job another one starts, and why; and which one it is best held against, if it starts from nothing."""

from __future__ import annotations

import msgspec

from trunkline.catalog import Tx
from trunkline.pfs.pfs import Pfs
from trunkline.pps import rows
from trunkline.pps.explain.causes import Sight, sight_of
from trunkline.pps.plan import plan
from trunkline.pps.rows import Job, Version

_EARLIER = "WHERE jobs.pipeline = ? AND jobs.id < ? AND jobs.datums IS NOT NULL ORDER BY jobs.id DESC LIMIT 1"


SERVICE = "is a service's: its code runs for as long as its input is the newest, and makes no output"


class Start(msgspec.Struct, frozen=True):
    """Where a job starts.

    Attributes:
        base: the job that it builds on; None for from nothing.
        text: why, in a line.
        sight: what the base read, or the newest earlier job that was planned; None if there is none.
    """

    base: Job | None
    text: str
    sight: Sight | None


def find(pfs: Pfs, job: Job, version: Version) -> Start:
    """Where a job that is not planned would start."""
    key = plan.plan_key(plan.need_input(version), plan.salt_of(version, job))
    with pfs.catalog.read() as tx:
        base = plan.find_base(tx, job, key)
    return _start(pfs, job, version, base)


def of_planned(pfs: Pfs, job: Job, version: Version) -> Start:
    """Where a planned job started."""
    with pfs.catalog.read() as tx:
        base = None if job.base is None else rows.job_by_key(tx, job.base)
    return _start(pfs, job, version, base)


def _start(pfs: Pfs, job: Job, version: Version, base: Job | None) -> Start:
    with pfs.catalog.read() as tx:
        earlier = base or next(rows.jobs(tx, _EARLIER, (job.pipeline, job.key)), None)
        text = _text(tx, job, version, base, earlier)
    return Start(base, text, None if earlier is None else sight_of(pfs, earlier))


def _text(tx: Tx, job: Job, version: Version, base: Job | None, earlier: Job | None) -> str:
    if base is not None:
        return f"builds on job {base.ref.id}: datums that are as they were there do not come up"
    if earlier is None:
        return "is the pipeline's first job that could be planned: all its datums come up"
    if version.spec.reprocess_spec == plan.EVERY_JOB:
        return "runs all its datums, as every job does: reprocess_spec is every_job"
    before = rows.version(tx, job.pipeline, earlier.version)
    if before.salt != version.salt:
        return f"runs all its datums: version {_changed(version, before)} was made to reprocess, or changed the salt"
    if plan.need_input(before) != plan.need_input(version):
        return f"goes through all its datums: version {_changed(version, before)} has another input"
    return "goes through all its datums: no earlier job of this input has succeeded, or its record was deleted"


def _changed(version: Version, before: Version) -> str:
    return str(version.number) if version.number == before.number + 1 else f"{before.number + 1} or a later one"
