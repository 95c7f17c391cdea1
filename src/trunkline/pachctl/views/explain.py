"""An explanation in lines: the job, what is in its way, how many datums, and some of them one by one."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.wire import explain_pb2 as wire
from trunkline.wire import pps_pb2 as pps

_CAUSES: dict[int, str] = {
    wire.NEW: "new",
    wire.CHANGED: "changed",
    wire.FORCED: "forced",
    wire.RETRIED: "retried",
    wire.SAME: "same as before",
}
_FATES: dict[int, str] = {
    wire.RAN: "ran",
    wire.KNOWN: "known, skipped",
    wire.FAILED: "failed",
    wire.RECOVERED: "recovered",
    wire.AHEAD: "to run",
}
_ENDED = (pps.JOB_SUCCESS, pps.JOB_FAILURE, pps.JOB_KILLED, pps.JOB_UNRUNNABLE)


def job(answer: wire.ExplainedJob) -> str:
    """The whole explanation of a job."""
    return "".join(f"{line}\n" for line in _lines(answer))


def _lines(answer: wire.ExplainedJob) -> Iterator[str]:
    yield _headline(answer)
    if answer.basis:
        yield f"  {answer.basis}"
    for one in answer.obstacles:
        yield f"  ! {one.text}"
    if answer.workers:
        yield f"  {answer.workers} workers are at it"
    if not answer.planned:
        return
    yield f"  {_counts(answer)}"
    for datum in answer.datums:
        yield from _datum(datum, ended=answer.state in _ENDED)
    came = sum(one.datums for one in answer.tally.causes)
    if came > len(answer.datums) > 0:
        yield f"  … {came} in all; more after this: --after {answer.datums[-1].id}"


def _headline(answer: wire.ExplainedJob) -> str:
    name = answer.job.pipeline.name
    if answer.supposed:
        return f"{name} would run (version {answer.pipeline_version})"
    state = pps.JobState.Name(answer.state).removeprefix("JOB_").lower()
    reason = f": {answer.reason.strip()}" if answer.reason else ""
    return f"{name}@{answer.job.id} (version {answer.pipeline_version}) {state}{reason}"


def _counts(answer: wire.ExplainedJob) -> str:
    tally, ended = answer.tally, answer.state in _ENDED
    least = "at least " if tally.partial else ""
    causes = [f"{least}{one.datums} {_CAUSES.get(one.cause, 'unknown')}" for one in tally.causes]
    fates = [f"{least}{one.datums} {_fate(one.fate, ended=ended)}" for one in tally.fates]
    same = [f"{tally.same} as they were"] if tally.same else []
    gone = [f"{least}{tally.gone} gone"] if tally.gone else []
    parts = [part for part in (", ".join([*same, *causes, *gone]), ", ".join(fates)) if part]
    return f"{tally.total} datum{'' if tally.total == 1 else 's'}" + (f": {'; '.join(parts)}" if parts else "")


def _datum(one: wire.ExplainedDatum, *, ended: bool) -> Iterator[str]:
    where = f" in {_name(one.ran_in)}" if one.HasField("ran_in") else ""
    tries = f" ({one.tries} tries)" if one.tries > 1 else ""
    yield f"  {one.id} {_CAUSES.get(one.cause, 'unknown')}, {_fate(one.fate, ended=ended)}{where}{tries}"
    changed = {(given.name, given.file.path) for given in one.changes}
    for given in one.changes:
        yield f"    {_change(given)}"
    rest = [path for path in one.inputs if path not in {f"/{name}{place}" for name, place in changed}]
    if rest:
        yield f"    {'with ' if changed else ''}{', '.join(rest)}"
    if one.HasField("failed_in"):
        yield f"    failed before, in {_name(one.failed_in)}"
    if one.reason:
        yield f"    {one.reason}"


def _change(given: wire.ChangedInput) -> str:
    file = given.file
    text = f"/{given.name}{file.path}: {file.commit.repo.name}@{file.commit.id or '(not made yet)'}"
    text += f", before {given.before}" if given.before else ", was not there"
    if given.files and given.before:
        text += f": {', '.join(given.files)}{' and others' if given.more else ''}"
    return text


def _fate(fate: int, *, ended: bool) -> str:
    return "not run" if ended and fate == wire.AHEAD else _FATES.get(fate, "unknown")


def _name(job: pps.Job) -> str:
    return f"{job.pipeline.name}@{job.id}"
