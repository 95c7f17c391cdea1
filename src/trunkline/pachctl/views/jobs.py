"""Jobs: the table of list-job, state words, and the view of one."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.kernel import units
from trunkline.kernel.clock import Nanos
from trunkline.pachctl import raw, table
from trunkline.pachctl.views.cells import (
    UNKNOWN,
    ago,
    between,
    commit_name,
    length,
    repo_name,
    repo_of,
    shortened,
    when,
)
from trunkline.pachctl.views.specs import parallelism, resources, service
from trunkline.wire import pps_pb2 as pps

HEADER = ("ID", "OUTPUT COMMIT", "STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE")
WORKER_HEADER = ("WORKER", "JOB", "DATUM", "STARTED", "QUEUE")
LONGEST_REASON = 40
"""Characters of a reason in a table; inspect-job shows all of it."""

TERMINAL = frozenset({pps.JOB_SUCCESS, pps.JOB_FAILURE, pps.JOB_KILLED, pps.JOB_UNRUNNABLE})
_GIVES_REASON = frozenset({pps.JOB_FAILURE, pps.JOB_KILLED, pps.JOB_UNRUNNABLE})

_WORDS = {
    pps.JOB_STATE_UNKNOWN: UNKNOWN,
    pps.JOB_CREATED: "starting",
    pps.JOB_STARTING: "starting",
    pps.JOB_RUNNING: "running",
    pps.JOB_FAILURE: "failure",
    pps.JOB_SUCCESS: "success",
    pps.JOB_KILLED: "killed",
    pps.JOB_EGRESSING: "egressing",
    pps.JOB_FINISHING: "finishing",
    pps.JOB_UNRUNNABLE: "unrunnable",
}


def state(value: pps.JobState) -> str:
    """The state in a word; a job that was only created is starting."""
    return _WORDS.get(value, UNKNOWN)


def row(info: pps.JobInfo, now: Nanos) -> tuple[str, ...]:
    """One line of list-job."""
    return (
        info.job.id,
        output_commit(info),
        ago(when(info, "started"), now),
        between(when(info, "started"), when(info, "finished")),
        str(info.restart),
        progress(info),
        units.size(info.stats.download_bytes),
        units.size(info.stats.upload_bytes),
        _state_and_reason(info),
    )


def output_commit(info: pps.JobInfo) -> str:
    """`repo/id`; `pipeline/-` as long as there is no commit."""
    name = info.job.pipeline.name
    if not info.output_commit.id:
        return f"{name}/-" if name else UNKNOWN
    return f"{repo_name(repo_of(info.output_commit)) or name}/{info.output_commit.id}"


def progress(info: pps.JobInfo) -> str:
    """Datums: `processed + skipped / total`, or `processed + skipped + recovered / total`."""
    done = [info.data_processed, info.data_skipped]
    if info.data_recovered:
        done.append(info.data_recovered)
    return f"{' + '.join(map(str, done))} / {info.data_total}"


def detail(info: pps.JobInfo, now: Nanos, why_nothing: str = "") -> str:
    """inspect-job.

    Args:
        info: with details.
        now: where ages are counted from.
        why_nothing: the reason to give for a job that succeeded without datums.
    """
    return table.details(_lines(info, now, info.reason or why_nothing))


def _lines(info: pps.JobInfo, now: Nanos, reason: str) -> Iterator[tuple[str, str | None]]:
    yield "ID", info.job.id
    yield "Pipeline", info.job.pipeline.name
    yield "Started", ago(when(info, "started"), now)
    yield "Duration", between(when(info, "started"), when(info, "finished"))
    yield "State", state(info.state)
    yield "Reason", " ".join(reason.split()) or None
    yield "Processed", str(info.data_processed)
    yield "Failed", str(info.data_failed)
    yield "Skipped", str(info.data_skipped)
    yield "Recovered", str(info.data_recovered) if info.data_recovered else None
    yield "Total", str(info.data_total)
    yield "Data Downloaded", units.size(info.stats.download_bytes)
    yield "Data Uploaded", units.size(info.stats.upload_bytes)
    for label, field in (("Download", "download_time"), ("Process", "process_time"), ("Upload", "upload_time")):
        known = info.stats.HasField(field)
        yield f"{label} Time", length(getattr(info.stats, field)) if known else UNKNOWN
    yield from _settings(info, now)
    has_commit = bool(info.output_commit.id)
    yield "Output Commit", commit_name(info.output_commit) if has_commit else None
    yield "Egress", _egress(info.details)


def _settings(info: pps.JobInfo, now: Nanos) -> Iterator[tuple[str, str | None]]:
    """What the pipeline's version says about the job."""
    given = info.details
    yield "Datum Timeout", length(given.datum_timeout) if given.HasField("datum_timeout") else None
    yield "Job Timeout", length(given.job_timeout) if given.HasField("job_timeout") else None
    yield "Worker Status", _workers(given, now)
    yield "Restarts", str(info.restart)
    yield "ParallelismSpec", parallelism(given)
    yield from resources(given)
    yield "Service", service(given)
    yield "Input", raw.text(given.input) if given.HasField("input") else None
    yield "Transform", raw.text(given.transform) if given.HasField("transform") else None


def _workers(given: pps.JobInfo.Details, now: Nanos) -> str | None:
    if not given.worker_status:
        return None
    rows = [_worker_row(status, now) for status in given.worker_status]
    return "\n" + "\n".join(table.lines(WORKER_HEADER, rows))


def _worker_row(status: pps.WorkerStatus, now: Nanos) -> tuple[str, ...]:
    busy = status.datum_status
    paths = ",".join(item.path for item in busy.data) or UNKNOWN
    return (status.worker_id, status.job_id or UNKNOWN, paths, ago(when(busy, "started"), now), UNKNOWN)


def _state_and_reason(info: pps.JobInfo) -> str:
    word = state(info.state)
    if info.reason and info.state in _GIVES_REASON:
        return f"{word}: {shortened(info.reason, LONGEST_REASON)}"
    return word


def _egress(given: pps.JobInfo.Details) -> str | None:
    if not given.HasField("egress"):
        return None
    return given.egress.URL or raw.text(given.egress)
