"""create, update, inspect, list, delete project."""

from __future__ import annotations

import sys

import click

from trunkline.kernel.errors import Refused
from trunkline.pachctl import show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import output_flags
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import repos as view
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

description_flag = click.option("-d", "--description", default="", metavar="TEXT", help="What the project is for.")


@command("create project", "NAME", example="pachctl create project images -d 'everything from the cameras'")
@description_flag
def create_project(app: App, name: str, description: str) -> None:
    """Create a project."""
    _create(app, name, description, update=False)


@command("update project", "NAME", example="pachctl update project images -d 'the cameras of hall 2'")
@description_flag
def update_project(app: App, name: str, description: str) -> None:
    """Change the description of a project."""
    _create(app, name, description, update=True)


@command("inspect project", "NAME", example="pachctl inspect project images")
@output_flags
def inspect_project(app: App, name: str) -> None:
    """Show one project."""
    request = pfs.InspectProjectV2Request(project=pfs.Project(name=name))
    found = app.server.pfs.InspectProjectV2(request)
    show.one(app, found.info, lambda info: view.project_detail(app, info, found.defaults_json))


@command("list project", example="pachctl list project")
@output_flags
def list_project(app: App) -> None:
    """List all projects.

    The current one is marked; `pachctl config update context --project NAME` makes another one current.
    """
    infos = app.server.pfs.ListProject(pfs.ListProjectRequest())
    show.listing(app, infos, view.PROJECT_HEADER, lambda info: view.project_row(app, info))


@command("delete project", "NAME", example="pachctl delete project images")
@click.option("-f", "--force", is_flag=True, help="Delete even if others depend on what is in it.")
def delete_project(app: App, name: str, force: bool) -> None:
    """Delete a project, and what is in it.

    Asks before it deletes pipelines and repos.
    """
    project = pfs.Project(name=name)
    app.server.pfs.InspectProject(pfs.InspectProjectRequest(project=project))
    _delete_pipelines(app, project, force)
    _delete_repos(app, project, force)
    app.server.pfs.DeleteProject(pfs.DeleteProjectRequest(project=project, force=force))
    if name == app.project:
        print(
            f"warning: {name} is the current project; pachctl config update context --project NAME sets another one",
            file=sys.stderr,
        )


def _create(app: App, name: str, description: str, *, update: bool) -> None:
    request = pfs.CreateProjectRequest(project=pfs.Project(name=name), description=description, update=update)
    app.server.pfs.CreateProject(request)


def _delete_pipelines(app: App, project: pfs.Project, force: bool) -> None:
    infos = list(app.server.pps.ListPipeline(pps.ListPipelineRequest(projects=[project])))
    for info in infos:
        print(f"This will delete pipeline {info.pipeline.name}")
    if not infos:
        return
    if not show.confirmed():
        raise Refused(f"cannot delete project with {len(infos)} pipelines")
    app.server.pps.DeletePipelines(pps.DeletePipelinesRequest(projects=[project], force=force))


def _delete_repos(app: App, project: pfs.Project, force: bool) -> None:
    infos = list(app.server.pfs.ListRepo(pfs.ListRepoRequest(type="user", projects=[project])))
    for info in infos:
        print(f"This will delete repo {info.repo.name}")
    if not infos:
        return
    if not show.confirmed():
        raise Refused(f"cannot delete project with {len(infos)} repos")
    app.server.pfs.DeleteRepos(pfs.DeleteReposRequest(projects=[project], force=force))
