"""start, finish and inspect commit."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import batch, pickers, provenance, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import commits as view

message_flag = click.option(
    "-m", "--message", "--description", "message", default="", metavar="TEXT", help="What the commit is about."
)


@command("start commit", "REPO@BRANCH", example="pachctl start commit training_data@master")
@click.option("-p", "--parent", metavar="COMMIT", help="Start from this commit instead of the branch's head.")
@message_flag
@project_flag
def start_commit(app: App, repo_branch: str, parent: str | None, message: str) -> None:
    """Start a commit on a branch and print its id.

    Files can be put into it until it is finished. The branch is made if it is not there. The parent is an id or
    a branch of the same repo.
    """
    branch = pickers.branch(app, repo_branch)
    before = None if parent is None else pickers.commit(app, f"{repo_branch.partition('@')[0]}@{parent}")
    with batch.server(app) as server:
        print(calls.start(server, branch, before, message).id)


@command("finish commit", "COMMIT", example="pachctl finish commit training_data@master")
@message_flag
@click.option("-f", "--force", is_flag=True, help="Finish the output of a pipeline too.")
@project_flag
def finish_commit(app: App, commit: str, message: str, force: bool) -> None:
    """Finish a commit, after which it cannot change.

    The pipelines that read the branch begin to work.
    """
    target = pickers.commit(app, commit)
    with batch.server(app) as server:
        calls.finish(server, target, message, force=force)


@command("inspect commit", "COMMIT", example="pachctl inspect commit model@master^")
@output_flags
@timestamps_flag
@project_flag
def inspect_commit(app: App, commit: str) -> None:
    """Show one commit.

    COMMIT is REPO@BRANCH or REPO@ID, with an ancestry such as ^ or ^2 if need be.
    """
    if is_id(commit):
        raise InvalidRequest(f'Use "list commit {commit}" to see commits with a given ID across different repos')
    info = provenance.inspect(app.server, pickers.commit(app, commit))
    show.one(app, info, lambda info: view.detail(app, info))
