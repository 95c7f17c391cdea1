"""Changes happen wholly or not at all; readers see one moment; foreign exceptions stop at the border."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from trunkline.catalog import SqliteCatalog, Tx
from trunkline.catalog.database import need
from trunkline.catalog.sqlite import translate
from trunkline.kernel.errors import Cancelled, Corrupt, Refused, StorageFailed, StorageFull

PUT = "INSERT INTO settings (name, value) VALUES (?, ?)"


def names(catalog: SqliteCatalog) -> list[str]:
    with catalog.read() as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM settings ORDER BY name")]


def test_a_change_is_there_when_the_call_returns(catalog: SqliteCatalog, path: Path) -> None:
    assert catalog.write(lambda tx: tx.run(PUT, ("a", "1"))) == 1
    other = SqliteCatalog(path)
    assert names(other) == ["a"]
    other.close()


@pytest.mark.parametrize("error", [Refused("no"), KeyError("bug"), KeyboardInterrupt()])
def test_an_error_undoes_the_whole_change(catalog: SqliteCatalog, error: BaseException) -> None:
    def change(tx: Tx) -> None:
        tx.run(PUT, ("a", "1"))
        raise error

    with pytest.raises(type(error)):
        catalog.write(change)
    assert names(catalog) == []
    catalog.write(lambda tx: tx.run(PUT, ("b", "2")))
    assert names(catalog) == ["b"]


def test_a_reader_sees_one_moment(catalog: SqliteCatalog) -> None:
    catalog.write(lambda tx: tx.run(PUT, ("a", "1")))
    with catalog.read() as tx:
        before = tx.row("SELECT count(*) AS number FROM settings")
        catalog.write(lambda tx: tx.run(PUT, ("b", "2")))
        with catalog.read() as inner:  # the outermost snapshot counts
            assert need(inner.row("SELECT count(*) AS number FROM settings"))["number"] == 1
        assert need(tx.row("SELECT count(*) AS number FROM settings"))["number"] == need(before)["number"] == 1
    assert names(catalog) == ["a", "b"]


def test_a_reader_cannot_write(catalog: SqliteCatalog) -> None:
    with pytest.raises(StorageFailed), catalog.read() as tx:
        tx.run(PUT, ("a", "1"))
    assert names(catalog) == []


def test_changes_of_many_threads_happen_one_after_the_other(catalog: SqliteCatalog) -> None:
    catalog.write(lambda tx: tx.run(PUT, ("count", "0")))

    def increase(tx: Tx) -> None:
        old = int(need(tx.row("SELECT value FROM settings WHERE name = 'count'"))["value"])
        tx.run("UPDATE settings SET value = ? WHERE name = 'count'", (str(old + 1),))

    threads = [threading.Thread(target=lambda: [catalog.write(increase) for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.read() as tx:
        assert need(tx.row("SELECT value FROM settings"))["value"] == "100"


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


def test_a_broken_rule_of_the_schema_is_seen_as_the_bug_it_is(catalog: SqliteCatalog) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        catalog.write(lambda tx: tx.run("INSERT INTO repos (project, name, type, created) VALUES (99, 'r', 'user', 0)"))


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


def test_a_query_that_was_not_read_to_its_end_does_not_hold_the_next_reader_back(catalog: SqliteCatalog) -> None:
    for name in "abc":
        catalog.write(lambda tx, name=name: tx.run(PUT, (name, "1")))
    with catalog.read() as tx:
        kept = tx.rows("SELECT name FROM settings ORDER BY name")
        assert next(kept)["name"] == "a"
    catalog.write(lambda tx: tx.run(PUT, ("d", "1")))
    assert names(catalog) == ["a", "b", "c", "d"]


def test_more_readers_at_once_than_are_kept(catalog: SqliteCatalog) -> None:
    count = 40
    together = threading.Barrier(count)
    found: list[list[str]] = []

    def look() -> None:
        with catalog.read() as tx:
            together.wait(60)
            found.append([row["name"] for row in tx.rows("SELECT name FROM settings")])

    threads = [threading.Thread(target=look) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[]] * count
    assert names(catalog) == []


def test_a_closed_catalog_is_not_opened_again(path: Path) -> None:
    catalog = SqliteCatalog(path)
    catalog.close()
    with pytest.raises(Cancelled, match="shutting down"), catalog.read():
        pass
