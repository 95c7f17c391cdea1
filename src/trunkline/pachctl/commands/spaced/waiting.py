"""wait commit, subscribe commit."""

from __future__ import annotations

from collections.abc import Iterable

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import pickers, provenance, show, table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.commands.spaced.listing import all_flag, origin_flag, origin_kind
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import commits as view
from trunkline.wire import pfs_pb2 as pfs


@command("wait commit", "ID|COMMIT", example="pachctl wait commit training_data@master")
@output_flags
@timestamps_flag
@project_flag
def wait_commit(app: App, id_commit: str) -> None:
    """Wait until a commit, or everything that one change caused, is finished.

    COMMIT is REPO@BRANCH or REPO@ID; an ID alone waits for every commit of the set, and lists them.
    """
    if is_id(id_commit):
        infos: Iterable[pfs.CommitInfo] = provenance.commit_set(app.server, id_commit, wait=True)
    else:
        infos = [provenance.inspect(app.server, pickers.commit(app, id_commit), pfs.FINISHED)]
    show.listing(app, infos, view.HEADER, lambda info: view.row(app, info))


@command("subscribe commit", "REPO[@BRANCH]", example="pachctl subscribe commit model@master --new")
@click.option("--from", "since", metavar="COMMIT", help="Only commits after this one: an id or a branch.")
@click.option("--new", is_flag=True, help="Only commits that are made from now on.")
@all_flag
@origin_flag
@output_flags
@timestamps_flag
@project_flag
def subscribe_commit(app: App, repo_branch: str, since: str | None, new: bool, every: bool, origin: str | None) -> None:
    """Print the commits of a repo as they finish, until stopped.

    Those that are there come first, oldest first.
    """
    if new and since is not None:
        raise InvalidRequest("--new and --from cannot be used together")
    name, at, branch_name = repo_branch.partition("@")
    if at:
        branch_name = pickers.branch(app, repo_branch).name
    repo = pickers.repo(app, name)
    first = None if since is None else pickers.commit(app, f"{name}@{since}")
    last = calls.last_seen(app.server, repo, branch_name, first, new=new)
    infos = calls.subscribed(app.server, repo, branch_name, last, origin_kind(origin))
    if app.flags.raw:
        show.raw(app, infos)
    else:
        table.show_live(view.HEADER, (view.row(app, info) for info in infos), view.LEAST_WIDTHS)
