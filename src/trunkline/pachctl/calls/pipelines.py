"""What the commands of pipelines do, whichever way they are spelled."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from trunkline.kernel.errors import TrunklineError
from trunkline.pachctl.app import App
from trunkline.pachctl.connect import Server
from trunkline.wire import pps_pb2 as pps

Json = dict[str, Any]

_OF_A_REQUEST = ("update", "reprocess", "dryRun", "dry_run")
"""Fields of a specification that say what to do with it."""


def create(server: Server, spec: Json, *, update: bool = False, reprocess: bool = False, dry_run: bool = False) -> str:
    """Makes a pipeline, or a new version of one; returns the specification with all defaults, as JSON."""
    request = pps.CreatePipelineV2Request(
        create_pipeline_request_json=json.dumps(spec, ensure_ascii=False),
        update=update,
        reprocess=reprocess,
        dry_run=dry_run,
    )
    made: str = server.pps.CreatePipelineV2(request).effective_create_pipeline_request_json
    return made


def name_in(spec: Json) -> str:
    """The name in a specification; empty if there is none, which the server will say."""
    pipeline = spec.get("pipeline")
    name = pipeline.get("name") if isinstance(pipeline, dict) else None
    return name if isinstance(name, str) else ""


def project_in(spec: Json) -> str:
    """The project in a specification; empty if there is none."""
    pipeline = spec.get("pipeline")
    project = pipeline.get("project") if isinstance(pipeline, dict) else None
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else ""


def inspect(server: Server, pipeline: pps.Pipeline) -> pps.PipelineInfo:
    """One pipeline, with details."""
    info: pps.PipelineInfo = server.pps.InspectPipeline(pps.InspectPipelineRequest(pipeline=pipeline, details=True))
    return info


def find(server: Server, pipeline: pps.Pipeline) -> pps.PipelineInfo | None:
    """One pipeline, if it is there."""
    with suppress(TrunklineError):
        return inspect(server, pipeline)
    return None


def user_spec(info: pps.PipelineInfo) -> Json:
    """The specification as it was given, without what belongs to a single request."""
    spec = json.loads(info.user_spec_json or info.effective_spec_json or "{}")
    return {key: value for key, value in spec.items() if key not in _OF_A_REQUEST}


def spec_text(spec: Json) -> str:
    """A specification as people read it."""
    return json.dumps(spec, indent=2, ensure_ascii=False)


def start(server: Server, pipeline: pps.Pipeline) -> None:
    """Lets a stopped pipeline run again."""
    server.pps.StartPipeline(pps.StartPipelineRequest(pipeline=pipeline))


def stop(server: Server, pipeline: pps.Pipeline) -> None:
    """Stops a pipeline.

    Raises:
        NotFound: there is none.
    """
    server.pps.StopPipeline(pps.StopPipelineRequest(pipeline=pipeline, must_exist=True))


def run_cron(server: Server, pipeline: pps.Pipeline) -> None:
    """Lets the clocks of a pipeline tick.

    Raises:
        NotFound, TrunklineError: there is none; it has no clock.
    """
    server.pps.RunCron(pps.RunCronRequest(pipeline=pipeline))


def delete(server: Server, pipeline: pps.Pipeline, *, force: bool, keep_repo: bool = False) -> None:
    """Deletes a pipeline.

    Raises:
        NotFound: there is none.
    """
    request = pps.DeletePipelineRequest(pipeline=pipeline, force=force, keep_repo=keep_repo, must_exist=True)
    server.pps.DeletePipeline(request)


def note_registry(app: App, push_images: bool, registry: dict[str, str | None]) -> None:
    """Says that nothing is pushed, if somebody asked for it."""
    given = [f"--{name}" for name, value in registry.items() if value is not None]
    if push_images:
        given.insert(0, "--push-images")
    if given:
        app.note(
            f"{', '.join(given)}: nothing is pushed, images are names of environments on this machine; "
            "see pachctl create-environment"
        )


def note_kept(app: App, before: pps.PipelineInfo) -> None:
    """Says how many datums keep results of the code before, if the code has changed."""
    after = find(app.server, before.pipeline)
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
