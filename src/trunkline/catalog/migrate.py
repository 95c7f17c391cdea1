"""Which numbered SQL files a database lacks. Each is applied once, in order.

Invariant: a released migration is never edited; a fresh database goes through all of them, so fresh and
migrated schemas are the same by construction. A database from a newer release is refused, not guessed at.
"""

from __future__ import annotations

from importlib import resources

from trunkline.catalog.database import Tx
from trunkline.kernel.errors import FailedPrecondition


def scripts(only: str = "") -> list[tuple[int, str]]:
    """All migrations as (number, SQL), in order: those of every catalog, or those that `only` one kind has besides."""
    folder = resources.files("trunkline.catalog") / "migrations"
    found = [
        (int(entry.name.split("_")[0]), entry.read_text(encoding="utf-8"))
        for entry in (folder / only if only else folder).iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


def missing(tx: Tx, known: list[tuple[int, str]], table: str = "schema_version") -> list[tuple[int, str]]:
    """The migrations that the table does not name yet.

    Raises:
        FailedPrecondition: the database was written by a newer release.
    """
    row = tx.row(f"SELECT max(number) AS number FROM {table}")
    have = int(row["number"] or 0) if row is not None else 0
    newest = known[-1][0]
    if have > newest:
        raise FailedPrecondition(
            f"the catalog has schema {have}, this release knows {newest}: use the newer release of trunkline"
        )
    return [(number, sql) for number, sql in known if number > have]
