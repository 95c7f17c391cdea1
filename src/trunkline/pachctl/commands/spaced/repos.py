"""create, update, inspect, list, delete repo."""

from __future__ import annotations

import sys

import click

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl import batch, pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import repos as calls
from trunkline.pachctl.flags import all_projects_flag, force_flag, output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import repos as view
from trunkline.wire import pfs_pb2 as pfs

description_flag = click.option("-d", "--description", default="", metavar="TEXT", help="What the repo is for.")


@command("create repo", "NAME", example="pachctl create repo training_data -d 'patients, as exported'")
@description_flag
@project_flag
def create_repo(app: App, name: str, description: str) -> None:
    """Create a repo."""
    with batch.server(app) as server:
        calls.create(server, calls.named(name, app.project), description)


@command("update repo", "NAME", example="pachctl update repo training_data -d 'patients, cleaned'")
@description_flag
@project_flag
def update_repo(app: App, name: str, description: str) -> None:
    """Change the description of a repo.

    The repo has to exist.
    """
    with batch.server(app) as server:
        calls.update(server, pickers.repo(app, name), description)


@command("inspect repo", "NAME", example="pachctl inspect repo training_data")
@output_flags
@timestamps_flag
@project_flag
def inspect_repo(app: App, name: str) -> None:
    """Show one repo.

    The size is that of the head of the branch master.
    """
    show.one(app, calls.inspect(app.server, pickers.repo(app, name)), lambda info: view.repo_detail(app, info))


@command("list repo", example="pachctl list repo")
@click.option("--all", "every_type", is_flag=True, help="Repos of every type, those of the system too.")
@click.option("--type", "kind", default="user", metavar="TYPE", help="Repos of this type; user unless given.")
@all_projects_flag
@output_flags
@timestamps_flag
@project_flag
def list_repo(app: App, every_type: bool, kind: str, all_projects: bool) -> None:
    """List the repos of a project.

    The size is a bound of that of the head of the branch master.
    """
    request = pfs.ListRepoRequest(type="" if every_type else kind, projects=pickers.projects(app, all_projects))
    infos = app.server.pfs.ListRepo(request)
    show.listing(app, infos, view.REPO_HEADER, lambda info: view.repo_row(app, info))


@command("delete repo", "[NAME]", example="pachctl delete repo training_data")
@force_flag
@click.option("--all", "every", is_flag=True, help="Delete all repos of the project.")
@all_projects_flag
@project_flag
def delete_repo(app: App, name: str | None, force: bool, every: bool, all_projects: bool) -> None:
    """Delete a repo and everything in it.

    A repo that others depend on is not deleted without --force; the output repo of a pipeline goes with the
    pipeline.
    """
    if name is not None and every:
        raise InvalidRequest("cannot use the --all flag with an argument")
    if name is None and not every:
        raise InvalidRequest("either a repo name or the --all flag needs to be provided")
    if name is None:
        request = pfs.DeleteReposRequest(projects=pickers.projects(app, all_projects), force=force, all=all_projects)
        app.server.pfs.DeleteRepos(request)
        return
    with batch.server(app) as server:
        deleted = calls.delete(server, pickers.repo(app, name), force=force)
    if not deleted:
        raise NotFound("No repo deleted.")
    print("Repo deleted.", file=sys.stderr)
