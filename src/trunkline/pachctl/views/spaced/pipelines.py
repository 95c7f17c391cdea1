"""Pipelines in the tables of 2.11."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.pachctl import show
from trunkline.pachctl.app import App
from trunkline.pachctl.table import details
from trunkline.pachctl.views import pipelines as old
from trunkline.pachctl.views.cells import length
from trunkline.pachctl.views.spaced.cells import UNKNOWN, at, painted
from trunkline.pachctl.views.spaced.jobs import state as job_state
from trunkline.pachctl.views.specs import parallelism, resources
from trunkline.wire import pps_pb2 as pps

HEADER = ("PROJECT", "NAME", "VERSION", "INPUT", "CREATED", "STATE / LAST JOB", "ALERTS", "DESCRIPTION")

_COLORS = {
    pps.PIPELINE_STARTING: "yellow",
    pps.PIPELINE_RUNNING: "green",
    pps.PIPELINE_RESTARTING: "yellow",
    pps.PIPELINE_FAILURE: "red",
    pps.PIPELINE_PAUSED: "yellow",
    pps.PIPELINE_STANDBY: "yellow",
    pps.PIPELINE_CRASHING: "red",
}
IN_TROUBLE = frozenset({pps.PIPELINE_FAILURE, pps.PIPELINE_CRASHING})


def row(app: App, info: pps.PipelineInfo) -> tuple[str, ...]:
    """One line of `list pipeline`."""
    state = painted(app, old.state(info.state), _COLORS.get(info.state, ""))
    ended = info.last_job_state not in (pps.JOB_STATE_UNKNOWN, pps.JOB_CREATED)
    return (
        info.pipeline.project.name or "default",
        info.pipeline.name,
        str(info.version),
        shorthand(info.details.input, info.pipeline.project.name or "default"),
        at(app, info.details, "created_at"),
        _both(state, job_state(app, info.last_job_state) if ended else UNKNOWN),
        "*" if _up_too_long(app, info.details) else "",
        info.details.description,
    )


def _up_too_long(app: App, given: pps.PipelineInfo.Details) -> bool:
    """Whether it has been up for longer than its specification expects."""
    if not given.HasField("maximum_expected_uptime") or not given.HasField("workers_started_at"):
        return False
    limit = given.maximum_expected_uptime.ToNanoseconds()
    return given.workers_started_at.ToNanoseconds() + limit < app.now()


def detail(app: App, info: pps.PipelineInfo) -> str:
    """`inspect pipeline`."""
    return details(_lines(app, info))


def shorthand(given: pps.Input, project: str) -> str:
    """An input on one line: `project/repo:glob`, `(a ⨯ b)`, `(a ∪ b)`, `(a ⋈ b)`, `(Group: a, b)`, `name:spec`."""
    if given.HasField("pfs"):
        return f"{given.pfs.project or project}/{given.pfs.repo}:{given.pfs.glob}"
    if given.HasField("cron"):
        return f"{given.cron.name}:{given.cron.spec}"
    for field, sign in (("cross", " ⨯ "), ("union", " ∪ "), ("join", " ⋈ ")):
        children = getattr(given, field)
        if children:
            return f"({sign.join(shorthand(child, project) for child in children)})"
    if given.group:
        return f"(Group: {', '.join(shorthand(child, project) for child in given.group)})"
    return "none"


def _both(state: str, job: str) -> str:
    """Two words with their colours; what a table needs to know is how wide they look."""
    return _Pair(state, job)


class _Pair(str):
    """`running / success`."""

    __slots__ = ("shown",)
    shown: str

    def __new__(cls, first: str, second: str) -> _Pair:
        made = super().__new__(cls, f"{first[:]} / {second[:]}")
        made.shown = f"{first!s} / {second!s}"
        return made

    def ljust(self, width: int, fill: str = " ", /) -> str:  # type: ignore[override]
        return self.shown + fill * (width - len(self))


def _lines(app: App, info: pps.PipelineInfo) -> Iterator[tuple[str, str | None]]:
    given = info.details
    yield "Name", info.pipeline.name
    yield "Description", given.description or None
    yield "Created", at(app, given, "created_at")
    yield "State", old.state(info.state)
    yield "Reason", " ".join((info.reason or given.reason).split()) or None
    yield "Workers Available", f"{given.workers_available}/{given.workers_requested}"
    yield "Stopped", "true" if info.stopped else "false"
    yield "Parallelism Spec", parallelism(given)
    yield from resources(given)
    yield "Datum Timeout", length(given.datum_timeout) if given.HasField("datum_timeout") else None
    yield "Job Timeout", length(given.job_timeout) if given.HasField("job_timeout") else None
    yield "Input", show.json_text(given.input) if given.HasField("input") else None
    yield "Output Branch", given.output_branch or None
    yield "Transform", show.json_text(given.transform) if given.HasField("transform") else None
    yield "Egress", (given.egress.URL or show.json_text(given.egress)) if given.HasField("egress") else None
    yield "Recent Error", " ".join(given.recent_error.split()) or None
    yield "User Spec", info.user_spec_json or None
    yield "Effective Spec", info.effective_spec_json or None
