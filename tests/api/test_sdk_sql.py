"""The official SDK loads a commit into tables: of a SQLite file, and of a real PostgreSQL server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import grpc
import psycopg
import pytest
from pachyderm_sdk.api import pfs
from tests.api.serving import Serving

from trunkline.pfs.urls import Urls
from trunkline.testing.catalogs import Databases
from trunkline.testing.postgres_proxy import Proxy

CATALOGS = ("sqlite",)
TABLES = "CREATE TABLE people (name text, age integer); CREATE TABLE towns (name text);"
CSV = pfs.SqlDatabaseEgressFileFormat(type=pfs.SqlDatabaseEgressFileFormatType.CSV)
FILES = {"/people/1": b"ann,1\n", "/people/2": b"bob,2\n", "/towns/all": b"Ulm\n"}


def put(serving: Serving, files: dict[str, bytes]) -> pfs.Commit:
    serving.client.pfs.create_repo(repo=pfs.Repo(name="data"))
    with serving.client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=path, data=data)
    return serving.client.pfs.wait_commit(commit).commit


@pytest.fixture
def proxy(databases: Databases) -> Iterator[Proxy]:
    made = Proxy(databases.server.socket, loopback=True)
    yield made
    made.close()


def test_egress_into_sqlite(serving: Serving, tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    with sqlite3.connect(path) as made:
        made.executescript(TABLES)
    made.close()
    serving.pfs.urls = Urls(sqlite_folders=[tmp_path])
    target = pfs.SqlDatabaseEgress(url=f"sqlite://{path}", file_format=CSV)
    answer = serving.client.pfs.egress(commit=put(serving, FILES), sql_database=target)
    assert answer.sql_database.rows_written == {"people": 2, "towns": 1}
    with sqlite3.connect(path) as opened:
        assert opened.execute("SELECT * FROM people ORDER BY name").fetchall() == [("ann", 1), ("bob", 2)]
    opened.close()


def test_egress_into_postgresql(serving: Serving, databases: Databases, proxy: Proxy) -> None:
    dsn = databases.server.new_database()
    with psycopg.connect(dsn) as made:
        made.execute(TABLES)
        name = made.info.dbname
    serving.pfs.urls = Urls(sql_password="not-shown")
    json = pfs.SqlDatabaseEgressFileFormat(type=pfs.SqlDatabaseEgressFileFormatType.JSON, columns=["age", "name"])
    target = pfs.SqlDatabaseEgress(
        url=f"postgres://postgres@127.0.0.1:{proxy.port}/{name}?sslmode=disable", file_format=json
    )
    commit = put(serving, {"/people/1": b'{"name": "ann", "age": 1, "size": 3}\n{"name": "bob"}\n'})
    for _ in range(2):
        answer = serving.client.pfs.egress(commit=commit, sql_database=target)
        assert answer.sql_database.rows_written == {"people": 2}
    with psycopg.connect(dsn) as opened:
        assert opened.execute("SELECT * FROM people ORDER BY name").fetchall() == [("ann", 1), ("bob", None)]


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        (pfs.SqlDatabaseEgress(url="snowflake://u@h/d", file_format=CSV), "UNIMPLEMENTED", "Snowflake"),
        (pfs.SqlDatabaseEgress(url="postgres://u@h/d"), "UNKNOWN", "unknown file format UNKNOWN"),
        (
            pfs.SqlDatabaseEgress(
                url="postgres://u@h/d",
                file_format=pfs.SqlDatabaseEgressFileFormat(type=pfs.SqlDatabaseEgressFileFormatType.PARQUET),
            ),
            "UNKNOWN",
            "unknown file format PARQUET",
        ),
        (
            pfs.SqlDatabaseEgress(url="postgres://u@h/d", file_format=CSV),
            "FAILED_PRECONDITION",
            "must set PACHYDERM_SQL_PASSWORD",
        ),
        (
            pfs.SqlDatabaseEgress(
                url="postgres://u@h/d", file_format=CSV, secret=pfs.SqlDatabaseEgressSecret(name="s", key="")
            ),
            "INVALID_ARGUMENT",
            "secret.name and sql_database.secret.key are required",
        ),
        (
            pfs.SqlDatabaseEgress(url="sqlite:///etc/passwd", file_format=CSV),
            "PERMISSION_DENIED",
            "is not open",
        ),
    ],
)
def test_databases_that_cannot_be(serving: Serving, target: pfs.SqlDatabaseEgress, code: str, words: str) -> None:
    with pytest.raises(grpc.RpcError, match=words) as caught:
        serving.client.pfs.egress(commit=put(serving, FILES), sql_database=target)
    assert caught.value.code().name == code


def test_an_empty_secret_does_not_stand_for_the_password_of_pachd(serving: Serving) -> None:
    serving.pfs.urls = Urls(sql_password="pachd's own")
    commit = put(serving, FILES)
    serving.client.pps.create_secret(name="empty", data={"k": ""})
    secret = pfs.SqlDatabaseEgressSecret(name="empty", key="k")
    target = pfs.SqlDatabaseEgress(url="postgres://u@127.0.0.1:1/d", file_format=CSV, secret=secret)
    with pytest.raises(grpc.RpcError, match='secret "empty" key "k" is empty'):
        serving.client.pfs.egress(commit=commit, sql_database=target)
