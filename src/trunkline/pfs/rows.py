"""Rows of the catalog as typed values: repos, branches, commits.

Invariant: these are read, never written back; changes go through the functions that keep the rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.ids import SetId
from trunkline.pfs.refs import BranchRef, RepoRef

REPO_COLUMNS = "repos.id AS repo_id, repos.name AS repo_name, repos.type AS repo_type, projects.name AS project_name"
COMMIT_QUERY = (
    f"SELECT commits.*, {REPO_COLUMNS} FROM commits "
    "JOIN repos ON repos.id = commits.repo JOIN projects ON projects.id = repos.project "
)
BRANCH_QUERY = (
    f"SELECT branches.*, {REPO_COLUMNS} FROM branches "
    "JOIN repos ON repos.id = branches.repo JOIN projects ON projects.id = repos.project "
)
REPO_QUERY = "SELECT repos.*, projects.name AS project_name FROM repos JOIN projects ON projects.id = repos.project "


class Repo(msgspec.Struct, frozen=True):
    """A repo; `metadata` is JSON, as everywhere."""

    key: int
    ref: RepoRef
    description: str
    created: Nanos
    metadata: str = "{}"


class Branch(msgspec.Struct, frozen=True):
    """A branch; `head` is the key of a commit."""

    key: int
    repo_key: int
    ref: BranchRef
    head: int
    created: Nanos
    updated: Nanos
    metadata: str = "{}"


class Commit(msgspec.Struct, frozen=True):
    """A commit. `branch` is the name of the branch it was made on; `root` the packed map of its content,
    known once it is finished, and empty once it is forgotten. Times are nanoseconds since the epoch.
    """

    key: int
    repo_key: int
    repo: RepoRef
    id: SetId
    branch: str
    parent: int | None
    origin: str
    description: str
    started: Nanos
    finishing: Nanos | None
    finished: Nanos | None
    error: str
    root: bytes | None
    metadata: str = "{}"
    forgotten: bool = False

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"

    @property
    def open(self) -> bool:
        """Whether it can still be written to."""
        return self.finishing is None


def repo_of(row: Row) -> Repo:
    """A row of `REPO_QUERY`."""
    ref = RepoRef(row["name"], row["type"], row["project_name"])
    return Repo(row["id"], ref, row["description"], row["created"], row["metadata"])


def branch_of(row: Row) -> Branch:
    """A row of `BRANCH_QUERY`."""
    ref = BranchRef(_repo_ref(row), row["name"])
    return Branch(row["id"], row["repo_id"], ref, row["head"], row["created"], row["updated"], row["metadata"])


def commit_of(row: Row) -> Commit:
    """A row of `COMMIT_QUERY`."""
    return Commit(
        key=row["id"],
        repo_key=row["repo_id"],
        repo=_repo_ref(row),
        id=row["set_id"],
        branch=row["branch"],
        parent=row["parent"],
        origin=row["origin"],
        description=row["description"],
        started=row["started"],
        finishing=row["finishing"],
        finished=row["finished"],
        error=row["error"],
        root=row["root"],
        metadata=row["metadata"],
        forgotten=bool(row["forgotten"]),
    )


def _repo_ref(row: Row) -> RepoRef:
    return RepoRef(row["repo_name"], row["repo_type"], row["project_name"])


def commit_by_key(tx: Tx, key: int) -> Commit | None:
    """The commit with this key."""
    row = tx.row(COMMIT_QUERY + "WHERE commits.id = ?", (key,))
    return None if row is None else commit_of(row)


def commits(tx: Tx, where: str, parameters: tuple[str | int, ...]) -> Iterator[Commit]:
    """The commits that a condition selects; `where` is one of this package's own constants."""
    return (commit_of(row) for row in tx.rows(COMMIT_QUERY + where, parameters))


def branch_by_key(tx: Tx, key: int) -> Branch | None:
    """The branch with this key."""
    row = tx.row(BRANCH_QUERY + "WHERE branches.id = ?", (key,))
    return None if row is None else branch_of(row)


def branches(tx: Tx, where: str, parameters: tuple[str | int, ...]) -> Iterator[Branch]:
    """The branches that a condition selects; `where` is one of this package's own constants."""
    return (branch_of(row) for row in tx.rows(BRANCH_QUERY + where, parameters))
