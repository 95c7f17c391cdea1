"""get-logs: what user code wrote, and on request what the worker and pachd wrote."""

from __future__ import annotations

import sys

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import jobsets, raw, refs
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.wire import pps_pb2 as pps


@verb(example="pachctl get-logs --job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Logs of this pipeline.")
@click.option("--job", metavar="ID", help="Logs of this job: PIPELINE@ID, or an ID alone for all that have it.")
@click.option("--datum", metavar="ID", help="Only lines about this datum.")
@click.option("--inputs", metavar="A,B", help="Only lines about datums with these input files.")
@click.option("--master", is_flag=True, help="What pachd says about the pipeline, instead of its workers.")
@click.option("--worker", is_flag=True, help="Also what the worker says around the user's code.")
@raw_flag
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines as they are written.")
@click.option("-t", "--tail", type=click.IntRange(min=0), default=0, help="Only the last so many lines; 0: all.")
def get_logs(
    app: App,
    pipeline: str | None,
    job: str | None,
    datum: str | None,
    inputs: str | None,
    master: bool,
    worker: bool,
    raw: bool,
    follow: bool,
    tail: int,
) -> None:
    """Print what user code wrote.

    Without --pipeline and --job, the log of pachd itself.
    """
    requests = _requests(app, pipeline, job, datum, follow)
    every = worker or master or raw or (pipeline is None and job is None)
    for request in requests:
        request.data_filters.extend(path for path in (inputs or "").split(",") if path)
        request.master, request.follow, request.tail = master, follow, tail
        for message in app.server.pps.GetLogs(request):
            if every or message.user:
                _show(message, raw)


def _requests(
    app: App, pipeline: str | None, job: str | None, datum: str | None, follow: bool
) -> list[pps.GetLogsRequest]:
    """One request for each job that is meant."""
    if job is None:
        request = pps.GetLogsRequest(pipeline=None if pipeline is None else refs.pipeline(pipeline))
        if datum is not None:
            request.datum.id = datum
        return [request]
    jobs = [info.job for info in jobsets.find(app.server, job, pipeline)]
    if follow and len(jobs) > 1:
        names = ", ".join(each.pipeline.name for each in jobs)
        raise InvalidRequest(f"job {job} is of several pipelines ({names}): give --pipeline with --follow")
    requests = [pps.GetLogsRequest(pipeline=each.pipeline, job=each) for each in jobs]
    if datum is not None:
        for request in requests:
            request.datum.CopyFrom(pps.Datum(job=request.job, id=datum))
    return requests


def _show(message: pps.LogMessage, as_json: bool) -> None:
    if as_json:
        raw.show([message])
    else:
        sys.stdout.write(f"{message.message.rstrip(chr(10))}\n")
        sys.stdout.flush()
