"""create, update, inspect, delete defaults: what holds where the specification of a pipeline says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import specs
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import command
from trunkline.pachctl.sources import STDIN
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

_WHOSE = (
    click.option("--cluster", is_flag=True, help="Those of the whole cluster."),
    click.option("--project", metavar="NAME", help="Those of a project."),
)
_FILE = click.option(
    "-f",
    "--file",
    "origin",
    default=STDIN,
    metavar="SOURCE",
    help="A file in YAML or JSON, a URL, or - (standard input, the default).",
)
_EFFECTS = (
    click.option(
        "--regenerate", is_flag=True, help="Give a new version to each pipeline that they make different; list them."
    ),
    click.option("--reprocess", is_flag=True, help="With --regenerate: those pipelines do all their work again."),
    click.option("--dry-run", is_flag=True, help="Change nothing; say which pipelines would be affected."),
)


F = TypeVar("F", bound=Callable[..., Any])


def _flags(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@command("create defaults", example="pachctl create defaults --cluster -f defaults.json")
@_flags(*_WHOSE, _FILE, *_EFFECTS)
def create_defaults(app: App, origin: str, **flags: Any) -> None:
    """Set the defaults of a cluster or a project.

    The source is like {"createPipelineRequest": {"datumTries": "5"}}: a part of a pipeline's specification. A
    specification lies over the defaults of its project, those over the cluster's, and those over the built-in ones.
    """
    _set(app, _read(origin), **flags)


@command("update defaults", example="pachctl update defaults --project images -f defaults.json --regenerate")
@_flags(*_WHOSE, _FILE, *_EFFECTS)
def update_defaults(app: App, origin: str, **flags: Any) -> None:
    """Replace the defaults of a cluster or a project.

    Pipelines that are there keep what they have, unless --regenerate is given.
    """
    _set(app, _read(origin), **flags)


@command("delete defaults", example="pachctl delete defaults --cluster")
@_flags(*_WHOSE, *_EFFECTS)
def delete_defaults(app: App, **flags: Any) -> None:
    """Take away the defaults of a cluster or a project; built-in ones remain."""
    _set(app, "{}", **flags)


@command("inspect defaults", example="pachctl inspect defaults --cluster")
@_flags(*_WHOSE, click.option("--raw", is_flag=True, help="Print the text as it was set."))
def inspect_defaults(app: App, cluster: bool, project: str | None, raw: bool) -> None:
    """Print the defaults of a cluster or a project."""
    name = _whose(cluster, project)
    if name is None:
        text = app.server.pps.GetClusterDefaults(pps.GetClusterDefaultsRequest()).cluster_defaults_json
    else:
        request = pps.GetProjectDefaultsRequest(project=pfs.Project(name=name))
        text = app.server.pps.GetProjectDefaults(request).project_defaults_json
    print(text if raw else json.dumps(json.loads(text), indent=2, ensure_ascii=False))


def _whose(cluster: bool, project: str | None) -> str | None:
    """The project; None for the cluster."""
    if cluster == bool(project):
        raise InvalidRequest("must pass either --cluster or --project PROJECT")
    return project


def _read(origin: str) -> str:
    try:
        found = specs.read(origin)
    except InvalidRequest as error:
        raise InvalidRequest(str(error).replace("malformed pipeline spec", "malformed defaults", 1)) from None
    if len(found) != 1:
        raise InvalidRequest(f"malformed defaults: {origin} has {len(found)} documents, and there is one set of them")
    return json.dumps(found[0], indent=2, ensure_ascii=False)


def _set(
    app: App, text: str, *, cluster: bool, project: str | None, regenerate: bool, reprocess: bool, dry_run: bool
) -> None:
    name = _whose(cluster, project)
    how = {"regenerate": regenerate, "reprocess": reprocess, "dry_run": dry_run}
    if name is None:
        answer = app.server.pps.SetClusterDefaults(pps.SetClusterDefaultsRequest(cluster_defaults_json=text, **how))
    else:
        whose = pfs.Project(name=name)
        request = pps.SetProjectDefaultsRequest(project=whose, project_defaults_json=text, **how)
        answer = app.server.pps.SetProjectDefaults(request)
    if not answer.affected_pipelines:
        print("no affected pipelines")
        return
    print("affected pipelines:")
    for pipeline in answer.affected_pipelines:
        print(f"\t{pipeline.project.name}/{pipeline.name}")
