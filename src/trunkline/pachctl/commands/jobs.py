"""list-job, inspect-job, stop-job, delete-job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import click

from trunkline.kernel.errors import TrunklineError
from trunkline.pachctl import jobsets, provenance, refs, table
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.connect import Server
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import jobs as view
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

pipeline_flag = click.option(
    "-p", "--pipeline", metavar="PIPELINE", help="The job of this pipeline, if several have the ID."
)


@verb(example="pachctl list-job -p model")
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Only jobs of this pipeline.")
@click.option("-o", "--output", metavar="REPO/COMMIT", help="Only the job that made this commit.")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="REPO/COMMIT",
    help="Only jobs that read this commit; may be given several times.",
)
@raw_flag
def list_job(app: App, pipeline: str | None, output: str | None, inputs: tuple[str, ...], raw: bool) -> None:
    """List jobs, newest first.

    Jobs that one change caused have the same ID. PROGRESS counts datums: processed + skipped / total.
    """
    infos = _listed(app.server, pipeline, inputs)
    if output is not None:
        wanted = provenance.key(_resolved(app.server, output))
        infos = (info for info in infos if provenance.key(info.output_commit) == wanted)
    if raw:
        json.show(infos)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in infos))


@verb("ID", example="pachctl inspect-job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@click.option("-b", "--block", is_flag=True, help="Wait until the job has ended.")
@pipeline_flag
@raw_flag
def inspect_job(app: App, id: str, block: bool, pipeline: str | None, raw: bool) -> None:
    """Show one job.

    An ID alone shows every job that has it, PIPELINE@ID one.
    """
    infos = jobsets.find(app.server, id, pipeline, wait=block, details=True)
    if raw:
        json.show(infos)
        return
    pages = [view.detail(info, app.now(), _why_nothing(app.server, info)) for info in infos]
    print("\n".join(pages), end="")


@verb("ID", example="pachctl stop-job 5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@pipeline_flag
def stop_job(app: App, id: str, pipeline: str | None) -> None:
    """Stop a job.

    An ID alone stops every job that has it, PIPELINE@ID one. The output of a stopped job is not used.
    """
    for info in jobsets.find(app.server, id, pipeline):
        app.server.pps.StopJob(pps.StopJobRequest(job=info.job))


@verb("ID", example="pachctl delete-job infer@5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
@pipeline_flag
def delete_job(app: App, id: str, pipeline: str | None) -> None:
    """Stop a job and forget it.

    An ID alone deletes every job that has it, PIPELINE@ID one.
    """
    for info in reversed(jobsets.find(app.server, id, pipeline)):
        app.server.pps.DeleteJob(pps.DeleteJobRequest(job=info.job))


def _listed(server: Server, pipeline: str | None, inputs: Iterable[str]) -> Iterator[pps.JobInfo]:
    request = pps.ListJobRequest(
        pipeline=None if pipeline is None else refs.pipeline(pipeline),
        input_commit=[_resolved(server, word) for word in inputs],
        projects=[refs.project()],
        history=-1,
    )
    infos: Iterator[pps.JobInfo] = server.pps.ListJob(request)
    return infos


def _resolved(server: Server, word: str) -> pfs.Commit:
    """`REPO/COMMIT` with the id that it stands for."""
    given = refs.commit_path(word)
    info = provenance.inspect(server, given)
    return pfs.Commit(repo=given.repo, id=info.commit.id)


def _why_nothing(server: Server, info: pps.JobInfo) -> str:
    """For a job that succeeded without datums: which input had nothing for it."""
    if info.state != pps.JOB_SUCCESS or info.data_total:
        return ""
    empty = [text for given in _pfs_inputs(info.details.input) if (text := _nothing_in(server, given))]
    because = f": {', '.join(empty)}" if empty else ""
    return f"there were no datums to process{because}"


def _pfs_inputs(given: pps.Input) -> Iterator[pps.PFSInput]:
    if given.HasField("pfs"):
        yield given.pfs
    for children in (given.cross, given.union, given.join, given.group):
        for child in children:
            yield from _pfs_inputs(child)


def _nothing_in(server: Server, given: pps.PFSInput) -> str:
    """What to say of an input whose commit has no match for its glob; nothing if it has one."""
    repo = pfs.Repo(name=given.repo, type=given.repo_type or "user", project=refs.project())
    request = pfs.GlobFileRequest(commit=pfs.Commit(repo=repo, id=given.commit), pattern=given.glob)
    with suppress(TrunklineError):
        if next(iter(server.pfs.GlobFile(request)), None) is None:
            return f"{given.name or given.repo} has no file that matches {given.glob}"
    return ""
