"""A fresh database goes through all migrations, so fresh and migrated schemas are one; a newer one is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from trunkline.catalog import SqliteCatalog, migrate
from trunkline.kernel.errors import FailedPrecondition

CATALOGS = ("sqlite",)  # it says itself what it is about


def schema(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    connection.close()
    return found


def test_scripts_are_numbered_from_one_without_gaps() -> None:
    assert [number for number, _ in migrate.scripts()] == list(range(1, len(migrate.scripts()) + 1))


def test_a_database_can_be_brought_up_from_every_older_schema(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    SqliteCatalog(fresh).close()
    for done in range(len(migrate.scripts())):
        path = tmp_path / f"from{done}.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE schema_version (number INTEGER PRIMARY KEY)")
        for number, sql in migrate.scripts()[:done]:
            connection.executescript(f"{sql}\nINSERT INTO schema_version VALUES ({number});")
        connection.commit()
        connection.close()
        SqliteCatalog(path).close()
        found = schema(path)
        assert {name: sql for name, sql in found.items() if name != "schema_version"} == {
            name: sql for name, sql in schema(fresh).items() if name != "schema_version"
        }


def test_opening_again_changes_nothing(path: Path) -> None:
    SqliteCatalog(path).close()
    before = schema(path)
    SqliteCatalog(path).close()
    assert schema(path) == before


def test_a_database_of_a_newer_release_is_refused_and_left_alone(path: Path) -> None:
    SqliteCatalog(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_version VALUES (999)")
    connection.commit()
    connection.close()
    before = schema(path)
    with pytest.raises(FailedPrecondition, match="schema 999.*use the newer release"):
        SqliteCatalog(path)
    assert schema(path) == before
