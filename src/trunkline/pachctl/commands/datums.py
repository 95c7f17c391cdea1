"""list-datum, inspect-datum, restart-datum."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import click

from trunkline.kernel.errors import InvalidRequest, NotFound, TrunklineError
from trunkline.pachctl import jobsets, table
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.commands.jobs import pipeline_flag
from trunkline.pachctl.connect import Server
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import datums as view
from trunkline.pachctl.views import jobs as job_view
from trunkline.wire import pps_pb2 as pps


@verb("JOB", example="pachctl list-datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@click.option("--pageSize", "--page-size", "page_size", type=click.INT, default=0, help="Datums on a page; 0: all.")
@click.option("--page", type=click.INT, default=0, help="Which page, counted from 0.")
@pipeline_flag
@raw_flag
def list_datum(app: App, job: str, page_size: int, page: int, pipeline: str | None, raw: bool) -> None:
    """List the datums of a job.

    JOB is PIPELINE@ID, or an ID alone for every job that has it. TIME is what it took to get the input, to run
    the code and to keep the output.
    """
    if page_size < 0:
        raise InvalidRequest("pageSize must be zero or positive")
    if page < 0:
        raise InvalidRequest("page must be zero or positive")
    jobs = jobsets.find(app.server, job, pipeline)
    for index, info in enumerate(jobs):
        datums = _listed(app.server, info.job, page_size, page)
        if raw:
            json.show(datums)
            continue
        if len(jobs) > 1:
            print(f"{'' if index == 0 else chr(10)}Job: {info.job.pipeline.name}@{info.job.id}")
        table.show(view.HEADER, map(view.row, datums))


@verb("JOB DATUM", example="pachctl inspect-datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43 DATUM-ID")
@pipeline_flag
@raw_flag
def inspect_datum(app: App, job: str, datum: str, pipeline: str | None, raw: bool) -> None:
    """Show one datum.

    With an ID alone as JOB, the datum is looked for in every job that has it.
    """
    for info in jobsets.find(app.server, job, pipeline):
        request = pps.InspectDatumRequest(datum=pps.Datum(job=info.job, id=datum))
        try:
            found = app.server.pps.InspectDatum(request)
        except NotFound:
            continue
        if raw:
            json.show([found])
        else:
            print(view.detail(found), end="")
        return
    raise NotFound(f"datum {datum} not found in job {job}")


@verb("JOB PATHS", example="pachctl restart-datum infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43 /2.json")
@pipeline_flag
def restart_datum(app: App, job: str, paths: str, pipeline: str | None) -> None:
    """Begin a running datum again.

    PATHS are input files (or their hashes) of the datum, separated by commas; all of them have to be its input.
    """
    filters = [path for path in paths.split(",") if path]
    if not filters:
        raise InvalidRequest("restart-datum needs the path of an input file, not an empty word")
    refusals: list[TrunklineError] = []
    infos = jobsets.find(app.server, job, pipeline)
    running = [info for info in infos if info.state not in job_view.TERMINAL] or infos
    for info in running:
        try:
            app.server.pps.RestartDatum(pps.RestartDatumRequest(job=info.job, data_filters=filters))
        except TrunklineError as error:
            refusals.append(error)
    if len(refusals) == len(running):
        raise refusals[0]


def _listed(server: Server, job: pps.Job, page_size: int, page: int) -> Iterator[pps.DatumInfo]:
    """One page of the datums, or all."""
    request = pps.ListDatumRequest(job=job, number=page_size * (page + 1))
    return islice(server.pps.ListDatum(request), page_size * page, None)
