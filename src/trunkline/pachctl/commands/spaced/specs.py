"""create, update, edit and validate pipeline: what has to do with specifications."""

from __future__ import annotations

import sys
from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest, TrunklineError, Unreachable
from trunkline.pachctl import batch, jsonnet, pickers, show, specs
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import pipelines as calls
from trunkline.pachctl.flags import output_flags, project_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.sources import STDIN
from trunkline.wire import pps_pb2 as pps

Json = dict[str, Any]

file_flag = click.option(
    "-f",
    "--file",
    "origin",
    metavar="SOURCE",
    help="A file in YAML or JSON, a URL, or - (standard input, the default).",
)
reprocess_flag = click.option(
    "--reprocess", is_flag=True, help="Run the new code over data that the old code has processed."
)
_SPEC_FLAGS = (
    file_flag,
    jsonnet.template_flag,
    jsonnet.argument_flag,
    click.option("-p", "--push-images", is_flag=True, help="Accepted; there is no registry to push to."),
    click.option("-r", "--registry", metavar="HOST", help="Accepted, without effect."),
    click.option("-u", "--username", metavar="NAME", help="Accepted, without effect."),
    click.option("--dry-run", is_flag=True, help="Print the specification with all defaults; change nothing."),
    output_flags,
    project_flag,
)


def spec_flags(function: Any) -> Any:
    """The flags that create and update pipeline share."""
    for flag in reversed(_SPEC_FLAGS):
        function = flag(function)
    return function


@command("create pipeline", example="pachctl create pipeline -f model.yaml")
@spec_flags
def create_pipeline(app: App, dry_run: bool, **flags: Any) -> None:
    """Create pipelines from a specification.

    The source holds one document for each pipeline, in YAML or JSON. A Jsonnet template comes to a specification or
    a list of them, or to a function of its arguments that does.
    """
    for spec in _given(app, **flags):
        _apply(app, spec, dry_run=dry_run)


@command("update pipeline", example="pachctl update pipeline -f model.yaml --reprocess")
@spec_flags
@reprocess_flag
def update_pipeline(app: App, dry_run: bool, reprocess: bool, **flags: Any) -> None:
    """Change pipelines to a new specification.

    Datums that were processed keep their results, even if the code has changed, unless --reprocess is given.
    A pipeline that is not there is created.
    """
    for spec in _given(app, **flags):
        pipeline = pps.Pipeline(name=calls.name_in(spec), project={"name": calls.project_in(spec)})
        before = None if reprocess or dry_run or app.context.transaction else calls.find(app.server, pipeline)
        _apply(app, spec, dry_run=dry_run, update=True, reprocess=reprocess)
        if before is not None:
            calls.note_kept(app, before)


@command("edit pipeline", "NAME", example="pachctl edit pipeline model")
@reprocess_flag
@click.option("--editor", metavar="COMMAND", help="The editor; $EDITOR or vim unless given.")
@click.option("-o", "--output", "form", type=click.Choice(["json", "yaml"]), default="json", help="What is edited.")
@project_flag
def edit_pipeline(app: App, name: str, reprocess: bool, editor: str | None, form: str) -> None:
    """Change a pipeline in an editor.

    Its name and project cannot be changed.
    """
    from trunkline.pachctl.editing import edited

    info = calls.inspect(app.server, pickers.pipeline(app, name))
    spec = calls.user_spec(info)
    before = show.yaml_text(spec) if form == "yaml" else calls.spec_text(spec)
    after = edited(app, before, f".{form}", editor)
    if after.strip() == before.strip():
        print("Pipeline unchanged, no update will be performed.")
        return
    changed = specs.documents(after, f"the edited text.{form}")
    if len(changed) != 1:
        raise InvalidRequest("malformed pipeline spec: one pipeline is edited, so one specification is expected")
    wanted = _in_project(app, changed[0])
    if (calls.project_in(wanted), calls.name_in(wanted)) != (info.pipeline.project.name or "default", name):
        raise InvalidRequest(f"the name and the project of pipeline {name} cannot be changed by editing it")
    _apply(app, wanted, update=True, reprocess=reprocess)


@command("validate pipeline", example="pachctl validate pipeline -f model.yaml")
@file_flag
def validate_pipeline(app: App, origin: str | None) -> None:
    """Read a specification and say whether it is well formed.

    Fields and their kinds are checked; what a pipeline may be is the server's to say: create pipeline --dry-run.
    """
    from google.protobuf.json_format import ParseDict, ParseError

    for spec in specs.read(origin or STDIN):
        try:
            ParseDict(spec, pps.CreatePipelineRequest())
        except ParseError as error:
            raise InvalidRequest(f"malformed pipeline spec: {calls.name_in(spec) or 'pipeline'}: {error}") from None


def _given(
    app: App,
    origin: str | None,
    template: str | None,
    arguments: tuple[str, ...],
    push_images: bool,
    registry: str | None,
    username: str | None,
) -> list[Json]:
    """The specifications of the command line, each in its project."""
    jsonnet.check(origin, template, arguments)
    calls.note_registry(app, push_images, {"registry": registry, "username": username})
    given = specs.read(origin or STDIN) if template is None else jsonnet.read(app.server, template, arguments)
    found = [_in_project(app, spec) for spec in given]
    for spec in found:
        _warn_of_image(spec)
    return found


def _in_project(app: App, spec: Json) -> Json:
    """The specification with a project: its own, else the current one."""
    pipeline = spec.get("pipeline")
    if not isinstance(pipeline, dict) or pipeline.get("project"):
        return spec
    return {**spec, "pipeline": {**pipeline, "project": {"name": app.project}}}


def _apply(app: App, spec: Json, *, dry_run: bool = False, update: bool = False, reprocess: bool = False) -> None:
    verb = "update" if update else "create"
    try:
        if dry_run:
            text = calls.create(app.server, spec, update=update, reprocess=reprocess, dry_run=True)
            _show_effective(app, text)
            return
        with batch.server(app) as server:
            calls.create(server, spec, update=update, reprocess=reprocess)
    except Unreachable:
        raise
    except TrunklineError as error:
        raise type(error)(f"could not {verb} pipeline: {error}") from None


def _show_effective(app: App, text: str) -> None:
    import json

    sys.stdout.write(show.document(app, json.loads(text)))


def _warn_of_image(spec: Json) -> None:
    transform = spec.get("transform")
    image = transform.get("image") if isinstance(transform, dict) else None
    if not isinstance(image, str) or not image:
        return
    tag = image.rpartition("/")[2].partition("@")[2] or image.rpartition("/")[2].partition(":")[2]
    if not tag or tag == "latest":
        print(
            f"WARNING: {calls.name_in(spec)}: image {image} {'has no tag' if not tag else 'is whatever is latest'}; "
            "a tag that stays the same makes results repeatable",
            file=sys.stderr,
        )
