"""Pipelines: `NAME INPUT OUTPUT CREATED STATE`, and the view of one with its job counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trunkline.kernel.clock import Nanos
from trunkline.pachctl import raw, table
from trunkline.pachctl.views import jobs
from trunkline.pachctl.views.cells import UNKNOWN, ago, length, when
from trunkline.pachctl.views.specs import parallelism, resources, service, shorthand
from trunkline.wire import pps_pb2 as pps

HEADER = ("NAME", "INPUT", "OUTPUT", "CREATED", "STATE")

_WORDS = {
    pps.PIPELINE_STARTING: "starting",
    pps.PIPELINE_RUNNING: "running",
    pps.PIPELINE_RESTARTING: "restarting",
    pps.PIPELINE_FAILURE: "failure",
    pps.PIPELINE_PAUSED: "paused",
    pps.PIPELINE_STANDBY: "standby",
    pps.PIPELINE_CRASHING: "crashing",
}

_COUNTED = (
    pps.JOB_STARTING,
    pps.JOB_RUNNING,
    pps.JOB_FAILURE,
    pps.JOB_SUCCESS,
    pps.JOB_KILLED,
    pps.JOB_EGRESSING,
    pps.JOB_FINISHING,
    pps.JOB_UNRUNNABLE,
)


def state(value: pps.PipelineState) -> str:
    """The state in a word."""
    return _WORDS.get(value, UNKNOWN)


def row(info: pps.PipelineInfo, now: Nanos) -> tuple[str, ...]:
    """One line of list-pipeline."""
    name = info.pipeline.name
    return (
        name,
        shorthand(info.details.input),
        f"{name}/{info.details.output_branch or 'master'}",
        ago(when(info.details, "created_at"), now),
        state(info.state),
    )


def detail(info: pps.PipelineInfo, job_counts: Mapping[str, int], now: Nanos) -> str:
    """inspect-pipeline.

    Args:
        info: with details.
        job_counts: number of jobs by state word.
        now: where ages are counted from.
    """
    return table.details(_lines(info, now)) + _counts(job_counts)


def count_words() -> tuple[str, ...]:
    """The state words of jobs, in the order of the job counts."""
    return tuple(map(jobs.state, _COUNTED))


def _lines(info: pps.PipelineInfo, now: Nanos) -> Iterator[tuple[str, str | None]]:
    given = info.details
    yield "Name", info.pipeline.name
    yield "Description", given.description or None
    yield "Created", ago(when(given, "created_at"), now)
    yield "State", state(info.state)
    yield "Stopped", "true" if info.stopped else "false"
    yield "Reason", " ".join((info.reason or given.reason).split()) or None
    yield "Parallelism Spec", parallelism(given)
    yield from resources(given)
    yield "Service", service(given)
    yield "Datum Timeout", length(given.datum_timeout) if given.HasField("datum_timeout") else None
    yield "Job Timeout", length(given.job_timeout) if given.HasField("job_timeout") else None
    yield "Input", raw.text(given.input) if given.HasField("input") else None
    yield "Output Branch", given.output_branch or None
    yield "Transform", raw.text(given.transform) if given.HasField("transform") else None
    yield "Egress", (given.egress.URL or raw.text(given.egress)) if given.HasField("egress") else None
    yield "Recent Error", " ".join(given.recent_error.split()) or None


def _counts(job_counts: Mapping[str, int]) -> str:
    rows = "".join(f"{word}: {job_counts.get(word, 0)}\n" for word in count_words())
    return f"Job Counts:\n{rows}"
