"""inspect, list, delete, start, stop, rerun pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import pipelines as calls
from trunkline.pachctl.flags import all_projects_flag, force_flag, output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views import pipelines as words
from trunkline.pachctl.views.spaced import pipelines as view
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps


@command("inspect pipeline", "NAME", example="pachctl inspect pipeline model")
@output_flags
@timestamps_flag
@project_flag
def inspect_pipeline(app: App, name: str) -> None:
    """Show one pipeline."""
    info = calls.inspect(app.server, pickers.pipeline(app, name))
    show.one(app, info, lambda info: view.detail(app, info))


@command("list pipeline", "[NAME]", example="pachctl list pipeline")
@click.option("-s", "--spec", is_flag=True, help="Print specifications for create pipeline.")
@click.option("--history", default="none", metavar="NUMBER", help="Earlier versions too: none, all, or how many.")
@click.option("-c", "--commit", metavar="ID", help="The pipelines as they were in this commit set.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only in this state, such as running.")
@all_projects_flag
@output_flags
@timestamps_flag
@project_flag
def list_pipeline(
    app: App,
    name: str | None,
    spec: bool,
    history: str,
    commit: str | None,
    states: tuple[str, ...],
    all_projects: bool,
) -> None:
    """List pipelines, newest first."""
    if commit is not None and not is_id(commit):
        raise InvalidRequest(f'invalid commit set id "{commit}": give an ID of pachctl list commit')
    request = pps.ListPipelineRequest(
        pipeline=None if name is None else pickers.pipeline(app, name),
        details=True,
        history=pickers.history(history),
        commit_set=None if commit is None else pfs.CommitSet(id=commit),
        projects=pickers.projects(app, all_projects),
    )
    infos = _in_states(app.server.pps.ListPipeline(request), states)
    if spec:
        for info in infos:
            sys.stdout.write(show.document(app, calls.user_spec(info)))
        return
    broken: list[str] = []
    show.listing(app, _noted(infos, broken), view.HEADER, lambda info: view.row(app, info))
    if broken and not app.flags.raw:
        app.note(f"in error: {', '.join(broken)}; pachctl inspect pipeline tells the reason")


@command("delete pipeline", "[NAME]", example="pachctl delete pipeline model")
@click.option("--all", "every", is_flag=True, help="Delete all pipelines of the project.")
@force_flag
@click.option("--keep-repo", is_flag=True, help="Keep the output repo.")
@all_projects_flag
@project_flag
def delete_pipeline(app: App, name: str | None, every: bool, force: bool, keep_repo: bool, all_projects: bool) -> None:
    """Delete a pipeline and its output.

    Its jobs and its output repo go with it.
    """
    if name is not None and every:
        raise InvalidRequest("cannot use the --all flag with an argument")
    if name is None and not every:
        raise InvalidRequest("either a pipeline name or the --all flag needs to be provided")
    if name is not None:
        calls.delete(app.server, pickers.pipeline(app, name), force=force, keep_repo=keep_repo)
        return
    request = pps.DeletePipelinesRequest(
        projects=pickers.projects(app, all_projects), all=all_projects, force=force, keep_repo=keep_repo
    )
    app.server.pps.DeletePipelines(request)


@command("start pipeline", "NAME", example="pachctl start pipeline model")
@project_flag
def start_pipeline(app: App, name: str) -> None:
    """Let a stopped pipeline run again."""
    calls.start(app.server, pickers.pipeline(app, name))


@command("stop pipeline", "NAME", example="pachctl stop pipeline model")
@project_flag
def stop_pipeline(app: App, name: str) -> None:
    """Stop a pipeline; new data gives it no jobs.

    Jobs that have not ended are killed.
    """
    calls.stop(app.server, pickers.pipeline(app, name))


@command("rerun pipeline", "NAME", example="pachctl rerun pipeline model --reprocess")
@click.option("--reprocess", is_flag=True, help="Run the code over data that it has processed.")
@project_flag
def rerun_pipeline(app: App, name: str, reprocess: bool) -> None:
    """Run a pipeline again over the data as they are now."""
    request = pps.RerunPipelineRequest(pipeline=pickers.pipeline(app, name), reprocess=reprocess)
    app.server.pps.RerunPipeline(request)


@command("run cron", "NAME", example="pachctl run cron nightly")
@project_flag
def run_cron(app: App, name: str) -> None:
    """Let the clocks of a pipeline tick now.

    The pipeline must have a cron input. When it ticks by itself stays as it is.
    """
    calls.run_cron(app.server, pickers.pipeline(app, name))


def _in_states(infos: Iterator[pps.PipelineInfo], states: tuple[str, ...]) -> Iterator[pps.PipelineInfo]:
    known = [name.removeprefix("PIPELINE_").lower() for name in pps.PipelineState.keys()[1:]]
    wrong = next((state for state in states if state.lower() not in known), None)
    if wrong is not None:
        raise InvalidRequest(f'unknown pipeline state "{wrong}": give one of {", ".join(known)}')
    wanted = {state.lower() for state in states}
    return (info for info in infos if not wanted or words.state(info.state) in wanted)


def _noted(infos: Iterator[pps.PipelineInfo], broken: list[str]) -> Iterator[pps.PipelineInfo]:
    """The pipelines; the names of those in trouble are kept on the way."""
    for info in infos:
        if info.state in view.IN_TROUBLE:
            broken.append(info.pipeline.name)
        yield info
