"""create, inspect, list, delete branch."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import batch, pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import branches as calls
from trunkline.pachctl.flags import force_flag, output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import repos as view
from trunkline.wire import pfs_pb2 as pfs


@command("create branch", "REPO@BRANCH", example="pachctl create branch training_data@staging --head master")
@click.option(
    "-p",
    "--provenance",
    multiple=True,
    metavar="REPO@BRANCH",
    help="A branch that this one is made from; may be given several times, or as a,b,c.",
)
@click.option("--head", metavar="COMMIT", help="Where it points: an id, a branch, or master^.")
@click.option("-t", "--trigger", metavar="BRANCH", help="A branch of the repo that this one follows.")
@click.option("--trigger-cron", metavar="SPEC", help="Follow at these times.")
@click.option("--trigger-size", metavar="SIZE", help="Follow when so much was written, such as 100M.")
@click.option("--trigger-commits", type=click.INT, help="Follow after so many commits.")
@click.option("--trigger-all", is_flag=True, help="Follow when all of these hold, not any of them.")
@project_flag
def create_branch(
    app: App,
    repo_branch: str,
    provenance: tuple[str, ...],
    head: str | None,
    trigger: str | None,
    trigger_cron: str | None,
    trigger_size: str | None,
    trigger_commits: int | None,
    trigger_all: bool,
) -> None:
    """Create a branch, or change where it points.

    On a branch that exists, the provenance is replaced by what is given here.
    """
    conditions = (trigger_cron, trigger_size, trigger_commits)
    if trigger is None and (trigger_all or any(condition is not None for condition in conditions)):
        raise InvalidRequest(
            "trigger condition specified without a branch to trigger on, specify a branch with --trigger"
        )
    if trigger is not None and provenance:
        raise InvalidRequest("cannot use provenance and triggers on the same branch")
    branch = pickers.branch(app, repo_branch)
    owner = repo_branch.partition("@")[0]
    follows = None
    if trigger is not None:
        follows = pfs.Trigger(
            branch=trigger, all=trigger_all, cron_spec=trigger_cron, size=trigger_size, commits=trigger_commits
        )
    sources = [pickers.branch(app, word) for given in provenance for word in given.split(",")]
    target = None if head is None else pickers.commit(app, head if "@" in head else f"{owner}@{head}")
    with batch.server(app) as server:
        calls.create(server, branch, head=target, provenance=sources, trigger=follows)


@command("inspect branch", "REPO@BRANCH", example="pachctl inspect branch training_data@master")
@output_flags
@timestamps_flag
@project_flag
def inspect_branch(app: App, repo_branch: str) -> None:
    """Show one branch."""
    info = calls.inspect(app.server, pickers.branch(app, repo_branch))
    show.one(app, info, lambda info: view.branch_detail(app, info))


@command("list branch", "REPO", example="pachctl list branch training_data")
@output_flags
@project_flag
def list_branch(app: App, repo: str) -> None:
    """List the branches of a repo."""
    infos = calls.listing(app.server, pickers.repo(app, repo))
    show.listing(app, infos, view.BRANCH_HEADER, lambda info: view.branch_row(app, info))


@command("delete branch", "REPO@BRANCH", example="pachctl delete branch training_data@staging")
@force_flag
@project_flag
def delete_branch(app: App, repo_branch: str, force: bool) -> None:
    """Delete a branch; its commits stay."""
    branch = pickers.branch(app, repo_branch)
    with batch.server(app) as server:
        calls.delete(server, branch, force=force)
