"""`trunkline.v1.Explain`: why jobs do what they do, and what a change would cause."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.api import convert, convert_pps
from trunkline.api.dispatch import Call
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs.pfs import Pfs
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.explain.jobs import Explainer
from trunkline.pps.explain.values import ChangedInput, Obstacle, Page, Tally, WhyDatum, WhyJob
from trunkline.wire import explain_pb2 as wire
from trunkline.wire import pfs_pb2

NUMBER, MOST = 20, 10_000
"""Datums that are told one by one, where the request does not say; and at the most."""


class ExplainService:
    """Explains jobs.

    Args:
        dispatcher: knows who works.
    """

    def __init__(self, pfs: Pfs, dispatcher: Dispatcher) -> None:
        self._pfs, self._dispatcher = pfs, dispatcher

    def Explain(self, request: wire.ExplainRequest, call: Call) -> Iterator[wire.ExplainedJob]:
        """The jobs that the request is about."""
        explainer = Explainer(self._pfs, _page(request), call.alive)
        subject = request.WhichOneof("subject")
        if subject == "job":
            found = explainer.job(convert_pps.job_ref(request.job))
        elif subject == "commit":
            found = explainer.commit(convert.commit_ref(request.commit))
        elif subject == "move":
            branch = convert.branch_ref(request.move.branch)
            found = explainer.move(branch, convert.commit_ref(request.move.head))
        else:
            raise InvalidRequest("say what to explain: a job, a commit, or the move of a branch")
        for one in found:
            yield self._job(one)

    def _job(self, value: WhyJob) -> wire.ExplainedJob:
        job = value.job
        return wire.ExplainedJob(
            job=convert_pps.job_message(job.ref),
            pipeline_version=job.version,
            state=f"JOB_{job.state.value}",
            reason=job.reason,
            supposed=value.supposed,
            builds_on=None if value.builds_on is None else convert_pps.job_message(value.builds_on),
            basis=value.basis,
            planned=value.planned,
            obstacles=map(_obstacle, self._obstacles(value)),
            tally=_tally(value.tally),
            datums=map(_datum, value.datums),
            workers=len(self._dispatcher.workers(job.key)),
        )

    def _obstacles(self, value: WhyJob) -> list[Obstacle]:
        """What stands in the way by the catalog; and that nobody works, where this pachd hands out the work."""
        key = value.job.key
        if key in self._dispatcher.jobs() and not self._dispatcher.workers(key):
            return [*value.obstacles, Obstacle("no worker is at it: they are at other jobs, or about to start")]
        return list(value.obstacles)


def _page(request: wire.ExplainRequest) -> Page:
    if not 0 <= request.number <= MOST:
        raise InvalidRequest(f"number is {request.number}: give how many datums to show, at most {MOST}")
    try:
        return Page(request.number or NUMBER, bytes.fromhex(request.after))
    except ValueError:
        raise InvalidRequest(f"after is {request.after[:80]!r}: give the id of a datum") from None


def _obstacle(value: Obstacle) -> wire.Obstacle:
    job = None if value.job is None else convert_pps.job_message(value.job)
    return wire.Obstacle(text=value.text, commit=value.commit, job=job)


def _tally(value: Tally) -> wire.DatumTally:
    return wire.DatumTally(
        total=value.total,
        same=value.same,
        gone=value.gone,
        causes=[wire.CauseCount(cause=cause.value, datums=count) for cause, count in value.causes.items()],
        fates=[wire.FateCount(fate=fate.value, datums=count) for fate, count in value.fates.items()],
        partial=value.partial,
    )


def _datum(value: WhyDatum) -> wire.ExplainedDatum:
    return wire.ExplainedDatum(
        id=value.id,
        cause=value.cause.value,
        fate=value.fate.value,
        inputs=value.inputs,
        changes=map(_change, value.changes),
        ran_in=None if value.ran is None else convert_pps.job_message(value.ran),
        failed_in=None if value.failed_in is None else convert_pps.job_message(value.failed_in),
        reason=value.reason,
        tries=value.tries,
    )


def _change(value: ChangedInput) -> wire.ChangedInput:
    commit = pfs_pb2.Commit(repo=convert.repo_message(value.repo), id=value.commit)
    return wire.ChangedInput(
        name=value.name,
        file=pfs_pb2.File(commit=commit, path=value.path),
        before=value.before,
        files=value.files,
        more=value.more,
    )
