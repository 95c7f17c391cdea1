"""list job in its three forms: the sets of jobs, the jobs of one set, the jobs of pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import jobsets, pickers, provenance, show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import all_projects_flag, output_flags, pager_flag, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views import jobs as words
from trunkline.pachctl.views.spaced import jobs as view
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps


@command("list job", "[ID]", example="pachctl list job -p model")
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Only jobs of this pipeline.")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="COMMIT",
    help="Only jobs that read this commit; may be given several times.",
)
@click.option("-x", "--expand", is_flag=True, help="A line for each job instead of each ID.")
@click.option("--history", default="none", metavar="NUMBER", help="Of earlier versions too: none, all, or how many.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only in this state, such as running.")
@all_projects_flag
@output_flags
@timestamps_flag
@pager_flag
@project_flag
def list_job(
    app: App,
    id: str | None,
    pipeline: str | None,
    inputs: tuple[str, ...],
    expand: bool,
    history: str,
    states: tuple[str, ...],
    all_projects: bool,
) -> None:
    """List jobs, newest first.

    Without flags, a line for each ID: the jobs that one change caused share it. With an ID, those jobs. With
    --pipeline, --input or --expand, a line for each job. PROGRESS counts datums: processed + skipped / total.
    """
    filters: dict[str, object] = {
        "--pipeline": pipeline,
        "--input": inputs,
        "--state": states,
        "--history": history != "none",
    }
    if id is not None:
        _refuse(filters, f"listing the jobs of {id}")
        if not is_id(id):
            raise InvalidRequest(f'invalid job id "{id}": give an ID, or --pipeline for the jobs of a pipeline')
        _show(app, _in_states(jobsets.of_set(app.server, id), states))
        return
    if pipeline is None and not inputs and not expand:
        _refuse(filters | {"--state": states}, "listing all jobs")
        sets = app.server.pps.ListJobSet(pps.ListJobSetRequest(projects=pickers.projects(app, all_projects)))
        show.listing(app, sets, view.SET_HEADER, lambda one: view.set_row(app, one))
        return
    request = pps.ListJobRequest(
        pipeline=None if pipeline is None else pickers.pipeline(app, pipeline),
        input_commit=[_resolved(app, word) for word in inputs],
        projects=pickers.projects(app, all_projects),
        history=pickers.history(history),
    )
    _show(app, _in_states(app.server.pps.ListJob(request), states))


def _show(app: App, infos: Iterable[pps.JobInfo]) -> None:
    show.listing(app, infos, view.HEADER, lambda info: view.row(app, info))


def _refuse(filters: dict[str, object], doing: str) -> None:
    for flag, given in filters.items():
        if given:
            raise InvalidRequest(f"cannot specify '{flag}' when {doing}")


def _in_states(infos: Iterable[pps.JobInfo], states: tuple[str, ...]) -> Iterator[pps.JobInfo]:
    known = [name.removeprefix("JOB_").lower() for name in pps.JobState.keys()[1:]]
    wrong = next((state for state in states if state.lower() not in known), None)
    if wrong is not None:
        raise InvalidRequest(f'unknown job state "{wrong}": give one of {", ".join(known)}')
    wanted = {state.lower() for state in states}
    return (info for info in infos if not wanted or words.state(info.state) in wanted)


def _resolved(app: App, word: str) -> pfs.Commit:
    """A commit with the id that its word stands for."""
    given = pickers.commit(app, word)
    return pfs.Commit(repo=given.repo, id=provenance.inspect(app.server, given).commit.id)
