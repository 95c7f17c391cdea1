"""inspect, wait, stop and delete job."""

from __future__ import annotations

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.ids import is_id
from trunkline.pachctl import batch, jobsets, pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import jobs as view
from trunkline.pachctl.watching import Watching, of_sets
from trunkline.wire import pps_pb2 as pps
from trunkline.wire import transaction_pb2 as transaction


@command("inspect job", "PIPELINE@ID", example="pachctl inspect job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@output_flags
@timestamps_flag
@project_flag
def inspect_job(app: App, pipeline_id: str) -> None:
    """Show one job."""
    if is_id(pipeline_id):
        raise InvalidRequest(f'Use "list job {pipeline_id}" to see jobs with a given ID across different pipelines')
    info = _inspect(app, pickers.job(app, pipeline_id), details=True)
    show.one(app, info, lambda info: view.detail(app, info))


@command("wait job", "ID|PIPELINE@ID", example="pachctl wait job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@output_flags
@timestamps_flag
@project_flag
def wait_job(app: App, id_pipeline_id: str) -> None:
    """Wait until a job, or all jobs of an ID, have ended, and list them.

    On a terminal it shows meanwhile how many datums are done.
    """
    word = id_pipeline_id
    job = None if is_id(word) else pickers.job(app, word)
    look = of_sets(app.server, [word if job is None else job.id], lambda info: job is None or info.job == job)
    with Watching(look, show=not app.flags.raw):
        infos = _of_set(app, word, wait=True) if job is None else [_inspect(app, job, wait=True)]
    show.listing(app, infos, view.HEADER, lambda info: view.row(app, info))


@command("stop job", "ID|PIPELINE@ID", example="pachctl stop job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@project_flag
def stop_job(app: App, id_pipeline_id: str) -> None:
    """Stop a job, or all jobs of an ID.

    The output of a stopped job is not used.
    """
    word = id_pipeline_id
    if not is_id(word):
        job = pickers.job(app, word)
        with batch.server(app) as server:
            server.pps.StopJob(pps.StopJobRequest(job=job))
        return
    stops = [pps.StopJobRequest(job=info.job) for info in _of_set(app, word)]
    if app.context.transaction:
        with batch.server(app) as server:
            for stop in stops:
                server.pps.StopJob(stop)
        return
    requests = [transaction.TransactionRequest(stop_job=stop) for stop in stops]
    app.server.transactions.BatchTransaction(transaction.BatchTransactionRequest(requests=requests))


@command("delete job", "PIPELINE@ID", example="pachctl delete job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@project_flag
def delete_job(app: App, pipeline_id: str) -> None:
    """Stop a job and forget it."""
    app.server.pps.DeleteJob(pps.DeleteJobRequest(job=pickers.job(app, pipeline_id)))


def _inspect(app: App, job: pps.Job, *, wait: bool = False, details: bool = False) -> pps.JobInfo:
    request = pps.InspectJobRequest(job=job, wait=wait, details=details)
    info: pps.JobInfo = app.server.pps.InspectJob(request)
    return info


def _of_set(app: App, set_id: str, *, wait: bool = False) -> list[pps.JobInfo]:
    infos = jobsets.of_set(app.server, set_id, wait=wait)
    if not infos:
        raise NotFound(f"no jobs found for ID {set_id}: pachctl list job shows what there is")
    return infos
