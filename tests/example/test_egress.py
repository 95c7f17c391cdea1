"""The examples of egress, played: a real pachd, a SQLite file, a real PostgreSQL server."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.compat.own import own_pachd

from trunkline.testing.catalogs import Databases
from trunkline.testing.postgres_proxy import Proxy

FOLDER = Path(__file__).parents[2] / "examples" / "egress"
TABLES = (FOLDER / "tables.sql").read_text()


def played(client: Client, name: str, url: str) -> pps.JobInfo:
    """The pipeline of a file, with the database at an address, on two stations."""
    spec: dict[str, Any] = json.loads((FOLDER / name).read_text())
    spec["egress"]["sql_database"]["url"] = url
    client.pfs.create_repo(repo=pfs.Repo(name="readings"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("readings@master")) as commit:
        commit.put_file_from_bytes("/ulm.csv", b"08:00,11.5\n12:00,19.0\n")
        commit.put_file_from_bytes("/aalen.csv", b"08:00,-3\n")
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    job = next(client.pps.list_job(pipeline=pps.Pipeline(name="averages")))
    return client.pps.inspect_job(job=job.job, wait=True)


def test_into_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "weather.db"
    with sqlite3.connect(path) as made:
        made.executescript(TABLES)
    made.close()
    with own_pachd(tmp_path / "home", TRUNKLINE_SQLITE_FOLDERS=str(tmp_path)) as pachd:
        job = played(pachd.start(), "sqlite.json", f"sqlite://{path}")
    assert (job.state, job.reason) == (pps.JobState.JOB_SUCCESS, "")
    with sqlite3.connect(path) as opened:
        found = opened.execute("SELECT * FROM averages ORDER BY station").fetchall()
    opened.close()
    assert found == [("aalen", -3, 1), ("ulm", 15.25, 2)]


def test_into_postgresql(tmp_path: Path, databases: Databases) -> None:
    databases.server.add_user("weather", "rain and shine")
    dsn = databases.server.new_database()
    with psycopg.connect(dsn) as made:
        made.execute(TABLES.encode())
        name = made.info.dbname
    proxy = Proxy(databases.server.socket, loopback=True)
    with own_pachd(tmp_path / "home") as pachd:
        client = pachd.start()
        client.pps.create_secret(name="weather-database", data={"PACHYDERM_SQL_PASSWORD": "rain and shine"})
        url = f"postgres://weather@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
        job = played(client, "postgres.json", url)
    proxy.close()
    assert (job.state, job.reason) == (pps.JobState.JOB_SUCCESS, "")
    with psycopg.connect(dsn) as opened:
        found = opened.execute("SELECT * FROM averages ORDER BY station").fetchall()
    assert found == [("aalen", Decimal("-3.00"), 1), ("ulm", Decimal("15.25"), 2)]
