from __future__ import annotations

import base64
import threading

import pytest
from tests.pps.world import World, spec_of

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import NotFound, Refused
from trunkline.kernel.ids import SetId
from trunkline.pps.log_queries import LogEntry, LogQuery
from trunkline.pps.logbook import Record
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Job

EDGES = PipelineRef("edges")
EVERYTHING = LogQuery()


@pytest.fixture
def edges(world: World) -> World:
    world.repo("images")
    world.pipeline("edges", "images")
    world.end(world.job("edges"))
    return world


def write(world: World, job: Job, *messages: str, datum: str = "") -> None:
    records = [Record(world.clock.now(), message, datum=datum, user=True) for message in messages]
    world.logbook.append(job.ref, records)


def texts(found: object) -> list[str]:
    return [entry.record.message for entry in found]  # type: ignore[attr-defined]


def test_the_log_of_a_job_names_the_inputs_of_its_datums(edges: World) -> None:
    edges.put("images", a="1", b="2")
    job = edges.run(edges.job("edges"))
    datums = {info.inputs[0].path: info for info in edges.pps.list_datums(job.ref)}
    one = datums["/a"]
    write(edges, job, "of the job")
    write(edges, job, "of a", datum=one.id)
    write(edges, job, "of b", datum=datums["/b"].id)
    write(edges, job, "of nothing known", datum="zz")
    found: list[LogEntry] = list(edges.pps.logs(EVERYTHING, job=job.ref))
    assert texts(found) == ["of the job", "of a", "of b", "of nothing known"]
    assert [entry.data for entry in found][:2] == [(), (("/a", one.inputs[0].hash),)]
    assert found[0].job == job.ref
    hash = one.inputs[0].hash
    for given in ("/a", hash.hex(), base64.b64encode(hash).decode()):
        assert texts(edges.pps.logs(LogQuery(data=(given,)), job=job.ref)) == ["of a"]
    assert texts(edges.pps.logs(LogQuery(data=("/a", "/b")), job=job.ref)) == []
    assert texts(edges.pps.logs(LogQuery(datum=datums["/b"].id), job=job.ref)) == ["of b"]
    assert texts(edges.pps.logs(LogQuery(tail=1), job=job.ref)) == ["of nothing known"]


def test_a_log_can_be_filtered_by_input_while_its_job_is_planned(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.job("edges")
    found = edges.pps.logs(LogQuery(data=("/a",), follow=True), job=job.ref)
    edges.run(job)
    (datum,) = edges.pps.list_datums(job.ref)
    write(edges, job, "of a", datum=datum.id)
    assert texts(found) == ["of a"]


def test_the_log_of_a_pipeline_is_that_of_its_jobs(edges: World) -> None:
    for number in range(3):
        edges.put("images", a=str(number))
        job = edges.job("edges")
        write(edges, job, f"{number} one", f"{number} two")
        edges.end(job)
    edges.pps.create_pipeline(spec_of("edges", "images"), update=True)
    write(edges, edges.job("edges"), "new version")
    every = ["0 one", "0 two", "1 one", "1 two", "2 one", "2 two", "new version"]
    assert texts(edges.pps.logs(EVERYTHING, pipeline=EDGES)) == every
    for tail in (1, 2, 3, 9):
        assert texts(edges.pps.logs(LogQuery(tail=tail), pipeline=EDGES)) == every[-tail:]


def test_since(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.job("edges")
    write(edges, job, "early")
    edges.clock.advance(100)
    now = edges.clock.now()
    write(edges, job, "late")
    assert texts(edges.pps.logs(LogQuery(since=Nanos(now - 50 * SECOND)), job=job.ref)) == ["late"]
    assert texts(edges.pps.logs(LogQuery(since=Nanos(now - 50 * SECOND)), pipeline=EDGES)) == ["late"]
    edges.clock.advance(24 * 3600 - 50)
    assert texts(edges.pps.logs(EVERYTHING, job=job.ref)) == ["early", "late"], "all of a job"
    assert texts(edges.pps.logs(EVERYTHING, pipeline=EDGES)) == ["late"], "a day of a pipeline"


def test_following_a_job_ends_when_it_is_stopped(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.job("edges")
    write(edges, job, "first")
    found = edges.pps.logs(LogQuery(follow=True), job=job.ref)
    assert next(found).record.message == "first"
    result: list[str] = []
    thread = threading.Thread(target=lambda: result.extend(texts(found)), daemon=True)
    thread.start()
    write(edges, job, "second")
    edges.pps.stop_job(job.ref)
    thread.join(20)
    assert not thread.is_alive()
    assert result == ["second"]


def test_following_a_pipeline_goes_on_with_new_jobs(edges: World) -> None:
    edges.put("images", a="1")
    first = edges.job("edges")
    write(edges, first, "first")
    found = edges.pps.logs(LogQuery(follow=True), pipeline=EDGES)
    assert next(found).record.message == "first"
    edges.put("images", a="2")
    write(edges, edges.job("edges"), "second")
    assert next(found).record.message == "second"
    write(edges, first, "third")
    assert next(found).record.message == "third"


def test_following_a_pipeline_from_the_tail(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.job("edges")
    write(edges, job, "first", "second")
    found = edges.pps.logs(LogQuery(follow=True, tail=1), pipeline=EDGES)
    assert next(found).record.message == "second"
    write(edges, job, "third")
    assert next(found).record.message == "third"


def test_logs_of_what_is_missing(edges: World) -> None:
    missing = JobRef(EDGES, SetId("0" * 32))
    with pytest.raises(NotFound, match=r"jobs default/edges@0+ not found"):
        edges.pps.logs(EVERYTHING, job=missing)
    with pytest.raises(NotFound, match='pipeline "default/nope" not found'):
        edges.pps.logs(EVERYTHING, pipeline=PipelineRef("nope"))
    with pytest.raises(Refused) as error:
        edges.pps.logs(EVERYTHING, job=missing, pipeline=PipelineRef("other"))
    assert str(error.value) == "job is from the wrong pipeline"
    with pytest.raises(Refused) as error:
        edges.pps.logs(LogQuery(datum="x"))
    assert str(error.value) == ("must specify the Job or Pipeline that the datum is from to get logs for it")


def test_logs_go_away_with_their_job_and_their_pipeline(edges: World) -> None:
    job = edges.job("edges")
    write(edges, job, "first")
    edges.pps.delete_job(job.ref)
    assert list(edges.logbook.read(job.ref)) == []
    edges.put("images", a="1")
    job = edges.job("edges")
    write(edges, job, "second")
    edges.pps.delete_pipeline(EDGES)
    assert list(edges.logbook.read(job.ref)) == []
