"""Pipelines whose output goes elsewhere too, by the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.compat.own import OwnPachd, own_pachd
from tests.compat.place import refused

from trunkline.testing.buckets import S3Server
from trunkline.testing.catalogs import Databases
from trunkline.testing.commands import wait_for
from trunkline.testing.postgres_proxy import Proxy
from trunkline.testing.proxy import ERROR, FaultyProxy


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyProxy]:
    made = FaultyProxy(s3.address)
    yield made
    made.stop()


@pytest.fixture
def pachd(tmp_path: Path, proxy: FaultyProxy, s3: S3Server) -> Iterator[OwnPachd]:
    cloud = s3.secrets | {"AWS_ENDPOINT_URL": proxy.endpoint, "AWS_REGION": "us-east-1"}
    with own_pachd(tmp_path / "home", **cloud) as made:
        yield made


def copying(client: Client, egress: pps.Egress, code: str = "cp /pfs/data/* /pfs/out/") -> None:
    """A repo with two files, and a pipeline that copies them."""
    client.pfs.create_repo(repo=pfs.Repo(name="data"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
        commit.put_file_from_bytes("/b", b"22")
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="copy"),
        transform=pps.Transform(cmd=["sh"], stdin=[code]),
        input=pps.Input(pfs=pps.PfsInput(repo="data", glob="/*")),
        egress=egress,
    )


def last_job(client: Client, *, wait: bool = False) -> pps.JobInfo:
    newest = next(client.pps.list_job(pipeline=pps.Pipeline(name="copy")))
    return client.pps.inspect_job(job=newest.job, wait=wait, details=True)


def test_egress_outlives_a_killed_pachd(pachd: OwnPachd, proxy: FaultyProxy, s3: S3Server) -> None:
    client, bucket = pachd.start(), s3.bucket()
    proxy.rule = lambda method, path: ERROR
    target = pps.Egress(url=f"s3://{bucket}/out")
    copying(client, target)
    wait_for(lambda: "it is tried again" in last_job(client).reason, "a first attempt", 60)
    assert last_job(client).state == pps.JobState.JOB_EGRESSING
    assert client.pps.inspect_pipeline(pipeline=pps.Pipeline(name="copy"), details=True).details.egress == target
    pachd.kill()
    proxy.rule = lambda method, path: None
    client = pachd.start()
    job = last_job(client, wait=True)
    assert (job.state, job.reason, job.restart) == (pps.JobState.JOB_SUCCESS, "", 1)
    assert (job.data_processed, job.data_total, job.details.egress) == (2, 2, target)
    keys = [each["Key"] for each in s3.client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["out/a", "out/b"]


def test_egress_into_tables_with_a_secret(pachd: OwnPachd, databases: Databases) -> None:
    client, through = pachd.start(), Proxy(databases.server.socket, loopback=True)
    databases.server.add_user("loader", "from the secret")
    dsn = databases.server.new_database()
    with psycopg.connect(dsn) as made:
        made.execute("CREATE TABLE numbers (n integer)")
        name = made.info.dbname
    target = pps.Egress(
        sql_database=pfs.SqlDatabaseEgress(
            url=f"postgres://loader@127.0.0.1:{through.port}/{name}?sslmode=disable",
            file_format=pfs.SqlDatabaseEgressFileFormat(type=pfs.SqlDatabaseEgressFileFormatType.CSV),
            secret=pfs.SqlDatabaseEgressSecret(name="database", key="PACHYDERM_SQL_PASSWORD"),
        )
    )
    with refused("FAILED_PRECONDITION", 'missing Kubernetes secret "database"'):
        copying(client, target, "mkdir /pfs/out/numbers; cp /pfs/data/* /pfs/out/numbers/")
    client.pps.create_secret(name="database", data={"PACHYDERM_SQL_PASSWORD": "from the secret"})
    client.pfs.delete_repo(repo=pfs.Repo(name="data"), force=True)
    copying(client, target, "mkdir /pfs/out/numbers; cp /pfs/data/* /pfs/out/numbers/")
    job = last_job(client, wait=True)
    assert (job.state, job.reason) == (pps.JobState.JOB_SUCCESS, "")
    assert job.details.egress == target
    with psycopg.connect(dsn) as opened:
        assert opened.execute("SELECT n FROM numbers ORDER BY n").fetchall() == [(1,), (22,)]
    through.close()
    for path in (pachd.home / "logs").rglob("*"):
        assert path.is_dir() or b"from the secret" not in path.read_bytes()
