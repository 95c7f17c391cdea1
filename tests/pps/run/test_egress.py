"""Jobs whose output goes to a bucket before they are a success: a real S3 server, good days and bad."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.pps.run.factory import Factory
from tests.pps.run.test_interruptions import Driving

from trunkline.catalog.watch import Watch
from trunkline.kernel.errors import InvalidRequest, NotBuilt, Refused
from trunkline.kernel.secrets import Secrets
from trunkline.pfs.urls import Urls
from trunkline.pps.runner import TIMED_OUT
from trunkline.pps.states import JobState
from trunkline.testing.buckets import S3Server
from trunkline.testing.proxy import ERROR, FaultyProxy


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyProxy]:
    made = FaultyProxy(s3.address)
    yield made
    made.stop()


@pytest.fixture
def world(factory: Factory, proxy: FaultyProxy, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Factory:
    monkeypatch.setattr("trunkline.pps.egress.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("trunkline.pps.egress.LOOK", 0.0)
    cloud = Secrets(s3.secrets | {"AWS_ENDPOINT_URL": proxy.endpoint, "AWS_REGION": "us-east-1"})
    factory.pfs.urls = Urls(cloud, store="s3://own-store/here")
    factory.repo("a")
    return factory


def objects(s3: S3Server, bucket: str) -> dict[str, str]:
    found = s3.client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: s3.client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in found}


def refusing(proxy: FaultyProxy) -> None:
    proxy.rule = lambda method, path: ERROR


def well(proxy: FaultyProxy) -> None:
    proxy.rule = lambda method, path: None


def egressing(world: Factory) -> None:
    """Waits until the job says what keeps it."""
    seen = world.catalog.watch.until(lambda: world.job("p").reason or None, timeout=30)
    assert seen is not None
    assert "it is tried again" in seen
    assert world.job("p").state is JobState.EGRESSING
    assert world.commit("p").open


def test_output_is_in_the_bucket_when_the_job_is_a_success(world: Factory, s3: S3Server) -> None:
    bucket = s3.bucket()
    world.put("a", x="1", y="22")
    world.pipeline("p", "a", egress={"URL": f"s3://{bucket}/out"})
    world.settle()
    world.check(world.job("p"))
    assert objects(s3, bucket) == {"out/x": "1", "out/y": "22"}
    world.put("a", x="one")
    world.settle()
    assert world.counts("p") == (1, 1, 0, 0, 2)
    assert objects(s3, bucket) == {"out/x": "one", "out/y": "22"}


def test_no_output_is_no_trouble(world: Factory) -> None:
    world.code = lambda files: {}
    world.put("a", x="1")
    world.pipeline("p", "a", egress={"objectStorage": {"url": "s3://nobody-made-this/x"}})
    world.settle()
    world.check(world.job("p"))


def test_passing_trouble_is_waited_out(world: Factory, s3: S3Server, proxy: FaultyProxy) -> None:
    bucket = s3.bucket()
    world.put("a", x="1")
    world.pipeline("p", "a", egress={"URL": f"s3://{bucket}"})
    refusing(proxy)
    with world.workers():
        driving = Driving(world)
        egressing(world)
        assert "answered 500" in world.job("p").reason
        well(proxy)
        driving.join()
    job = world.job("p")
    world.check(job)
    assert (job.reason, job.restart) == ("", 0)
    assert objects(s3, bucket) == {"x": "1"}


def test_after_a_crash_the_output_is_sent_again_and_no_user_code_runs(
    world: Factory, s3: S3Server, proxy: FaultyProxy
) -> None:
    bucket = s3.bucket()
    world.put("a", x="1", y="2")
    world.pipeline("p", "a", egress={"URL": f"s3://{bucket}"})
    refusing(proxy)
    with world.workers():
        driving = Driving(world)
        egressing(world)
        world.catalog.watch.close()  # what is under way ends as it would with the process
        driving.join()
    world.catalog.watch = Watch()
    assert world.job("p").state is JobState.EGRESSING
    well(proxy)
    world.ran.clear()
    world.restart()
    world.settle()
    job = world.job("p")
    world.check(job)
    assert (world.ran, job.restart) == ([], 1)
    assert world.counts("p") == (2, 0, 0, 0, 2)
    assert objects(s3, bucket) == {"x": "1", "y": "2"}


@pytest.mark.parametrize(
    ("url", "words"),
    [("s3://nobody-made-this/x", "no such bucket"), ("s3://own-store/here/x", "keeps its data")],
)
def test_what_time_does_not_mend_fails_the_job(world: Factory, url: str, words: str) -> None:
    world.put("a", x="1")
    world.pipeline("p", "a", egress={"URL": url})
    world.settle()
    job = world.job("p")
    assert job.state is JobState.FAILURE
    assert job.reason.startswith(f"egress to {url} failed: ")
    assert words in job.reason
    assert world.commit("p").error == job.reason


def test_a_stopped_job_stops_sending(world: Factory, s3: S3Server, proxy: FaultyProxy) -> None:
    world.put("a", x="1")
    world.pipeline("p", "a", egress={"URL": f"s3://{s3.bucket()}"})
    refusing(proxy)
    with world.workers():
        driving = Driving(world)
        egressing(world)
        world.pps.stop_job(world.job("p").ref, "enough")
        driving.join()
    assert (world.job("p").state, world.job("p").reason) == (JobState.KILLED, "enough")


def test_the_time_limit_of_the_job_counts(world: Factory, s3: S3Server, proxy: FaultyProxy) -> None:
    world.put("a", x="1")
    world.pipeline("p", "a", egress={"URL": f"s3://{s3.bucket()}"}, jobTimeout="60s")
    refusing(proxy)
    with world.workers():
        driving = Driving(world)
        egressing(world)
        world.clock.advance(61)
        driving.join()
    assert (world.job("p").state, world.job("p").reason) == (JobState.KILLED, TIMED_OUT)


def test_outputs_that_do_not_fit_together_are_not_sent(world: Factory, s3: S3Server) -> None:
    bucket = s3.bucket()
    world.code = lambda files: {"/same": "".join(files.values())}
    world.put("a", x="1", y="2")
    world.pipeline("p", "a", egress={"URL": f"s3://{bucket}"})
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    assert "duplicate path" in world.job("p").reason
    assert objects(s3, bucket) == {}


def database(url: str = "postgres://u@h/d", type: str = "CSV", columns: Sequence[str] = (), **secret: str) -> Any:
    """A target; without words for a secret it has none."""
    given = {"url": url, "fileFormat": {"type": type, "columns": list(columns)}}
    return given | ({"secret": secret} if secret else {})


def tables(folder: Path) -> Path:
    """A SQLite file with a table."""
    path = folder / "out.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE people (name text, age integer)")
    made.close()
    return path


def people(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as opened:
        found = opened.execute("SELECT * FROM people ORDER BY name").fetchall()
    opened.close()
    return found


def into_sqlite(world: Factory, folder: Path) -> Path:
    """A pipeline whose files are rows; returns where they go."""
    path = tables(folder)
    world.pfs.urls = Urls(sqlite_folders=[folder])
    world.code = lambda files: {f"/people/{name.rpartition('/')[2]}": text for name, text in files.items()}
    world.pipeline("p", "a", egress={"sqlDatabase": database(f"sqlite://{path}")})
    return path


def test_a_table_holds_the_rows_of_the_newest_output(world: Factory, tmp_path: Path) -> None:
    world.put("a", x="ann,1\n", y="bob,2\n")
    path = into_sqlite(world, tmp_path)
    world.settle()
    world.check(world.job("p"))
    assert people(path) == [("ann", 1), ("bob", 2)]
    world.put("a", x="cid,3\n")
    world.settle()
    assert people(path) == [("bob", 2), ("cid", 3)]


def test_a_bad_row_fails_the_job_and_says_where(world: Factory, tmp_path: Path) -> None:
    world.put("a", x="ann,1\n", y="bob,2\ncid,three\n")
    path = into_sqlite(world, tmp_path)
    world.settle()
    job = world.job("p")
    assert job.state is JobState.FAILURE
    assert f"egress to sqlite://{path} failed: file /people/y, line 2: people does not take it" in job.reason
    assert people(path) == []
    world.put("a", y="bob,2\n")
    world.settle()
    world.check(world.job("p"))
    assert people(path) == [("ann", 1), ("bob", 2)]


@pytest.mark.parametrize(
    ("egress", "error", "words"),
    [
        ({}, Refused, "it has none"),
        ({"URL": "s3://b", "objectStorage": {"url": "s3://b"}}, Refused, "it has URL and objectStorage"),
        ({"URL": "http://host/x"}, InvalidRequest, "egress: unrecognized object store: http"),
        ({"objectStorage": {"url": ""}}, InvalidRequest, "egress: unrecognized object store"),
        ({"URL": "s3://bucket/x?endpoint=http://h"}, InvalidRequest, "has an endpoint"),
        ({"URL": "s3://b", "sqlDatabase": {"url": "postgres://u@h/d"}}, Refused, "it has URL and sqlDatabase"),
        ({"sqlDatabase": {"url": "mysql://u@h/d"}}, NotBuilt, "egress: egress to MySQL is not built"),
        ({"sqlDatabase": {"url": "postgres://u@h/d"}}, Refused, "unknown file format UNKNOWN"),
        ({"sqlDatabase": database(type="PARQUET")}, Refused, "unknown file format PARQUET"),
        ({"sqlDatabase": database()}, Refused, r"egress\.sql_database\.secret is required"),
        ({"sqlDatabase": database(name="s")}, Refused, r"secret\.name and egress\.sql_database\.secret\.key are"),
        ({"sqlDatabase": database(columns=["a", "a"])}, InvalidRequest, "'a' twice"),
    ],
)
def test_destinations_that_cannot_be(world: Factory, egress: dict[str, object], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        world.pipeline("p", "a", egress=egress)
