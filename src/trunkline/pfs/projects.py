"""Projects: the namespaces of repos and pipelines. `default` is made with the catalog."""

from __future__ import annotations

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import AlreadyExists, FailedPrecondition, NotFound, Refused
from trunkline.kernel.names import DEFAULT_PROJECT, check_project_name
from trunkline.pfs import repos, rows
from trunkline.pfs.change import Change


class Project(msgspec.Struct, frozen=True):
    """A project."""

    key: int
    name: str
    description: str
    created: Nanos
    metadata: str = "{}"


def find(tx: Tx, name: str) -> Project | None:
    """The project of this name, or None."""
    row = tx.row("SELECT * FROM projects WHERE name = ?", (name,))
    return None if row is None else _of(row)


def _of(row: Row) -> Project:
    return Project(row["id"], row["name"], row["description"], row["created"], row["metadata"])


def need(tx: Tx, name: str) -> Project:
    """The project of this name.

    Raises:
        NotFound: there is none.
    """
    found = find(tx, name)
    if found is None:
        raise NotFound(f'project "{name}" not found')
    return found


def all_projects(tx: Tx) -> list[Project]:
    """Every project, oldest first."""
    return [_of(row) for row in tx.rows("SELECT * FROM projects ORDER BY id")]


def create(change: Change, name: str, *, description: str = "", update: bool = False) -> None:
    """Makes a project, or replaces the description of one.

    Raises:
        Refused, AlreadyExists, NotFound: a bad name; it exists; there is none to update.
    """
    check_project_name(name)
    if update:
        project = need(change.tx, name)
        change.tx.run("UPDATE projects SET description = ? WHERE id = ?", (description, project.key))
        return
    if find(change.tx, name) is not None:
        raise AlreadyExists(f"project {name} already exists")
    change.tx.insert(
        "INSERT INTO projects (name, description, created) VALUES (?, ?, ?)", (name, description, change.now)
    )


def ensure_default(change: Change) -> None:
    """Makes the project `default` if it is missing."""
    if find(change.tx, DEFAULT_PROJECT) is None:
        create(change, DEFAULT_PROJECT)


def delete(change: Change, name: str, *, force: bool = False) -> None:
    """Removes a project; with `force`, its repos too.

    Raises:
        NotFound, FailedPrecondition, Refused: there is none; it has repos; they cannot be deleted.
    """
    try:
        check_project_name(name)
    except Refused as error:
        raise Refused(f"invalid project name: {error}") from None
    project = need(change.tx, name)
    inside = [
        rows.repo_of(row)
        for row in change.tx.rows(rows.REPO_QUERY + "WHERE repos.project = ? ORDER BY repos.id", (project.key,))
    ]
    if inside and not force:
        raise FailedPrecondition(
            "\n".join(f"cannot delete project {name}: repo {repo.ref} still exists" for repo in inside)
        )
    for repo in inside:
        repos.delete(change, repo.ref, force=True)
    change.tx.run("DELETE FROM projects WHERE id = ?", (project.key,))


def delete_all(change: Change) -> None:
    """Removes every project with its repos; `default` is made again, with nothing in it.

    Raises:
        Refused: a pipeline needs one of the repos.
    """
    repos.delete_all(change, repos.select(change.tx), force=True)
    change.tx.run("DELETE FROM projects")
    ensure_default(change)
