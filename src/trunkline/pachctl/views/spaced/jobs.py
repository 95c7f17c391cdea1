"""Jobs, job sets and datums in the tables of 2.11."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.kernel import units
from trunkline.pachctl import show, table
from trunkline.pachctl.app import App
from trunkline.pachctl.views import jobs as old
from trunkline.pachctl.views.cells import between, length, nanos, when
from trunkline.pachctl.views.spaced.cells import UNKNOWN, age, at, bar, commit_name, painted
from trunkline.pachctl.views.specs import parallelism, resources, service
from trunkline.wire import pps_pb2 as pps

HEADER = ("PROJECT", "PIPELINE", "ID", "STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE")
SET_HEADER = ("ID", "SUBJOBS", "PROGRESS", "CREATED", "MODIFIED")
WORKER_HEADER = ("WORKER", "JOB", "DATUM", "STARTED")
LONGEST_REASON = 25
"""Characters of a reason in a table; inspect job shows all of it."""

_COLORS = {
    pps.JOB_STARTING: "yellow",
    pps.JOB_RUNNING: "yellow",
    pps.JOB_EGRESSING: "yellow",
    pps.JOB_FINISHING: "yellow",
    pps.JOB_SUCCESS: "green",
    pps.JOB_FAILURE: "red",
    pps.JOB_KILLED: "red",
    pps.JOB_UNRUNNABLE: "red",
}


def state(app: App, value: pps.JobState) -> str:
    """The state in a word; nothing yet of a job that was only created."""
    if value == pps.JOB_CREATED:
        return UNKNOWN
    return painted(app, old.state(value), _COLORS.get(value, ""))


def row(app: App, info: pps.JobInfo) -> tuple[str, ...]:
    """One line of `list job`."""
    return (
        info.job.pipeline.project.name or "default",
        info.job.pipeline.name,
        info.job.id,
        at(app, info, "started"),
        between(when(info, "started"), when(info, "finished")),
        str(info.restart),
        old.progress(info),
        units.size(info.stats.download_bytes),
        units.size(info.stats.upload_bytes),
        _state_and_reason(app, info),
    )


def set_row(app: App, info: pps.JobSetInfo) -> tuple[str, ...]:
    """One line of `list job` without words."""
    counts = {"green": 0, "yellow": 0, "red": 0}
    for job in info.jobs:
        counts[_COLORS.get(job.state, "yellow")] += 1
    made = sorted((job.created for job in info.jobs if job.HasField("created")), key=nanos)
    return (
        info.job_set.id,
        str(len(info.jobs)),
        bar(app, counts),
        age(app, made[0] if made else None),
        age(app, made[-1] if made else None),
    )


def detail(app: App, info: pps.JobInfo) -> str:
    """`inspect job`."""
    return table.details(_lines(app, info))


def _lines(app: App, info: pps.JobInfo) -> Iterator[tuple[str, str | None]]:
    stats, given = info.stats, info.details
    yield "ID", info.job.id
    yield "Pipeline", info.job.pipeline.name
    yield "Project", info.job.pipeline.project.name or "default"
    yield "Started", at(app, info, "started")
    yield "Duration", between(when(info, "started"), when(info, "finished"))
    yield "State", old.state(info.state)
    yield "Reason", " ".join(info.reason.split()) or None
    for label in ("processed", "failed", "skipped", "recovered", "total"):
        yield label.capitalize(), str(getattr(info, f"data_{label}"))
    yield "Data Downloaded", units.size(stats.download_bytes)
    yield "Data Uploaded", units.size(stats.upload_bytes)
    yield "Download Time", length(stats.download_time) if stats.HasField("download_time") else UNKNOWN
    yield "Process Time", length(stats.process_time) if stats.HasField("process_time") else UNKNOWN
    yield "Upload Time", length(stats.upload_time) if stats.HasField("upload_time") else UNKNOWN
    yield "Datum Timeout", length(given.datum_timeout) if given.HasField("datum_timeout") else None
    yield "Job Timeout", length(given.job_timeout) if given.HasField("job_timeout") else None
    yield "Worker Status", _workers(app, given)
    yield "Restarts", str(info.restart)
    yield "ParallelismSpec", parallelism(given)
    yield from resources(given)
    yield "Service", service(given)
    yield "Input", show.json_text(given.input) if given.HasField("input") else None
    yield "Transform", show.json_text(given.transform) if given.HasField("transform") else None
    yield "Output Commit", commit_name(info.output_commit) if info.output_commit.id else None
    yield "Egress", (given.egress.URL or show.json_text(given.egress)) if given.HasField("egress") else None


def _workers(app: App, given: pps.JobInfo.Details) -> str | None:
    if not given.worker_status:
        return None
    rows = [
        (
            status.worker_id,
            status.job_id or UNKNOWN,
            ",".join(item.path for item in status.datum_status.data) or UNKNOWN,
            at(app, status.datum_status, "started"),
        )
        for status in given.worker_status
    ]
    return "\n" + "\n".join(table.lines(WORKER_HEADER, rows))


def _state_and_reason(app: App, info: pps.JobInfo) -> str:
    word = old.state(info.state) if info.state != pps.JOB_CREATED else UNKNOWN
    if info.state == pps.JOB_SUCCESS and info.data_skipped == info.data_total:
        word = f"{word}: there were no datums to process"
    elif info.reason and info.state in (pps.JOB_FAILURE, pps.JOB_KILLED, pps.JOB_UNRUNNABLE):
        reason = " ".join(info.reason.split())
        cut = f"{reason[:LONGEST_REASON]}..." if len(reason) > LONGEST_REASON else reason
        word = f"{word}: {cut}"
    return painted(app, word, _COLORS.get(info.state, ""))
