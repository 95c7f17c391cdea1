"""create-repo, update-repo, inspect-repo, list-repo, delete-repo."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest, NotFound, TrunklineError, Unreachable
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import repos as calls
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import repos as view
from trunkline.pachctl.views.cells import nanos
from trunkline.wire import pfs_pb2 as pfs

description_flag = click.option("-d", "--description", default="", metavar="TEXT", help="What the repo is for.")


@verb("NAME", example="pachctl create-repo training_data -d 'patients, as exported'")
@description_flag
def create_repo(app: App, name: str, description: str) -> None:
    """Create a repo."""
    calls.create(app.server, calls.named(name, refs.project().name), description)


@verb("NAME", example="pachctl update-repo training_data -d 'patients, cleaned'")
@description_flag
def update_repo(app: App, name: str, description: str) -> None:
    """Change the description of a repo.

    The repo has to exist.
    """
    calls.update(app.server, refs.repo(name), description)


@verb("NAME", example="pachctl inspect-repo training_data")
@raw_flag
def inspect_repo(app: App, name: str, raw: bool) -> None:
    """Show one repo.

    The size is that of the head of the branch master.
    """
    info = calls.inspect(app.server, refs.repo(name))
    if raw:
        json.show([info])
    else:
        print(view.detail(info, app.now()), end="")


@verb(example="pachctl list-repo")
@raw_flag
def list_repo(app: App, raw: bool) -> None:
    """List all repos, newest first.

    Repos that belong to pipelines are listed, the system's own are not. The size is that of the head of the
    branch master.
    """
    request = pfs.ListRepoRequest(type="user", projects=[refs.project()])
    infos = sorted(app.server.pfs.ListRepo(request), key=lambda info: -nanos(info.created))
    if raw:
        json.show(infos)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in infos))


@verb("[NAME]", example="pachctl delete-repo training_data")
@click.option("-f", "--force", is_flag=True, help="Delete even if others depend on it.")
@click.option("--all", "every", is_flag=True, help="Delete all repos.")
def delete_repo(app: App, name: str | None, force: bool, every: bool) -> None:
    """Delete a repo and everything in it.

    A repo that others depend on is not deleted without --force; the output repo of a pipeline goes with the
    pipeline.
    """
    if name is not None and every:
        raise InvalidRequest("cannot use the --all flag with an argument")
    if name is None and not every:
        raise InvalidRequest("either a repo name or the --all flag needs to be provided")
    try:
        _delete(app, name, force)
    except Unreachable:
        raise
    except TrunklineError as error:
        raise type(error)(f"error from delete-repo: {error}") from None


def _delete(app: App, name: str | None, force: bool) -> None:
    if name is None:
        app.server.pfs.DeleteRepos(pfs.DeleteReposRequest(projects=[refs.project()], force=force))
        return
    if not calls.delete(app.server, refs.repo(name), force=force):
        raise NotFound(f"repo {name} not found")
