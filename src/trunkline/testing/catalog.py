"""The conformance suite of catalogs: every implementation inherits `CatalogSuite` in its tests; a guard sees to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from trunkline.catalog import Catalog, Tx
from trunkline.catalog.database import Value, need
from trunkline.kernel.errors import Cancelled, Refused, StorageFailed

PUT = "INSERT INTO settings (name, value) VALUES (?, ?)"
COUNT = "SELECT count(*) AS number FROM settings"


def put(catalog: Catalog, name: str, value: str = "") -> int:
    """Adds a row to the settings."""
    return catalog.write(lambda tx: tx.run(PUT, (name, value)))


def names(catalog: Catalog) -> list[str]:
    """The names in the settings."""
    with catalog.read() as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM settings ORDER BY name")]


def count(tx: Tx) -> int:
    """How many settings there are."""
    return int(need(tx.row(COUNT))["number"])


def together(*jobs: object) -> None:
    """Runs functions at once, each in a thread, to their end."""
    threads = [threading.Thread(target=job) for job in jobs]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class CatalogSuite:
    """What every catalog does. A test class gives the fixture `catalog`, and says how to open the same data again."""

    broken_rule: ClassVar[type[Exception]]
    """What a change that breaks a rule of the schema raises: a bug, to be seen as one."""

    @pytest.fixture
    def catalog(self) -> Iterator[Catalog]:
        """An empty catalog, just made."""
        raise NotImplementedError

    def again(self) -> Catalog:
        """The same data, opened once more after the catalog was closed."""
        raise NotImplementedError

    # -- changes --------------------------------------------------------------------------------------------

    def test_a_change_stays(self, catalog: Catalog) -> None:
        """Also when the catalog is closed and opened again."""
        assert put(catalog, "a") == 1
        assert names(catalog) == ["a"]
        catalog.close()
        other = self.again()
        assert names(other) == ["a"]
        other.close()

    @pytest.mark.parametrize("error", [Refused("no"), KeyError("bug"), KeyboardInterrupt()])
    def test_an_error_undoes_the_whole_change(self, catalog: Catalog, error: BaseException) -> None:
        """Whatever the error; and the next change is made as if nothing had been."""

        def change(tx: Tx) -> None:
            tx.run(PUT, ("a", "1"))
            raise error

        with pytest.raises(type(error)):
            catalog.write(change)
        assert names(catalog) == []
        put(catalog, "b")
        assert names(catalog) == ["b"]

    def test_a_change_sees_what_it_did(self, catalog: Catalog) -> None:
        """Its own rows, while others do not."""

        def change(tx: Tx) -> int:
            assert count(tx) == 0
            tx.run(PUT, ("a", "1"))
            assert names(catalog) == []
            assert count(tx) == 1
            tx.insert("INSERT INTO projects (name, created) VALUES (?, 0)", ("p",))
            assert tx.row("SELECT 1 AS one FROM projects WHERE name = ?", ("p",)) is not None
            tx.run("DELETE FROM settings")
            return count(tx)

        assert catalog.write(change) == 0

    def test_statements_say_how_many_rows_they_touched(self, catalog: Catalog) -> None:
        """None, one, several."""
        for name in "abc":
            put(catalog, name, "old")
        update = "UPDATE settings SET value = ? WHERE name >= ?"
        assert [catalog.write(lambda tx: tx.run(update, ("new", at))) for at in "azb"] == [3, 0, 2]  # noqa: B023
        assert catalog.write(lambda tx: tx.run(PUT + " ON CONFLICT DO NOTHING", ("a", "1"))) == 0

    def test_changes_of_many_threads_happen_one_after_the_other(self, catalog: Catalog) -> None:
        """What is read in one is not changed by another before it ends."""
        put(catalog, "count", "0")

        def increase(tx: Tx) -> None:
            old = int(need(tx.row("SELECT value FROM settings WHERE name = 'count'"))["value"])
            tx.run("UPDATE settings SET value = ? WHERE name = 'count'", (str(old + 1),))

        together(*[lambda: [catalog.write(increase) for _ in range(25)]] * 4)
        with catalog.read() as tx:
            assert need(tx.row("SELECT value FROM settings"))["value"] == "100"

    def test_keys_of_deleted_rows_are_never_used_again(self, catalog: Catalog) -> None:
        """Who waits for a commit by its key must not meet another one under it."""

        def change(tx: Tx) -> tuple[int, int]:
            project = tx.insert("INSERT INTO projects (name, created) VALUES ('p', 0)")
            made = []
            for name in ("a", "b"):
                sql = "INSERT INTO repos (project, name, type, created) VALUES (?, ?, 'user', 0)"
                made.append(tx.insert(sql, (project, name)))
                tx.run("DELETE FROM repos WHERE id = ?", (made[-1],))
            return made[0], made[1]

        first, second = catalog.write(change)
        assert second > first

    def test_a_broken_rule_of_the_schema_is_seen_as_the_bug_it_is(self, catalog: Catalog) -> None:
        """It is no fault of the caller or of the machine."""
        sql = "INSERT INTO repos (project, name, type, created) VALUES (99, 'r', 'user', 0)"
        with pytest.raises(self.broken_rule):
            catalog.write(lambda tx: tx.run(sql))
        assert names(catalog) == []

    # -- reading --------------------------------------------------------------------------------------------

    def test_a_reader_sees_one_moment(self, catalog: Catalog) -> None:
        """Of a read within a read, the outermost counts."""
        put(catalog, "a")
        with catalog.read() as tx:
            assert count(tx) == 1
            put(catalog, "b")
            with catalog.read() as inner:
                assert count(inner) == 1
            assert count(tx) == 1
        assert names(catalog) == ["a", "b"]

    def test_a_reader_cannot_write(self, catalog: Catalog) -> None:
        """It is told so."""
        with pytest.raises(StorageFailed), catalog.read() as tx:
            tx.run(PUT, ("a", "1"))
        assert names(catalog) == []

    def test_an_error_of_a_reader_reaches_the_caller(self, catalog: Catalog) -> None:
        """And the next reader finds everything in order."""
        with pytest.raises(ZeroDivisionError), catalog.read() as tx:
            _ = count(tx) / 0
        assert names(catalog) == []

    def test_a_query_that_was_not_read_to_its_end_holds_nobody_back(self, catalog: Catalog) -> None:
        """Neither the writer nor the next reader."""
        for name in "abc":
            put(catalog, name)
        with catalog.read() as tx:
            kept = tx.rows("SELECT name FROM settings ORDER BY name")
            assert next(kept)["name"] == "a"
        put(catalog, "d")
        assert names(catalog) == ["a", "b", "c", "d"]

    def test_long_results_come_in_order_beside_other_statements(self, catalog: Catalog) -> None:
        """Two of them at once, with questions in between."""
        many = 1_500
        catalog.write(lambda tx: [tx.run(PUT, (f"{number:05}", "x")) for number in range(many)])
        query = "SELECT name FROM settings ORDER BY name"
        with catalog.read() as tx:
            pairs = zip(tx.rows(query), tx.rows(f"{query} DESC"), strict=True)
            for number, (up, down) in enumerate(pairs):
                assert (int(up["name"]), int(down["name"])) == (number, many - 1 - number)
                if number % 400 == 0:
                    assert count(tx) == many

    def test_rows_may_be_deleted_while_they_are_read(self, catalog: Catalog) -> None:
        """In one change, when the list was taken before."""
        catalog.write(lambda tx: [tx.run(PUT, (f"{number:05}", "x")) for number in range(500)])

        def change(tx: Tx) -> int:
            found = list(tx.rows("SELECT name FROM settings"))
            return sum(tx.run("DELETE FROM settings WHERE name = ?", (row["name"],)) for row in found)

        assert catalog.write(change) == 500

    def test_more_readers_at_once_than_are_kept(self, catalog: Catalog) -> None:
        """They all get their answer."""
        number = 40
        barrier = threading.Barrier(number)
        found: list[int] = []

        def look() -> None:
            with catalog.read() as tx:
                barrier.wait(60)
                found.append(count(tx))

        together(*[look] * number)
        assert found == [0] * number
        assert names(catalog) == []

    # -- values ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("value", [0, 1, -1, 2**31, 2**63 - 1, -(2**63), True, False])
    def test_integers(self, catalog: Catalog, value: int) -> None:
        """Of 64 bits; truth is a number."""
        catalog.write(lambda tx: tx.run("INSERT INTO projects (name, created) VALUES ('p', ?)", (value,)))
        with catalog.read() as tx:
            found = need(tx.row("SELECT created FROM projects WHERE created = ?", (value,)))["created"]
        assert (found, type(found)) == (int(value), int)

    @pytest.mark.parametrize(
        "value", ["", "?", "it's", "100%s", "$1", "ünï©ödé 𝒳", "a\nb", "\\x00", "--", "x" * 100_000]
    )
    def test_texts(self, catalog: Catalog, value: str) -> None:
        """Whatever signs are in them."""
        put(catalog, "a", value)
        with catalog.read() as tx:
            assert need(tx.row("SELECT value FROM settings WHERE value = ?", (value,)))["value"] == value

    @pytest.mark.parametrize("value", [b"", bytes(range(256)), b"\x00" * 100_000])
    def test_bytes(self, catalog: Catalog, value: bytes) -> None:
        """As `bytes`, whatever is in them."""
        sql = "INSERT INTO cache_entries (name, content, tag, used) VALUES ('a', ?, '', 0)"
        catalog.write(lambda tx: tx.run(sql, (value,)))
        with catalog.read() as tx:
            found = need(tx.row("SELECT content FROM cache_entries WHERE content = ?", (value,)))["content"]
        assert (found, type(found)) == (value, bytes)

    def test_nothing(self, catalog: Catalog) -> None:
        """None is NULL."""
        with catalog.read() as tx:
            row = need(tx.row("SELECT coalesce(max(id), ?) AS found, max(id) AS none FROM projects", (7,)))
        assert (row["found"], row["none"]) == (7, None)

    def test_marks_in_literals_are_no_parameters(self, catalog: Catalog) -> None:
        """Nor those in comments."""
        with catalog.read() as tx:
            sql = "SELECT '?' AS a, 'it''s ?' AS b, CAST(? AS INTEGER) AS \"c?\" /* ? */ -- ?"
            row = need(tx.row(sql + "\n", (5,)))
            assert (row["a"], row["b"], row["c?"]) == ("?", "it's ?", 5)

    def test_texts_are_compared_bytewise(self, catalog: Catalog) -> None:
        """As Python compares their UTF-8."""
        given: list[Value] = ["a", "B", "Z", "_", "-", "é", "z", "𝒳", "\uffff", "a b", "ab", "A"]
        for name in given:
            put(catalog, str(name))
        assert names(catalog) == sorted(map(str, given), key=str.encode)
        with catalog.read() as tx:
            found = {row["name"] for row in tx.rows("SELECT name FROM settings WHERE name > ?", ("a",))}
        assert found == {name for name in map(str, given) if name.encode() > b"a"}

    # -- processes ------------------------------------------------------------------------------------------

    def test_a_change_is_noticed(self, catalog: Catalog) -> None:
        """A change, and not one that was undone."""
        seen = catalog.watch.version
        put(catalog, "a")
        assert catalog.watch.version > seen

    def test_the_only_process_leads(self, catalog: Catalog) -> None:
        """And its changes are taken."""
        with catalog.leading() as leads, catalog.leading() as still:
            assert leads
            assert still
            put(catalog, "a")
        assert names(catalog) == ["a"]

    def test_the_only_process_is_alone(self, catalog: Catalog) -> None:
        """And may say that it wants to be."""
        assert catalog.others() == 0
        with catalog.alone() as still:
            put(catalog, "a")
            assert still()
        assert catalog.others() == 0

    def test_a_closed_catalog_is_not_opened_again(self, catalog: Catalog) -> None:
        """Who comes late is told that pachd ends; to close again does nothing."""
        catalog.close()
        with pytest.raises(Cancelled, match="shutting down"), catalog.read():
            pass
        catalog.close()
