"""start-commit, finish-commit, inspect-commit, list-commit, delete-commit."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import provenance, refs, table
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import commits as view
from trunkline.wire import pfs_pb2 as pfs

message_flag = click.option(
    "-m", "--message", "--description", "message", default="", metavar="TEXT", help="What the commit is about."
)


@verb("REPO [BRANCH]", example="pachctl start-commit training_data master")
@click.option("-p", "--parent", metavar="COMMIT", help="Start from this commit instead of the branch's head.")
@message_flag
def start_commit(app: App, repo: str, branch: str | None, parent: str | None, message: str) -> None:
    """Start a commit on a branch and print its id.

    Files can be put into it until it is finished. The branch is made if it is not there.
    """
    if branch is None:
        raise InvalidRequest(f"every commit is on a branch here: pachctl start-commit {repo} master")
    before = None if parent is None else refs.commit(repo, parent)
    print(calls.start(app.server, refs.branch(repo, branch), before, message).id)


@verb("REPO COMMIT", example="pachctl finish-commit training_data master")
@message_flag
def finish_commit(app: App, repo: str, commit: str, message: str) -> None:
    """Finish a commit, after which it cannot change.

    COMMIT is an id or a branch. The pipelines that read the branch begin to work.
    """
    calls.finish(app.server, refs.commit(repo, commit), message)


@verb("REPO COMMIT", example="pachctl inspect-commit model master")
@raw_flag
def inspect_commit(app: App, repo: str, commit: str, raw: bool) -> None:
    """Show one commit and everything it came from.

    COMMIT is an id, a branch, or either with an ancestry such as master^. Provenance names every commit that
    this one came from, the specifications of pipelines included.
    """
    info = provenance.inspect(app.server, refs.commit(repo, commit))
    if raw:
        json.show([info])
    else:
        print(view.detail(info, provenance.upstream(app.server, info), app.now()), end="")


@verb("REPO [COMMIT]", example="pachctl list-commit training_data master -n 10")
@click.option("-f", "--from", "since", metavar="COMMIT", help="Only commits after this one.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most so many; 0 for all.")
@raw_flag
def list_commit(app: App, repo: str, commit: str | None, since: str | None, number: int, raw: bool) -> None:
    """List the commits of a repo, newest first.

    With COMMIT (a branch or an id) only that commit and those before it.
    """
    infos = calls.listing(
        app.server,
        refs.repo(repo),
        to=None if commit is None else refs.commit(repo, commit),
        since=None if since is None else refs.commit(repo, since),
        number=number,
    )
    if raw:
        json.show(infos)
    else:
        table.show(view.HEADER, (view.row(info, app.now()) for info in infos))


@verb("REPO COMMIT", example="pachctl delete-commit training_data master")
def delete_commit(app: App, repo: str, commit: str) -> None:
    """Delete a commit and everything it caused.

    The last commit of a branch is dropped with its data, and the branch goes back to the one before. An
    earlier commit is taken out of the history; what it wrote stays visible in the commits after it.
    """
    info = provenance.inspect(app.server, refs.commit(repo, commit))
    target = pfs.Commit(repo=refs.repo(repo), id=info.commit.id)
    if info.child_commits:
        calls.squash(app.server, target, recursive=True)
    else:
        calls.drop(app.server, target, recursive=True)
