"""The commands of pipelines: create, update, inspect, list, extract, start, stop, delete."""

from __future__ import annotations

import json as python_json
from collections import Counter
from contextlib import suppress
from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest, TrunklineError, Unreachable
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, specs, table
from trunkline.pachctl.app import App
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
        default=STDIN,
        metavar="SOURCE",
        help="A JSON file, a URL, or - for standard input (the default).",
    ),
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
def create_pipeline(app: App, origin: str, push_images: bool, **registry: str | None) -> None:
    """Create pipelines from a specification.

    The source holds one JSON document for each pipeline. Specifications of release 1.7 are understood:
    the input atom is pfs, for example.
    """
    _note_registry(app, push_images, registry)
    for spec in _read(app, origin):
        app.server.pps.CreatePipelineV2(_request(spec))


@verb(example="pachctl update-pipeline -f model.json --reprocess")
@spec_flags
@click.option("--reprocess", is_flag=True, help="Run the new code over data that the old code has processed.")
def update_pipeline(app: App, origin: str, push_images: bool, reprocess: bool, **registry: str | None) -> None:
    """Change pipelines to a new specification.

    Datums that were processed keep their results, even if the code has changed, unless --reprocess is given.
    A pipeline that is not there is created.
    """
    _note_registry(app, push_images, registry)
    for spec in _read(app, origin):
        name = _name(spec)
        before = None if reprocess or not name else _find(app, name)
        app.server.pps.CreatePipelineV2(_request(spec, update=True, reprocess=reprocess))
        if before is not None:
            _note_kept(app, before)


@verb("NAME", example="pachctl inspect-pipeline model")
@raw_flag
def inspect_pipeline(app: App, name: str, raw: bool) -> None:
    """Show one pipeline."""
    info = _inspect(app, name)
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
            print(_spec_text(info))
    elif raw:
        json.show(infos)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in infos))


@verb("NAME", example="pachctl extract-pipeline model > model.json")
def extract_pipeline(app: App, name: str) -> None:
    """Print the specification of a pipeline.

    It is what create-pipeline takes: the specification that was given, in today's form.
    """
    print(_spec_text(_inspect(app, name)))


@verb("NAME", example="pachctl start-pipeline model")
def start_pipeline(app: App, name: str) -> None:
    """Let a stopped pipeline run again.

    It runs over the data as they are now.
    """
    app.server.pps.StartPipeline(pps.StartPipelineRequest(pipeline=refs.pipeline(name)))


@verb("NAME", example="pachctl stop-pipeline model")
def stop_pipeline(app: App, name: str) -> None:
    """Stop a pipeline; new data gives it no jobs.

    Jobs that have not ended are killed.
    """
    app.server.pps.StopPipeline(pps.StopPipelineRequest(pipeline=refs.pipeline(name), must_exist=True))


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
            request = pps.DeletePipelineRequest(pipeline=refs.pipeline(name), force=force, must_exist=True)
            app.server.pps.DeletePipeline(request)
    except Unreachable:
        raise
    except TrunklineError as error:
        raise type(error)(f"error from delete-pipeline: {error}") from None


def _read(app: App, origin: str) -> list[Json]:
    """The specifications of a source, in today's form; says which settings have no effect."""
    if origin == STDIN:
        print("Reading from stdin.", flush=True)
    given = specs.read(origin)
    for spec in given:
        for field in dropped(spec):
            app.note(f"{_name(spec) or 'pipeline'}: {field} has no effect any more and is left out")
    return [translate(spec) for spec in given]


def _request(spec: Json, *, update: bool = False, reprocess: bool = False) -> pps.CreatePipelineV2Request:
    text = python_json.dumps(spec, ensure_ascii=False)
    return pps.CreatePipelineV2Request(create_pipeline_request_json=text, update=update, reprocess=reprocess)


def _name(spec: Json) -> str:
    """The name in a specification; empty if there is none, which the server will say."""
    pipeline = spec.get("pipeline")
    name = pipeline.get("name") if isinstance(pipeline, dict) else None
    return name if isinstance(name, str) else ""


def _inspect(app: App, name: str) -> pps.PipelineInfo:
    request = pps.InspectPipelineRequest(pipeline=refs.pipeline(name), details=True)
    info: pps.PipelineInfo = app.server.pps.InspectPipeline(request)
    return info


def _find(app: App, name: str) -> pps.PipelineInfo | None:
    with suppress(TrunklineError):
        return _inspect(app, name)
    return None


def _spec_text(info: pps.PipelineInfo) -> str:
    """The specification as it was given, without what belongs to a single request."""
    spec = python_json.loads(info.user_spec_json or info.effective_spec_json or "{}")
    kept = {key: value for key, value in spec.items() if key not in ("update", "reprocess", "dryRun", "dry_run")}
    return python_json.dumps(kept, indent=2, ensure_ascii=False)


def _note_registry(app: App, push_images: bool, registry: dict[str, str | None]) -> None:
    given = [f"--{name}" for name, value in registry.items() if value is not None]
    if push_images:
        given.insert(0, "--push-images")
    if given:
        app.note(
            f"{', '.join(given)}: nothing is pushed, images are names of environments on this machine; "
            "see pachctl create-environment"
        )


def _note_kept(app: App, before: pps.PipelineInfo) -> None:
    """Says how many datums keep results of the code before, if the code has changed."""
    after = _find(app, before.pipeline.name)
    if after is None or after.details.transform == before.details.transform:
        return
    request = pps.ListJobRequest(pipeline=before.pipeline, history=-1)
    with suppress(TrunklineError):
        last = next((job for job in app.server.pps.ListJob(request) if job.state == pps.JOB_SUCCESS), None)
        kept = last.data_processed + last.data_skipped if last is not None else 0
        if kept:
            keep = f"{kept} datum keeps" if kept == 1 else f"{kept} datums keep"
            app.note(
                f"{before.pipeline.name}: {keep} results of the code before; to redo them, update again with "
                "--reprocess"
            )
