"""Metadata: texts by key that users hang on projects, repos, branches, commits and the cluster.

Invariant: what it says means nothing here; no commit, branch or job comes of a change of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from trunkline.catalog import Tx
from trunkline.catalog.database import need
from trunkline.kernel.errors import FailedPrecondition
from trunkline.pfs import projects, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef

Metadata = dict[str, str]


class Replace(msgspec.Struct, frozen=True):
    """Everything anew."""

    values: Mapping[str, str]


class Add(msgspec.Struct, frozen=True):
    """A key that must not be there."""

    key: str
    value: str


class Set(msgspec.Struct, frozen=True):
    """A key, there or not."""

    key: str
    value: str


class Remove(msgspec.Struct, frozen=True):
    """A key, gone if it was there."""

    key: str


Edit = Replace | Add | Set | Remove


def decode(text: str) -> Metadata:
    """The metadata in a column."""
    return {} if text == "{}" else msgspec.json.decode(text, type=Metadata)


def edited(values: Metadata, edit: Edit) -> Metadata:
    """What an edit makes of metadata.

    Raises:
        FailedPrecondition: the key to be added is there.
    """
    match edit:
        case Replace(given):
            return dict(given)
        case Add(key, value):
            if key in values:
                raise FailedPrecondition(f'add_key target key "{key}" already exists; use edit_key instead')
            return {**values, key: value}
        case Set(key, value):
            return {**values, key: value}
        case Remove(key):
            return {name: value for name, value in values.items() if name != key}


def edit_row(change: Change, table: str, key: int, edit: Edit) -> None:
    """Edits the column `metadata` of one row; `table` is one of the catalog's, by name."""
    row = need(change.tx.row(f"SELECT metadata FROM {table} WHERE id = ?", (key,)))
    values = edited(decode(row["metadata"]), edit)
    change.tx.run(f"UPDATE {table} SET metadata = ? WHERE id = ?", (_encode(values), key))


def edit_project(change: Change, name: str, edit: Edit) -> None:
    """Edits a project's; NotFound if there is none."""
    edit_row(change, "projects", projects.need(change.tx, name).key, edit)


def edit_repo(change: Change, ref: RepoRef, edit: Edit) -> None:
    """Edits a repo's; NotFound if there is none."""
    edit_row(change, "repos", resolve.repo(change.tx, ref).key, edit)


def edit_branch(change: Change, ref: BranchRef, edit: Edit) -> None:
    """Edits a branch's; NotFound if there is none."""
    edit_row(change, "branches", resolve.branch(change.tx, ref).key, edit)


def edit_commit(change: Change, ref: CommitRef, edit: Edit) -> None:
    """Edits a commit's, finished or not; NotFound if there is none."""
    edit_row(change, "commits", resolve.commit(change.tx, ref).key, edit)


def of_cluster(tx: Tx) -> Metadata:
    """The metadata of the installation itself."""
    row = tx.row("SELECT value FROM settings WHERE name = 'metadata'")
    return {} if row is None else decode(row["value"])


def edit_cluster(change: Change, edit: Edit) -> None:
    """Edits the installation's own."""
    values = edited(of_cluster(change.tx), edit)
    change.tx.run("DELETE FROM settings WHERE name = 'metadata'")
    change.tx.run("INSERT INTO settings (name, value) VALUES ('metadata', ?)", (_encode(values),))


def _encode(values: Metadata) -> str:
    return msgspec.json.encode(values).decode()
