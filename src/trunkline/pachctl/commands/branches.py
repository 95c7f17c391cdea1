"""create-branch, set-branch, list-branch, delete-branch."""

from __future__ import annotations

import click

from trunkline.kernel.errors import NotFound
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import branches as calls
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import repos as view
from trunkline.wire import pfs_pb2 as pfs


@verb("REPO BRANCH", example="pachctl create-branch training_data staging --head master")
@click.option(
    "-p",
    "--provenance",
    multiple=True,
    metavar="REPO/BRANCH",
    help="A branch that this one is made from; may be given several times.",
)
@click.option("--head", metavar="COMMIT", help="Where it points: an id, a branch, or master^.")
def create_branch(app: App, repo: str, branch: str, provenance: tuple[str, ...], head: str | None) -> None:
    """Create a branch, or change where it points.

    On a branch that exists, the provenance is replaced by what is given here.
    """
    calls.create(
        app.server,
        refs.branch(repo, branch),
        head=None if head is None else refs.commit(repo, head),
        provenance=[refs.branch_path(word) for word in provenance],
    )


@verb("REPO COMMIT BRANCH", example="pachctl set-branch training_data master^ master")
def set_branch(app: App, repo: str, commit: str, branch: str) -> None:
    """Point a branch at a commit.

    COMMIT is an id, a branch, or either with an ancestry such as master^. The branch is made if it is not
    there; what it is made from stays as it is.
    """
    target = refs.branch(repo, branch)
    calls.create(app.server, target, head=refs.commit(repo, commit), provenance=_provenance(app, target))


@verb("REPO", example="pachctl list-branch training_data")
@raw_flag
def list_branch(app: App, repo: str, raw: bool) -> None:
    """List the branches of a repo."""
    infos = calls.listing(app.server, refs.repo(repo))
    if raw:
        json.show(infos)
    else:
        table.show(view.BRANCH_HEADER, map(view.branch_row, infos))


@verb("REPO BRANCH", example="pachctl delete-branch training_data staging")
@click.option("-f", "--force", is_flag=True, help="Delete even if other branches depend on it.")
def delete_branch(app: App, repo: str, branch: str, force: bool) -> None:
    """Delete a branch; its commits stay."""
    calls.delete(app.server, refs.branch(repo, branch), force=force)


def _provenance(app: App, branch: pfs.Branch) -> list[pfs.Branch]:
    """What a branch is made from now; CreateBranch would replace it."""
    try:
        return list(calls.inspect(app.server, branch).direct_provenance)
    except NotFound:
        return []
