"""squash and delete commit, of sets and of single commits."""

from __future__ import annotations

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import is_id
from trunkline.pachctl import batch, pickers
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import commits as calls
from trunkline.pachctl.flags import project_flag
from trunkline.pachctl.grammar import command
from trunkline.wire import pfs_pb2 as pfs

recursive_flag = click.option("-r", "--recursive", is_flag=True, help="With everything that came from it.")


@command("squash commit", "ID", example="pachctl squash commit 5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
def squash_commit(app: App, id: str) -> None:
    """Take a commit set out of the history; what it wrote stays visible.

    The commits after those of the set keep their content. A commit that no other follows is not squashed.
    """
    request = pfs.SquashCommitSetRequest(commit_set=_set(id))
    with batch.server(app) as server:
        server.pfs.SquashCommitSet(request)


@command("delete commit", "ID", example="pachctl delete commit 5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
def delete_commit(app: App, id: str) -> None:
    """Delete a commit set with its data.

    Branches go back to the commits before. A commit that others follow is not deleted.
    """
    app.server.pfs.DropCommitSet(pfs.DropCommitSetRequest(commit_set=_set(id)))


@command("squash commitV2", "COMMIT", example="pachctl squash commitV2 training_data@master^ -r")
@recursive_flag
@project_flag
def squash_commitV2(app: App, commit: str, recursive: bool) -> None:  # noqa: N802
    """Take one commit out of the history; what it wrote stays visible."""
    calls.squash(app.server, pickers.commit(app, commit), recursive=recursive)


@command("delete commitV2", "COMMIT", example="pachctl delete commitV2 training_data@master -r")
@recursive_flag
@project_flag
def delete_commitV2(app: App, commit: str, recursive: bool) -> None:  # noqa: N802
    """Delete one commit with its data."""
    calls.drop(app.server, pickers.commit(app, commit), recursive=recursive)


def _set(word: str) -> pfs.CommitSet:
    if not is_id(word):
        raise InvalidRequest(f'invalid commit set id "{word}": give an ID of pachctl list commit')
    return pfs.CommitSet(id=word)
