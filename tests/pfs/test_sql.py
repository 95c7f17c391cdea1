"""Files loaded into tables, of a real PostgreSQL server and of a SQLite file: all of it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from tests.pfs.house import House, add

from trunkline.kernel.errors import (
    Cancelled,
    FailedPrecondition,
    InvalidRequest,
    NotBuilt,
    NotFound,
    PermissionDenied,
    Refused,
    StorageFailed,
    TrunklineError,
)
from trunkline.pfs.files import View
from trunkline.pfs.sql import address
from trunkline.pfs.sql.load import Target, load
from trunkline.pfs.urls import Urls
from trunkline.testing.catalogs import Databases
from trunkline.testing.postgres_proxy import Fate, Proxy, commits

CATALOGS = ("sqlite",)
SCHEMA = """
CREATE TABLE people (name text NOT NULL, age integer, ok boolean, score double precision);
CREATE TABLE "Odd ""name" ("a b" text, "%s" integer CHECK ("%s" < 100));
CREATE TABLE other (x integer);
INSERT INTO people (name, age) VALUES ('old', 1);
INSERT INTO other VALUES (7);
"""


class Base(NamedTuple):
    """A database with tables."""

    url: str
    urls: Urls
    run: Any
    """Runs a statement of its own, committed; returns the rows."""

    def rows(self, table: str = "people") -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.run(f"SELECT * FROM {table} ORDER BY 1")]


def in_sqlite(folder: Path) -> Base:
    path = folder / "some.db"
    with sqlite3.connect(path) as made:
        made.executescript(SCHEMA)
    made.close()

    def run(statement: str) -> list[Any]:
        with sqlite3.connect(path) as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found

    return Base(f"sqlite://{path}", Urls(sqlite_folders=[folder]), run)


def in_postgres(databases: Databases, proxy: Proxy) -> Base:
    dsn = databases.server.new_database()
    with psycopg.connect(dsn) as made:
        made.execute(SCHEMA.encode())

    def run(statement: str) -> list[Any]:
        with psycopg.connect(dsn) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    name = dsn.rpartition("/")[2] if "?" not in dsn else dsn.partition("?")[0].rpartition("/")[2]
    url = f"postgres://postgres@localhost:{proxy.port}/{name}?sslmode=disable"
    return Base(url, Urls(sql_password="not-shown"), run)


@pytest.fixture
def proxy(databases: Databases) -> Iterator[Proxy]:
    made = Proxy(databases.server.socket, loopback=True)
    yield made
    made.close()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    if request.param == "SQLite":
        return in_sqlite(tmp_path)
    return in_postgres(request.getfixturevalue("databases"), request.getfixturevalue("proxy"))


@pytest.fixture
def postgres(databases: Databases, proxy: Proxy) -> Base:
    return in_postgres(databases, proxy)


def view_of(house: House, files: dict[str, str]) -> View:
    """A commit with these files and no others."""
    repo = f"r{house.clock.now()}"
    house.repo(repo)
    house.write(repo, *(add(path, text) for path, text in files.items()))
    house.settle()
    return house.view(repo)


def loaded(
    house: House, base: Base, files: dict[str, str], kind: str = "CSV", columns: tuple[str, ...] = ()
) -> dict[str, int]:
    view = view_of(house, files)
    return load(base.urls, Target(base.url, kind, columns), "", view, view.walk("/"))


def test_rows_replace_what_was_there(house: House, base: Base) -> None:
    files = {"/people/1.csv": "ann,30,true,1.5\nbob,,false,\n", "/people/deep/2.csv": '"c,d",-4,t,2e3\n'}
    for _ in range(2):
        assert loaded(house, base, files) == {"people": 3}
        assert base.rows() == [("ann", 30, True, 1.5), ("bob", None, False, None), ("c,d", -4, True, 2000.0)]
        assert base.rows("other") == [(7,)]


def test_columns_may_be_chosen(house: House, base: Base) -> None:
    files = {"/people/x": "age,name\n3,ann\n"}
    assert loaded(house, base, files, columns=("age", "name")) == {"people": 1}
    assert base.rows() == [("ann", 3, None, None)]
    files = {"/people/x": '{"name": "bob", "age": 4, "more": []}\n'}
    assert loaded(house, base, files, "JSON", ("age", "name")) == {"people": 1}
    assert base.rows() == [("bob", 4, None, None)]


def test_json_values_are_typed_by_their_columns(house: House, base: Base) -> None:
    files = {"/people/x.json": '{"name": {"k": 1}, "age": 5, "ok": true, "score": 1.25}\n{"name": "b", "ok": null}\n'}
    assert loaded(house, base, files, "JSON") == {"people": 2}
    assert base.rows() == [("b", None, None, None), ('{"k": 1}', 5, True, 1.25)]


def test_names_are_names_and_values_are_values(house: House, base: Base) -> None:
    evil = "'); DROP TABLE people; --"
    assert loaded(house, base, {'/Odd "name/x': f'"{evil}",5\n'}) == {'Odd "name': 1}
    assert base.rows('"Odd ""name"') == [(evil, 5)]
    assert base.rows() != []


def test_many_rows_and_the_last_is_bad(house: House, base: Base) -> None:
    text = "".join(f"n{number},{number},,\n" for number in range(2_500))
    assert loaded(house, base, {"/people/x": text}) == {"people": 2_500}
    with pytest.raises(Refused, match=r"file /people/x, line 2501: people does not take it: .*; nothing was written"):
        loaded(house, base, {"/other/x": "1\n", "/people/x": text + "last,no number,,\n"})
    assert len(base.rows()) == 2_500
    assert base.rows("other") == [(7,)]


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        ({"/people/x": ",3,,\n"}, Refused, r"line 1: people does not take it: .*(null|NULL)"),
        ({"/people/x": "a,3,maybe,\n"}, Refused, "line 1: people does not take it"),
        ({"/people/x": "a,3,,many\n"}, Refused, "line 1: people does not take it"),
        ({'/Odd "name/x': "a,1\nb,100\n"}, Refused, "line 2: Odd"),
        ({"/people/x": "a,3\n"}, Refused, "line 1: it has 2 fields"),
        ({"/x.csv": "a\n"}, Refused, "file /x.csv belongs to no table"),
        ({"/nobody/x": "a\n"}, NotFound, "no table nobody in"),
        ({"/sqlite_master/x": "a\n"}, NotFound, "no table sqlite_master"),
    ],
)
def test_nothing_is_written_of_what_is_bad(
    house: House, base: Base, files: dict[str, str], error: type[TrunklineError], words: str
) -> None:
    before = base.rows(), base.rows("other")
    with pytest.raises(error, match=words):
        loaded(house, base, {"/other/1": "1\n"} | files)
    assert (base.rows(), base.rows("other")) == before


def test_a_column_that_is_not_there(house: House, base: Base) -> None:
    with pytest.raises(NotFound, match="has no column size: it has name, age, ok, score"):
        loaded(house, base, {"/people/x": "1\n"}, columns=("size",))


def test_nobody_waits_any_more(house: House, base: Base) -> None:
    view = view_of(house, {"/people/x": "a,1,,\n"})
    with pytest.raises(Cancelled):
        load(base.urls, Target(base.url, "CSV"), "", view, view.walk("/"), lambda: False)
    assert base.rows() == [("old", 1, None, None)]


def test_files_of_sqlite_must_be_allowed_and_plain(house: House, tmp_path: Path) -> None:
    base = in_sqlite(tmp_path)
    (tmp_path / "link.db").symlink_to(tmp_path / "some.db")
    inside, link = str(tmp_path / "none.db"), str(tmp_path / "link.db")
    for path, error in {"/etc/passwd": PermissionDenied, inside: NotFound, link: NotFound}.items():
        with pytest.raises(error):
            loaded(house, base._replace(url=f"sqlite://{path}"), {"/people/x": "a,1,,\n"})
    with pytest.raises(PermissionDenied, match="TRUNKLINE_SQLITE_FOLDERS"):
        loaded(house, base._replace(urls=Urls()), {"/people/x": "a,1,,\n"})
    with pytest.raises(PermissionDenied, match="a catalog of Trunkline"):
        loaded(house, base._replace(url=f"sqlite://{tmp_path / 'catalog.db'}"), {"/jobs/x": "1\n"})


def test_another_writer_is_waited_for_and_then_told_of(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.pfs.sql.sqlite.BUSY_SECONDS", 0.01)
    base = in_sqlite(tmp_path)
    with sqlite3.connect(tmp_path / "some.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="locked"):
            loaded(house, base, {"/people/x": "a,1,,\n"})
    other.close()


def test_names_of_postgres_fold_and_have_schemas(house: House, postgres: Base) -> None:
    postgres.run("CREATE SCHEMA s")
    postgres.run("CREATE TABLE s.t (id integer GENERATED ALWAYS AS IDENTITY, v jsonb, d date, n numeric(9, 2))")
    assert loaded(house, postgres, {"/People/x": "a,1,,\n", "/s.t/x": '"[1, 2]",2024-02-29,1.255\n'}) == {
        "People": 1,
        "s.t": 1,
    }
    assert postgres.run("SELECT v::text, d::text, n::text FROM s.t") == [("[1, 2]", "2024-02-29", "1.26")]
    with pytest.raises(Refused, match="line 2"):
        loaded(house, postgres, {"/s.t/x": "{},2024-02-29,1\n{},2023-02-29,1\n"})


def test_a_commit_that_gets_lost_is_told_and_may_be_repeated(house: House, postgres: Base, proxy: Proxy) -> None:
    for fate, before in ((Fate.CUT, 1), (Fate.SWALLOW, 3)):
        proxy.rule = commits(fate)
        with pytest.raises(StorageFailed, match="could not go on"):
            loaded(house, postgres, {"/people/x": "a,1,,\nb,,,\nc,,,\n"})
        assert len(postgres.rows()) == before
    assert loaded(house, postgres, {"/people/x": "a,1,,\n"}) == {"people": 1}


def test_a_locked_table_is_told_and_may_be_repeated(
    house: House, postgres: Base, monkeypatch: pytest.MonkeyPatch, databases: Databases
) -> None:
    monkeypatch.setattr("trunkline.pfs.sql.postgres._LOCK_TIMEOUT", "20ms")
    name = address.parse(postgres.url).database
    with psycopg.connect(databases.server.dsn(name)) as other:
        other.execute("LOCK TABLE people")
        with pytest.raises(StorageFailed, match="lock timeout"):
            loaded(house, postgres, {"/people/x": "a,1,,\n"})


def test_servers_that_do_not_let_us_in(house: House, postgres: Base, proxy: Proxy) -> None:
    stranger = postgres._replace(url=postgres.url.replace("postgres@", "nobody@"))
    with pytest.raises(FailedPrecondition, match="does not let pachd in: .*nobody"):
        loaded(house, stranger, {"/people/x": "a,1,,\n"})
    for option in ("sslmode=some", "connect_timeout=long"):
        odd = postgres._replace(url=postgres.url.replace("sslmode=disable", option))
        with pytest.raises(InvalidRequest, match="has an option that cannot be"):
            loaded(house, odd, {"/people/x": "a,1,,\n"})
    guarded = postgres._replace(urls=Urls(sql_password="x", own_machine=False))
    with pytest.raises(PermissionDenied, match="pachd's own machine"):
        loaded(house, guarded, {"/people/x": "a,1,,\n"})
    with pytest.raises(FailedPrecondition, match="must set PACHYDERM_SQL_PASSWORD"):
        loaded(house, postgres._replace(urls=Urls()), {"/people/x": "a,1,,\n"})
    proxy.close()
    with pytest.raises(StorageFailed, match="was not reached"):
        loaded(house, postgres, {"/people/x": "a,1,,\n"})


def test_the_password_gets_in_and_is_not_told(house: House, databases: Databases, postgres: Base) -> None:
    databases.server.add_user("guarded", "open sesame")
    url = postgres.url.replace("postgres@", "guarded@")
    view = view_of(house, {"/people/x": "a,1,,\n"})
    for urls, password in ((Urls(), "open sesame"), (Urls(sql_password="open sesame"), "")):
        assert load(urls, Target(url, "CSV"), password, view, view.walk("/")) == {"people": 1}
    with pytest.raises(FailedPrecondition, match="password authentication failed") as caught:
        load(Urls(sql_password="open sesame"), Target(url, "CSV"), "close sesame", view, view.walk("/"))
    assert "sesame" not in str(caught.value)


def test_a_catalog_of_trunkline_is_no_destination(house: House, databases: Databases, proxy: Proxy) -> None:
    base = in_postgres(databases, proxy)
    for table in ("schema_version", "commits", "jobs"):
        base.run(f"CREATE TABLE {table} (x integer)")
    with pytest.raises(PermissionDenied, match="a catalog of Trunkline"):
        loaded(house, base, {"/jobs/x": "1\n"})


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("mysql://u@h/d", NotBuilt, "MySQL is not built"),
        ("snowflake://u@h/d", NotBuilt, "Snowflake is not built"),
        ("oracle://u@h/d", InvalidRequest, "unrecognized database: 'oracle'"),
        ("", InvalidRequest, "unrecognized database"),
        ("postgres://u:secret@h/d", InvalidRequest, "carries a password"),
        ("postgres://h/d", InvalidRequest, "names no user"),
        ("postgres://u@/d", InvalidRequest, "names no host"),
        ("postgres://u@h/", InvalidRequest, "names no database"),
        ("postgres://u@%2Ftmp/d", InvalidRequest, "no single host"),
        ("postgres://u@a,b/d", InvalidRequest, "no single host"),
        ("postgres://u@h/host=x", InvalidRequest, "no single host and database"),
        ("postgres://u@h:x/d", InvalidRequest, "cannot be read"),
        ("postgres://u@h/d?passfile=/x", InvalidRequest, "has the option 'passfile'"),
        ("postgres://u@h/d?host=x", InvalidRequest, "has the option 'host'"),
        ("sqlite://relative.db", InvalidRequest, "plain path"),
        ("sqlite:///a/../b", InvalidRequest, "plain path"),
        ("sqlite:///a?mode=memory", InvalidRequest, "plain path"),
        ("sqlite:///", InvalidRequest, "plain path"),
    ],
)
def test_addresses_that_cannot_be(url: str, error: type[TrunklineError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        address.parse(url)
    assert "secret" not in str(caught.value).replace("name a secret", "")


def test_addresses_are_shown_without_options() -> None:
    assert str(address.parse("postgresql://u@h/d?sslmode=require")) == "postgres://u@h:5432/d"
    assert str(address.parse("postgres://u@[::1]:1/d")) == "postgres://u@[::1]:1/d"
    assert str(address.parse("sqlite3:///a%20b/c.db")) == "sqlite:///a b/c.db"
