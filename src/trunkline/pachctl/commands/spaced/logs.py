"""logs: what user code wrote, and on request what the worker and pachd wrote."""

from __future__ import annotations

import sys

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import project_flag
from trunkline.pachctl.grammar import GoDuration, command
from trunkline.wire import pps_pb2 as pps


@command("logs", example="pachctl logs --job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Logs of this pipeline.")
@click.option("-j", "--job", metavar="PIPELINE@ID", help="Logs of this job.")
@click.option("--datum", metavar="ID", help="Only lines about this datum.")
@click.option("--inputs", metavar="A,B", help="Only lines about datums with these input files.")
@click.option("--master", is_flag=True, help="What pachd says about the pipeline, instead of user code.")
@click.option("--worker", is_flag=True, help="What the worker says around user code, instead of it.")
@click.option("--raw", is_flag=True, help="Print whole messages, as JSON.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines as they are written.")
@click.option("--since", type=GoDuration(), default="24h", metavar="DURATION", help="Only lines not older than this.")
@click.option("-t", "--tail", type=click.INT, hidden=True)
@project_flag
def logs(
    app: App,
    pipeline: str | None,
    job: str | None,
    datum: str | None,
    inputs: str | None,
    master: bool,
    worker: bool,
    raw: bool,
    follow: bool,
    since: float,
    tail: int | None,
) -> None:
    """Print what user code wrote.

    Without --pipeline and --job, the log of pachd itself.
    """
    if tail is not None:
        raise InvalidRequest("tail has been deprecated and removed from Pachyderm, use --since instead")
    if pipeline is not None and job is not None:
        raise InvalidRequest("only one of pipeline or job should be specified")
    request = pps.GetLogsRequest(
        pipeline=None if pipeline is None else pickers.pipeline(app, pipeline),
        job=None if job is None else pickers.job(app, job),
        data_filters=[path for path in (inputs or "").split(",") if path],
        master=master,
        follow=follow,
    )
    if since:
        request.since.FromNanoseconds(int(since * 10**9))
    if datum is not None:
        request.datum.CopyFrom(pps.Datum(job=request.job if job is not None else None, id=datum))
    of_server = pipeline is None and job is None
    wanted = (message for message in app.server.pps.GetLogs(request) if of_server or master or message.user != worker)
    if raw:
        show.raw(app, wanted)
        return
    for message in wanted:
        sys.stdout.write(f"{message.message.rstrip(chr(10))}\n")
        sys.stdout.flush()
