"""Brings a database to the newest schema: numbered SQL files, each applied once, in order.

Invariant: a released migration is never edited; a fresh database goes through all of them, so fresh and
migrated schemas are the same by construction. A database from a newer release is refused, not guessed at.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from trunkline.catalog.database import Tx
from trunkline.kernel.errors import FailedPrecondition


def scripts() -> list[tuple[int, str]]:
    """All migrations as (number, SQL), in order."""
    folder = resources.files("trunkline.catalog") / "migrations"
    found = [
        (int(entry.name.split("_")[0]), entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


def up(tx: Tx, run_script: Callable[[str], object]) -> None:
    """Applies what is missing, each migration in a transaction of its own.

    Raises:
        FailedPrecondition: the database was written by a newer release.
    """
    tx.run("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY)")
    row = tx.row("SELECT max(number) AS number FROM schema_version")
    have = int(row["number"] or 0) if row is not None else 0
    todo = scripts()
    newest = todo[-1][0]
    if have > newest:
        raise FailedPrecondition(
            f"the catalog has schema {have}, this release knows {newest}: use the newer release of trunkline"
        )
    for number, sql in todo:
        if number > have:
            run_script(f"BEGIN IMMEDIATE;\n{sql}\nINSERT INTO schema_version VALUES ({number});\nCOMMIT;")
