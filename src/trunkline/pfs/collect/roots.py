"""Every root that the tables of the file system name, each with why it is kept and who keeps it.

Invariant: together with the sources of the rooms above, this is every column of the catalog that holds a packed root; a
test holds it against the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from trunkline.catalog import Row, Tx
from trunkline.pfs.holding import FILES, OPERATIONS
from trunkline.pfs.refs import RepoRef

HEADS = "heads of branches"
OLDER = "older commits"
OPEN = "open commits"
FILE_SETS = "file sets"
CACHED = "cached file sets"


class Kept(NamedTuple):
    """A root that keeps what it leads to.

    Attributes:
        kind: as `trunkline.pfs.holding` has them.
        root: packed.
        reason: in a few words, the same for many.
        name: of the thing that has it, as users know it.
        repo: whose it is, as users know it; empty for what is no repo's.
    """

    kind: str
    root: bytes
    reason: str
    name: str
    repo: str = ""


Source = Callable[[Tx], Iterator[Kept]]
"""Gives the roots that a room's tables name."""

_REPO = "repos.name AS repo_name, repos.type AS repo_type, projects.name AS project_name"
_JOINS = "JOIN repos ON repos.id = commits.repo JOIN projects ON projects.id = repos.project"
_FINISHED = (
    f"SELECT commits.root AS root, commits.set_id AS set_id, {_REPO}, "
    "EXISTS (SELECT 1 FROM branches WHERE branches.head = commits.id) AS is_head "
    f"FROM commits {_JOINS} WHERE commits.root IS NOT NULL ORDER BY commits.id"
)
_LAYERS = (
    f"SELECT layers.delta AS root, layers.whole AS whole, commits.set_id AS set_id, {_REPO} "
    f"FROM layers JOIN commits ON commits.id = layers.commit_id {_JOINS} ORDER BY layers.commit_id, layers.position"
)
_FILE_SETS = (
    "SELECT file_set, delta AS root, whole, EXISTS (SELECT 1 FROM cache_file_sets AS kept "
    "WHERE kept.file_set = file_set_layers.file_set) AS cached FROM file_set_layers ORDER BY file_set, position"
)


def roots(tx: Tx) -> Iterator[Kept]:
    """The roots of commits, layers and file sets; row by row, to the end of the transaction."""
    for row in tx.rows(_FINISHED):
        repo = repo_name(row)
        yield Kept(FILES, bytes(row["root"]), HEADS if row["is_head"] else OLDER, f"{repo}@{row['set_id']}", repo)
    for row in tx.rows(_LAYERS):
        repo = repo_name(row)
        yield Kept(_kind(row), bytes(row["root"]), OPEN, f"{repo}@{row['set_id']}", repo)
    for row in tx.rows(_FILE_SETS):
        reason = CACHED if row["cached"] else FILE_SETS
        yield Kept(_kind(row), bytes(row["root"]), reason, f"file set {row['file_set']}")


def repo_name(row: Row) -> str:
    """The repo of a row with the columns `repo_name`, `repo_type` and `project_name`."""
    return str(RepoRef(row["repo_name"], row["repo_type"], row["project_name"]))


def _kind(row: Row) -> str:
    return FILES if row["whole"] else OPERATIONS
