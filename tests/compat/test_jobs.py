"""Jobs by the official SDK: what is told of them, in which order, how they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from pachyderm_sdk.api import pfs, pps
from pachyderm_sdk.api.pps import JobState
from tests.compat.conftest import connect
from tests.compat.place import MISSING, Place, refused
from tests.compat.running import COPY, counts, create, ended, job, newest, pipeline, plant

from trunkline.testing.commands import wait_for


class Chain(Place):
    """`data` → `copy` → `picky` → `last`; jobs of two changes, of which the second fails in `picky`."""

    first: str
    second: str


@pytest.fixture(scope="module")
def chain(address: str) -> Iterator[Chain]:
    with plant(connect(address)) as made:
        made.make("data")
        create(made, "copy", "data", COPY)
        create(made, "picky", "copy", "! grep -q bad /pfs/in/* &&", COPY)
        create(made, "last", "picky", COPY)
        chain = Chain(made.client, made.project)
        chain.first = made.put(a=b"1", b=b"22")
        list(made.client.pps.inspect_job_set(job_set=pps.JobSet(id=chain.first), wait=True))
        chain.second = made.put(c=b"bad")
        list(made.client.pps.inspect_job_set(job_set=pps.JobSet(id=chain.second), wait=True))
        yield chain


@pytest.fixture
def slow(chain: Chain) -> Iterator[pps.Job]:
    """A job that is running, of the pipeline `slow`, and goes on until somebody ends it."""
    chain.pfs.create_repo(repo=chain.repo("gate"))
    create(chain, "slow", "gate", "sleep 600")
    made = job(chain, "slow", chain.put("gate@master", f=b"1"))
    stub = chain.client.pps
    wait_for(lambda: stub.inspect_job(job=made).state == JobState.JOB_RUNNING, "the job", 30)
    yield made
    stub.delete_pipeline(pipeline=made.pipeline)
    chain.pfs.delete_repo(repo=chain.repo("gate"))


def names(found: object) -> list[str]:
    return [one.job.pipeline.name for one in found]


# -- one job --------------------------------------------------------------------------------------------


def test_inspect_job(chain: Chain) -> None:
    stub = chain.client.pps
    info = stub.inspect_job(job=job(chain, "copy", chain.first))
    assert (info.state, info.reason, info.pipeline_version, info.restart) == (JobState.JOB_SUCCESS, "", 1, 0)
    assert counts(info) == (2, 2, 0, 0, 0)
    assert info.output_commit.id == chain.first
    assert info.output_commit.repo.name == "copy"
    assert info.created <= info.started <= info.finished
    assert (info.stats.download_bytes, info.stats.upload_bytes) == (3, 3)
    assert info.stats.process_time > timedelta(0)
    assert not info.details.transform.cmd
    assert not info.auth_token
    details = stub.inspect_job(job=job(chain, "copy", chain.first), details=True).details
    assert details.transform.cmd == ["sh"]
    assert details.transform.image
    assert (details.input.pfs.repo, details.input.pfs.commit) == ("data", chain.first)
    assert (details.datum_tries, len(details.salt)) == (1, 32)
    assert details.worker_status == []


def test_inspect_job_that_is_none(chain: Chain) -> None:
    stub = chain.client.pps
    with refused("INVALID_ARGUMENT", "must specify a job"):
        stub.inspect_job()
    with refused("NOT_FOUND", f"jobs {chain.project.name}/copy@{MISSING} not found$"):
        stub.inspect_job(job=job(chain, "copy", MISSING))
    with refused("NOT_FOUND"):
        stub.inspect_job(job=job(chain, "nope", chain.first), wait=True)
    assert stub.job_exists(job(chain, "copy", chain.first))
    assert not stub.job_exists(job(chain, "copy", MISSING))


def test_how_jobs_fail(chain: Chain) -> None:
    failed = ended(chain, "picky", chain.second)
    assert failed.state == JobState.JOB_FAILURE
    assert counts(failed) == (3, 0, 2, 1, 0)
    (datum,) = chain.client.pps.list_datum(
        job=failed.job, filter=pps.ListDatumRequestFilter(state=[pps.DatumState.FAILED])
    )
    assert failed.reason.startswith(f"datum {datum.datum.id} failed")
    last = ended(chain, "last", chain.second)
    assert last.state == JobState.JOB_UNRUNNABLE
    assert last.reason == "unrunnable because the following upstream pipelines failed: in"
    assert last.started
    assert last.finished
    assert chain.pfs.inspect_commit(commit=chain.commit(f"last@{chain.second}")).error == last.reason


def test_worker_status(chain: Chain, slow: pps.Job) -> None:
    stub = chain.client.pps

    def status() -> list[pps.WorkerStatus]:
        found = stub.inspect_job(job=slow, details=True).details.worker_status
        return [one for one in found if one.datum_status.data]

    wait_for(status, "the worker", 30)
    (worker,) = status()
    assert worker.job_id == slow.id
    assert worker.worker_id
    assert [one.path for one in worker.datum_status.data] == ["/f"]
    assert worker.datum_status.started


# -- lists ----------------------------------------------------------------------------------------------


def test_inspect_job_set(chain: Chain) -> None:
    stub = chain.client.pps
    found = list(stub.inspect_job_set(job_set=pps.JobSet(id=chain.second), wait=True))
    assert names(found) == ["copy", "picky", "last"]
    assert {one.job.id for one in found} == {chain.second}
    assert not found[0].details.transform.cmd
    (first, *_) = stub.inspect_job_set(job_set=pps.JobSet(id=chain.second), details=True)
    assert first.details.transform.cmd == ["sh"]
    with refused("INVALID_ARGUMENT", "InspectJobSetRequest.job_set: value is required"):
        list(stub.inspect_job_set())
    with refused("NOT_FOUND", f"no commits found for commitset {MISSING}"):
        list(stub.inspect_job_set(job_set=pps.JobSet(id=MISSING)))


def test_list_job(chain: Chain) -> None:
    stub, copy = chain.client.pps, pipeline(chain, "copy")
    listed = list(stub.list_job(pipeline=copy))
    assert [one.job.id for one in listed][:2] == [chain.second, chain.first]
    assert [one.created for one in listed] == sorted((one.created for one in listed), reverse=True)
    oldest = [one.job.id for one in stub.list_job(pipeline=copy, reverse=True)]
    assert oldest == [one.job.id for one in reversed(listed)]
    assert [one.job.id for one in stub.list_job(pipeline=copy, number=1)] == [chain.second]
    older = list(stub.list_job(pipeline=copy, pagination_marker=listed[0].created))
    assert [one.job.id for one in older] == [one.job.id for one in listed[1:]]
    newer = list(stub.list_job(pipeline=copy, pagination_marker=listed[1].created, reverse=True))
    assert [one.job.id for one in newer] == [chain.second]
    assert not listed[0].details.transform.cmd
    assert next(iter(stub.list_job(pipeline=copy, details=True))).details.transform.cmd == ["sh"]
    with refused("NOT_FOUND", f'pipeline "{chain.project.name}/nope" not found'):
        list(stub.list_job(pipeline=pipeline(chain, "nope")))


def test_list_job_of_projects_and_inputs(chain: Chain) -> None:
    stub = chain.client.pps
    assert set(names(stub.list_job(projects=[chain.project]))) == {"copy", "picky", "last"}
    assert list(stub.list_job(projects=[pfs.Project(name="nope")])) == []
    caused = list(stub.list_job(input_commit=[chain.commit(f"data@{chain.first}")]))
    assert {(one.job.pipeline.name, one.job.id) for one in caused} == {
        (name, chain.first) for name in ("copy", "picky", "last")
    }


def test_list_job_of_older_versions(chain: Chain) -> None:
    stub, own = chain.client.pps, pipeline(chain, "versions")
    first = create(chain, "versions", "data", COPY)
    second = create(chain, "versions", "data", COPY, update=True)
    assert [one.job.id for one in stub.list_job(pipeline=own)] == [second]
    assert [one.job.id for one in stub.list_job(pipeline=own, history=1)] == [second, first]
    assert [one.job.id for one in stub.list_job(pipeline=own, history=-1)] == [second, first]
    stub.delete_pipeline(pipeline=own)
    assert not [one for one in stub.list_job(history=-1) if one.job.pipeline == own], "nor those of deleted ones"


def test_list_job_set(chain: Chain) -> None:
    stub, projects = chain.client.pps, [chain.project]
    found = list(stub.list_job_set(projects=projects))
    assert [one.job_set.id for one in found][:2] == [chain.second, chain.first]
    assert names(found[0].jobs) == ["copy", "picky", "last"]
    (newest_,) = stub.list_job_set(projects=projects, number=1, details=True)
    assert newest_.jobs[0].details.transform.cmd == ["sh"]
    marker = max(one.created for one in found[0].jobs)
    older = list(stub.list_job_set(projects=projects, pagination_marker=marker))
    assert chain.first in [one.job_set.id for one in older]
    oldest = [one.job_set.id for one in stub.list_job_set(projects=projects, reverse=True)]
    assert oldest.index(chain.first) < oldest.index(chain.second)


def test_subscribe_job(chain: Chain) -> None:
    stub = chain.client.pps
    with refused("INVALID_ARGUMENT", "pipeline must be specified"):
        next(stub.subscribe_job())
    with refused("NOT_FOUND"):
        next(stub.subscribe_job(pipeline=pipeline(chain, "nope")))
    create(chain, "watched", "data", COPY)
    ended(chain, "watched")
    seen: list[pps.JobInfo] = []
    stream = stub.subscribe_job(pipeline=pipeline(chain, "watched"), details=True)
    reader = threading.Thread(target=lambda: seen.append(next(stream)), daemon=True)
    reader.start()
    made = chain.put("data@side", f=b"1")  # another branch: no job
    stub.rerun_pipeline(pipeline=pipeline(chain, "watched"))
    reader.join(30)
    (info,) = seen
    assert info.job.id not in ("", made)
    assert info.job.id == newest(chain, "watched")
    assert info.details.transform.cmd == ["sh"]
    stub.delete_pipeline(pipeline=pipeline(chain, "watched"))


# -- ends -----------------------------------------------------------------------------------------------


def test_stop_job(chain: Chain, slow: pps.Job) -> None:
    stub = chain.client.pps
    stub.stop_job(job=slow, reason="enough")
    info = stub.inspect_job(job=slow, wait=True)
    assert (info.state, info.reason) == (JobState.JOB_KILLED, "enough")
    assert chain.pfs.inspect_commit(commit=chain.commit(f"slow@{slow.id}")).error == "enough"
    stub.stop_job(job=slow, reason="again")
    assert stub.inspect_job(job=slow).reason == "enough", "what has ended stays"
    second = job(chain, "slow", chain.put("gate@master", g=b"1"))
    stub.stop_job(job=second)
    assert stub.inspect_job(job=second, wait=True).reason == "job stopped"
    with refused("INVALID_ARGUMENT", "Job must be specified"):
        stub.stop_job()
    with refused("NOT_FOUND"):
        stub.stop_job(job=job(chain, "slow", MISSING))


def test_stop_job_in_a_transaction(chain: Chain, slow: pps.Job) -> None:
    with chain.client.transaction.transaction():
        chain.client.pps.stop_job(job=slow, reason="together")
        chain.pfs.create_repo(repo=chain.repo("together"))
    assert chain.client.pps.inspect_job(job=slow, wait=True).reason == "together"
    assert chain.pfs.repo_exists(chain.repo("together"))


def test_delete_job(chain: Chain, slow: pps.Job) -> None:
    stub = chain.client.pps
    stub.delete_job(job=slow)
    with refused("NOT_FOUND"):
        stub.inspect_job(job=slow)
    assert slow.id not in [one.job.id for one in stub.list_job(pipeline=slow.pipeline)]
    assert chain.pfs.inspect_commit(commit=chain.commit(f"slow@{slow.id}")).error == "job deleted"
    with refused("INVALID_ARGUMENT", "job cannot be nil"):
        stub.delete_job()
    with refused("NOT_FOUND"):
        stub.delete_job(job=slow)


def test_a_job_that_takes_too_long(chain: Chain) -> None:
    made = create(chain, "late", "data", "sleep 600", job_timeout=timedelta(seconds=0.2))
    info = ended(chain, "late", made)
    assert (info.state, info.reason) == (JobState.JOB_KILLED, " jobtimed out")
    assert info.details.job_timeout == timedelta(seconds=0.2)
    assert isinstance(info.finished, datetime)
    chain.client.pps.delete_pipeline(pipeline=pipeline(chain, "late"))


def test_update_job_state(chain: Chain) -> None:
    with refused("UNIMPLEMENTED", "jobs here are moved by their datums only"):
        chain.client.pps.update_job_state(job=job(chain, "copy", chain.first), state=JobState.JOB_KILLED)
    assert ended(chain, "copy", chain.first).state == JobState.JOB_SUCCESS
