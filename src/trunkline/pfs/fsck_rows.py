"""Rows of the catalog that cannot be right by themselves, and those of them that can be put right.

Invariant: a repair removes what says nothing any more, or works out again what other rows say; it never makes up what
a row has lost. So most of what is found here is only reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trunkline.catalog import Tx
from trunkline.maps import EMPTY
from trunkline.pfs import filesets
from trunkline.pfs.pfs import Pfs


class Reference(NamedTuple):
    """A column that names rows of another table.

    Attributes:
        spare: whether a row is worth nothing without the row that it names.
    """

    table: str
    column: str
    target: str
    key: str = "id"
    spare: bool = False


REFERENCES = (
    Reference("repos", "project", "projects"),
    Reference("commits", "repo", "repos"),
    Reference("commits", "parent", "commits"),
    Reference("branches", "repo", "repos"),
    Reference("branches", "head", "commits"),
    Reference("branch_provenance", "branch", "branches", spare=True),
    Reference("branch_provenance", "upstream", "branches"),
    Reference("commit_provenance", "commit_id", "commits", spare=True),
    Reference("commit_provenance", "upstream", "commits"),
    Reference("layers", "commit_id", "commits", spare=True),
    Reference("transaction_steps", "transaction_key", "transactions", spare=True),
    Reference("file_set_layers", "file_set", "file_sets", spare=True),
    Reference("cache_file_sets", "entry", "cache_entries", "name", spare=True),
    Reference("cache_file_sets", "file_set", "file_sets"),
    Reference("triggers", "branch", "branches", spare=True),
    Reference("triggers", "repo", "repos", spare=True),
    Reference("trigger_checks", "branch", "branches", spare=True),
    Reference("trigger_checks", "commit_id", "commits", spare=True),
)
"""Of the file system's tables."""

_FOLDED = "FROM layers WHERE commit_id IN (SELECT id FROM commits WHERE finished IS NOT NULL)"
_FORGOTTEN = "forgotten = 1 AND root <> ?"


def problems(tx: Tx) -> Iterator[str]:
    """What is wrong, in words."""
    yield from dangling(tx, REFERENCES)
    left = _count(tx, f"SELECT count(*) AS number {_FOLDED}")
    if left:
        yield f"{left} layers belong to commits that are finished"
    left = _count(tx, f"SELECT count(*) AS number FROM commits WHERE {_FORGOTTEN}", EMPTY.pack())
    if left:
        yield f"{left} forgotten commits still have content"


def repair(pfs: Pfs) -> Iterator[str]:
    """Puts right what can be; says what it did."""
    yield from remove_dangling(pfs, REFERENCES)
    gone = pfs.catalog.write(lambda tx: tx.run(f"DELETE {_FOLDED}"))
    if gone:
        yield f"{gone} layers of finished commits removed: their commits have a content of their own"
    empty = EMPTY.pack()
    gone = pfs.catalog.write(lambda tx: tx.run(f"UPDATE commits SET root = ? WHERE {_FORGOTTEN}", (empty, empty)))
    if gone:
        yield f"the content of {gone} forgotten commits removed"
    swept = filesets.sweep_all(pfs)
    if swept:
        yield swept


def dangling(tx: Tx, references: tuple[Reference, ...]) -> Iterator[str]:
    """Names the tables whose rows name what is not there."""
    for one in references:
        number = _count(tx, f"SELECT count(*) AS number FROM {one.table} WHERE {_lost(one)}")
        if number:
            yield f"{number} rows of {one.table} name one of {one.target} that is not there ({one.column})"


def remove_dangling(pfs: Pfs, references: tuple[Reference, ...]) -> Iterator[str]:
    """Removes the rows that are worth nothing without what they name."""
    for one in references:
        if not one.spare:
            continue
        gone = pfs.catalog.write(lambda tx, one=one: tx.run(f"DELETE FROM {one.table} WHERE {_lost(one)}"))  # type: ignore[misc]
        if gone:
            yield f"{gone} rows of {one.table} removed: what they belong to ({one.column}) is not there"


def _lost(one: Reference) -> str:
    return (
        f"{one.column} IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {one.target} AS named WHERE named.{one.key} = {one.table}.{one.column})"
    )


def _count(tx: Tx, query: str, *parameters: bytes) -> int:
    row = tx.row(query, parameters)
    return 0 if row is None else int(row["number"])
