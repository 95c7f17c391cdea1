"""The commands of pipelines: create, update, edit, inspect, list, extract, start, stop, run-cron, delete."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest, TrunklineError, Unreachable
from trunkline.pachctl import jsonnet, refs, specs, table
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import pipelines as calls
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.sources import STDIN
from trunkline.pachctl.views import jobs as job_view
from trunkline.pachctl.views import pipelines as view
from trunkline.pps.dialect17 import dropped, translate
from trunkline.wire import pps_pb2 as pps

Json = dict[str, Any]

_SPEC_FLAGS = (
    click.option(
        "-f",
        "--file",
        "origin",
        metavar="SOURCE",
        help="A JSON or YAML file, a URL, or - for standard input (the default).",
    ),
    jsonnet.template_flag,
    jsonnet.argument_flag,
    click.option("-p", "--push-images", is_flag=True, help="Accepted; there is no registry to push to."),
    click.option("-r", "--registry", metavar="HOST", help="Accepted, without effect."),
    click.option("-u", "--username", metavar="NAME", help="Accepted, without effect."),
    click.option("--password", metavar="WORD", help="Accepted, without effect."),
)


def spec_flags(function: Any) -> Any:
    """The flags that create-pipeline and update-pipeline share."""
    for flag in reversed(_SPEC_FLAGS):
        function = flag(function)
    return function


@verb(example="pachctl create-pipeline -f model.json")
@spec_flags
def create_pipeline(app: App, push_images: bool, **flags: Any) -> None:
    """Create pipelines from a specification.

    The source holds one document for each pipeline. Specifications of release 1.7 are understood:
    the input atom is pfs, for example.
    """
    for spec in _read(app, push_images, **flags):
        calls.create(app.server, spec)


@verb(example="pachctl update-pipeline -f model.json --reprocess")
@spec_flags
@click.option("--reprocess", is_flag=True, help="Run the new code over data that the old code has processed.")
def update_pipeline(app: App, push_images: bool, reprocess: bool, **flags: Any) -> None:
    """Change pipelines to a new specification.

    Datums that were processed keep their results, even if the code has changed, unless --reprocess is given.
    A pipeline that is not there is created.
    """
    for spec in _read(app, push_images, **flags):
        name = calls.name_in(spec)
        before = None if reprocess or not name else calls.find(app.server, refs.pipeline(name))
        calls.create(app.server, spec, update=True, reprocess=reprocess)
        if before is not None:
            calls.note_kept(app, before)


@verb("NAME", example="pachctl inspect-pipeline model")
@raw_flag
def inspect_pipeline(app: App, name: str, raw: bool) -> None:
    """Show one pipeline."""
    info = calls.inspect(app.server, refs.pipeline(name))
    if raw:
        json.show([info])
        return
    request = pps.ListJobRequest(pipeline=info.pipeline, history=-1)
    counts = Counter(job_view.state(job.state) for job in app.server.pps.ListJob(request))
    print(view.detail(info, counts, app.now()), end="")


@verb(example="pachctl list-pipeline")
@click.option("-s", "--spec", is_flag=True, help="Print specifications for create-pipeline.")
@raw_flag
def list_pipeline(app: App, spec: bool, raw: bool) -> None:
    """List all pipelines, newest first."""
    request = pps.ListPipelineRequest(details=True, projects=[refs.project()])
    infos = app.server.pps.ListPipeline(request)
    if spec:
        for info in infos:
            print(calls.spec_text(calls.user_spec(info)))
    elif raw:
        json.show(infos)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in infos))


@verb("NAME", example="pachctl extract-pipeline model > model.json")
def extract_pipeline(app: App, name: str) -> None:
    """Print the specification of a pipeline.

    It is what create-pipeline takes: the specification that was given, in today's form.
    """
    print(calls.spec_text(calls.user_spec(calls.inspect(app.server, refs.pipeline(name)))))


@verb("NAME", example="pachctl edit-pipeline model")
@click.option("--reprocess", is_flag=True, help="Run the new code over data that the old code has processed.")
@click.option("--editor", metavar="COMMAND", help="The editor; $EDITOR or vim unless given.")
def edit_pipeline(app: App, name: str, reprocess: bool, editor: str | None) -> None:
    """Change a pipeline in an editor."""
    from trunkline.pachctl.editing import edited

    before = calls.spec_text(calls.user_spec(calls.inspect(app.server, refs.pipeline(name))))
    after = edited(app, before, ".json", editor)
    if after.strip() == before.strip():
        print("Pipeline unchanged, no update will be performed.")
        return
    for spec in specs.documents(after, "the edited text"):
        calls.create(app.server, translate(spec), update=True, reprocess=reprocess)


@verb("NAME", example="pachctl start-pipeline model")
def start_pipeline(app: App, name: str) -> None:
    """Let a stopped pipeline run again.

    It runs over the data as they are now.
    """
    calls.start(app.server, refs.pipeline(name))


@verb("NAME", example="pachctl stop-pipeline model")
def stop_pipeline(app: App, name: str) -> None:
    """Stop a pipeline; new data gives it no jobs.

    Jobs that have not ended are killed.
    """
    calls.stop(app.server, refs.pipeline(name))


@verb("NAME", example="pachctl run-cron nightly")
def run_cron(app: App, name: str) -> None:
    """Let the clocks of a pipeline tick now.

    The pipeline must have a cron input. When it ticks by itself stays as it is.
    """
    calls.run_cron(app.server, refs.pipeline(name))


@verb("[NAME]", example="pachctl delete-pipeline model")
@click.option("--all", "every", is_flag=True, help="Delete all pipelines.")
@click.option("-f", "--force", is_flag=True, help="Delete even if others read its output.")
def delete_pipeline(app: App, name: str | None, every: bool, force: bool) -> None:
    """Delete a pipeline and its output.

    Its jobs and its output repo go with it.
    """
    if name is not None and every:
        raise InvalidRequest("cannot use the --all flag with an argument")
    if name is None and not every:
        raise InvalidRequest("either a pipeline name or the --all flag needs to be provided")
    try:
        if name is None:
            app.server.pps.DeletePipelines(pps.DeletePipelinesRequest(projects=[refs.project()], force=force))
        else:
            calls.delete(app.server, refs.pipeline(name), force=force)
    except Unreachable:
        raise
    except TrunklineError as error:
        raise type(error)(f"error from delete-pipeline: {error}") from None


def _read(
    app: App,
    push_images: bool,
    origin: str | None,
    template: str | None,
    arguments: tuple[str, ...],
    **registry: str | None,
) -> list[Json]:
    """The specifications of a source, in today's form; says which settings have no effect."""
    jsonnet.check(origin, template, arguments)
    calls.note_registry(app, push_images, registry)
    if (template or origin or STDIN) == STDIN:
        print("Reading from stdin.", flush=True)
    given = specs.read(origin or STDIN) if template is None else jsonnet.read(app.server, template, arguments)
    for spec in given:
        for field in dropped(spec):
            app.note(f"{calls.name_in(spec) or 'pipeline'}: {field} has no effect any more and is left out")
    return [translate(spec) for spec in given]
