"""Logs by the official SDK: of jobs, pipelines, datums, and of pachd itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pachyderm_sdk.api import pps
from tests.compat.conftest import connect
from tests.compat.place import Place, refused
from tests.compat.running import create, ended, job, newest, pipeline, plant

from trunkline.testing.commands import wait_for


class Talk(Place):
    """The pipeline `talk` says the content of each file, in two jobs; `quiet` says nothing."""

    first: str
    second: str


@pytest.fixture(scope="module")
def talk(address: str) -> Iterator[Talk]:
    with plant(connect(address)) as made:
        made.make("data")
        create(made, "talk", "data", "cat /pfs/in/*", "echo said >&2")
        create(made, "quiet", "data", "true")
        talk = Talk(made.client, made.project)
        talk.first = made.put(a=b"one\ntwo\n", b=b"three\n")
        ended(made, "talk", talk.first)
        talk.second = made.put(c=b"four\n")
        ended(made, "talk", talk.second)
        ended(made, "quiet", talk.second)
        yield talk


def said(lines: object) -> list[str]:
    return sorted(one.message for one in lines if one.user)


def test_logs_of_a_job(talk: Talk) -> None:
    lines = list(talk.client.pps.get_logs(job=job(talk, "talk", talk.first)))
    assert said(lines) == ["one", "said", "said", "three", "two"]
    assert [one.ts for one in lines] == sorted(one.ts for one in lines)
    line = next(one for one in lines if one.message == "two")
    assert (line.project_name, line.pipeline_name, line.job_id) == (talk.project.name, "talk", talk.first)
    assert (line.user, line.master) == (True, False)
    assert line.worker_id
    assert [one.path for one in line.data] == ["/a"]
    assert len(line.datum_id) == 64


def test_logs_of_a_pipeline(talk: Talk) -> None:
    stub = talk.client.pps
    assert said(stub.get_logs(pipeline=pipeline(talk, "talk"))) == [
        "four",
        "one",
        "said",
        "said",
        "said",
        "three",
        "two",
    ]
    assert said(stub.get_logs(pipeline=pipeline(talk, "quiet"))) == []
    both = stub.get_logs(pipeline=pipeline(talk, "talk"), job=job(talk, "talk", talk.second))
    assert said(both) == ["four", "said"]


def test_logs_of_a_datum(talk: Talk) -> None:
    stub, first = talk.client.pps, job(talk, "talk", talk.first)
    datum = next(one for one in stub.list_datum(job=first) if one.data[0].file.path == "/b")
    assert said(stub.get_logs(job=first, datum=datum.datum)) == ["said", "three"]
    for wanted in ("/a", datum.data[0].hash.hex()):
        found = {one.data[0].path for one in stub.get_logs(job=first, data_filters=[wanted]) if one.user}
        assert found == {"/a" if wanted == "/a" else "/b"}
    assert said(stub.get_logs(job=first, data_filters=["/a", "/b"])) == []


def test_parts_of_a_log(talk: Talk) -> None:
    stub, first = talk.client.pps, job(talk, "talk", talk.first)
    whole = [one.message for one in stub.get_logs(job=first)]
    assert [one.message for one in stub.get_logs(job=first, tail=2)] == whole[-2:]
    assert said(stub.get_logs(job=first, since=timedelta(hours=1))) == said(stub.get_logs(job=first))
    assert said(stub.get_logs(job=first, since=timedelta(microseconds=1))) == []
    assert said(stub.get_logs(job=first, master=True)) == [], "user code is no master"
    assert said(stub.get_logs(job=first, use_loki_backend=True)) == said(stub.get_logs(job=first))


def test_a_log_that_is_followed(talk: Talk) -> None:
    """It goes on while the job does, and ends with it."""
    stub = talk.client.pps
    talk.make("gate")
    create(talk, "slow", "gate", "echo begun; sleep 600")
    running = job(talk, "slow", talk.put("gate@master", f=b"1"))
    stream = stub.get_logs(job=running, follow=True)
    assert next(one for one in stream if one.user).message == "begun"
    stub.stop_job(job=running)
    assert [one.message for one in stream if one.user] == []
    stub.delete_pipeline(pipeline=running.pipeline)


def test_logs_of_pachd(talk: Talk) -> None:
    stub = talk.client.pps
    lines = list(stub.get_logs())
    assert any("pachd serves" in one.message for one in lines)
    assert not any(one.pipeline_name or one.user for one in lines)
    assert len(list(stub.get_logs(tail=1))) == 1


def test_logs_of_nothing(talk: Talk) -> None:
    stub = talk.client.pps
    words = "must specify the Job or Pipeline that the datum is from to get logs for it"
    with refused("INVALID_ARGUMENT", words):
        list(stub.get_logs(data_filters=["/a"]))
    with refused("INVALID_ARGUMENT", words):
        list(stub.get_logs(datum=pps.Datum(id="ab" * 32)))
    with refused("INVALID_ARGUMENT", "pipeline must be specified for the given job"):
        list(stub.get_logs(job=pps.Job(id=talk.first)))
    with refused("UNKNOWN", "job is from the wrong pipeline"):
        list(stub.get_logs(pipeline=pipeline(talk, "quiet"), job=job(talk, "talk", talk.first)))
    with refused("NOT_FOUND"):
        list(stub.get_logs(pipeline=pipeline(talk, "nope")))
    with refused("NOT_FOUND"):
        list(stub.get_logs(job=job(talk, "talk", newest(talk, "quiet")[::-1])))


def test_logs_go_with_their_pipeline(talk: Talk) -> None:
    stub = talk.client.pps
    create(talk, "brief", "data", "echo hello")
    wait_for(lambda: said(stub.get_logs(pipeline=pipeline(talk, "brief"))), "its words", 30)
    ended(talk, "brief")
    stub.delete_pipeline(pipeline=pipeline(talk, "brief"))
    create(talk, "brief", "data", "true")
    ended(talk, "brief")
    assert said(stub.get_logs(pipeline=pipeline(talk, "brief"))) == []
