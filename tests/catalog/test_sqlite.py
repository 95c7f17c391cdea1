"""Changes happen wholly or not at all; readers see one moment; foreign exceptions stop at the border."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from trunkline.catalog import SqliteCatalog, Tx
from trunkline.catalog.database import need
from trunkline.catalog.sqlite import translate
from trunkline.kernel.errors import Corrupt, StorageFailed, StorageFull

CATALOGS = ("sqlite",)  # it says itself what it is about

PUT = "INSERT INTO settings (name, value) VALUES (?, ?)"


def names(catalog: SqliteCatalog) -> list[str]:
    with catalog.read() as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM settings ORDER BY name")]


def test_keys_of_deleted_rows_are_never_used_again(catalog: SqliteCatalog) -> None:
    """Who waits for a commit by its key must not meet another one under it."""

    def change(tx: Tx) -> tuple[int, int]:
        project = tx.insert("INSERT INTO projects (name, created) VALUES ('p', 0)")
        made = []
        for name in ("a", "b"):
            made.append(
                tx.insert("INSERT INTO repos (project, name, type, created) VALUES (?, ?, 'user', 0)", (project, name))
            )
            tx.run("DELETE FROM repos WHERE id = ?", (made[-1],))
        return made[0], made[1]

    first, second = catalog.write(change)
    assert second > first
    with catalog.read() as tx:
        for table in ("repos", "commits", "branches", "jobs"):
            sql = need(tx.row("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)))["sql"]
            assert "AUTOINCREMENT" in sql, table


def test_rows_that_must_be_there(catalog: SqliteCatalog) -> None:
    with catalog.read() as tx:
        found = tx.row("SELECT 1 AS one")
    assert need(found)["one"] == 1
    with pytest.raises(Corrupt, match="fsck"):
        need(None)


def test_a_full_disk_changes_nothing_and_reads_go_on(path: Path) -> None:
    catalog = SqliteCatalog(path)
    catalog.write(lambda tx: tx.run(PUT, ("a", "1")))
    catalog.write(lambda tx: tx.run("PRAGMA max_page_count = 1") and None)
    with pytest.raises(StorageFull, match=r"no space left for the catalog .*: free some"):
        catalog.write(lambda tx: tx.run(PUT, ("big", "x" * 1_000_000)))
    assert names(catalog) == ["a"]
    catalog.close()


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.write_bytes(b"these are not the pages you are looking for" * 100)
    with pytest.raises(Corrupt, match="is damaged"):
        SqliteCatalog(path)


def test_a_folder_that_is_missing_is_told(path: Path) -> None:
    with pytest.raises(StorageFailed, match="could not be used"):
        SqliteCatalog(path / "below" / "nothing.db")


def test_errors_of_sqlite_become_ours(path: Path) -> None:
    assert isinstance(translate(sqlite3.OperationalError("locked"), path), StorageFailed)


def test_readers_leave_no_connections_behind(catalog: SqliteCatalog) -> None:
    """Whoever reads in a thread of its own, as each look at a waiting job does, must not use up open files."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        thread = threading.Thread(target=names, args=(catalog,))
        thread.start()
        thread.join()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3  # one reader: the database, its log, its index
