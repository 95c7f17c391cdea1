"""Datums by the official SDK: of a job, of an input, and one that is begun again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk.api import pfs, pps
from pachyderm_sdk.api.pps import DatumState
from tests.compat.conftest import connect
from tests.compat.place import Place, refused
from tests.compat.running import COPY, create, ended, job, pipeline, plant, reading

from trunkline.testing.commands import wait_for


class Jobs(Place):
    """The pipeline `p` of `data`, and its jobs: of a and b; of a, b and c; of a that changed, b, a d that fails, an e
    that is recovered from."""

    ids: list[str]

    def of(self, number: int) -> pps.Job:
        return job(self, "p", self.ids[number])


@pytest.fixture(scope="module")
def jobs(address: str) -> Iterator[Jobs]:
    with plant(connect(address)) as made:
        made.make("data")
        transform = pps.Transform(
            cmd=["sh"],
            stdin=["! ls /pfs/in | grep -q '[de]' &&", COPY],
            err_cmd=["sh"],
            err_stdin=["ls /pfs/in | grep -q e"],
        )
        made.client.pps.create_pipeline(
            pipeline=pipeline(made, "p"), transform=transform, datum_tries=1, input=reading(made, "data")
        )
        jobs = Jobs(made.client, made.project)
        jobs.ids = []
        for files in ({"a": b"1", "b": b"22"}, {"c": b"333"}, {"a": b"4", "d": b"5", "e": b"6"}):
            jobs.ids.append(made.put(**files))
            ended(made, "p", jobs.ids[-1])
        yield jobs


def states(found: object) -> dict[str, DatumState]:
    return {one.data[0].file.path: one.state for one in found}


def test_list_datum(jobs: Jobs) -> None:
    stub = jobs.client.pps
    found = list(stub.list_datum(job=jobs.of(0)))
    assert states(found) == {"/a": DatumState.SUCCESS, "/b": DatumState.SUCCESS}
    assert [one.datum.id for one in found] == sorted(one.datum.id for one in found)
    datum = next(one for one in found if one.data[0].file.path == "/b")
    assert datum.datum.job == jobs.of(0)
    assert len(datum.datum.id) == 64
    (file,) = datum.data
    assert (file.file.commit.repo.name, file.file.commit.id, file.size_bytes) == ("data", jobs.ids[0], 2)
    assert file.file_type == pfs.FileType.FILE
    assert file.hash == jobs.pfs.inspect_file(file=jobs.file(f"data@{jobs.ids[0]}:/b")).hash
    assert (datum.stats.download_bytes, datum.stats.upload_bytes) == (2, 2)
    assert datum.stats.process_time


def test_states_of_datums(jobs: Jobs) -> None:
    stub = jobs.client.pps
    success, skipped = DatumState.SUCCESS, DatumState.SKIPPED
    assert states(stub.list_datum(job=jobs.of(1))) == {"/a": skipped, "/b": skipped, "/c": success}
    all_ = states(stub.list_datum(job=jobs.of(2)))
    assert all_ == {
        "/a": success,
        "/b": skipped,
        "/c": skipped,
        "/d": DatumState.FAILED,
        "/e": DatumState.RECOVERED,
    }
    for wanted in ([DatumState.FAILED], [DatumState.FAILED, skipped], [DatumState.STARTING]):
        some = stub.list_datum(job=jobs.of(2), filter=pps.ListDatumRequestFilter(state=wanted))
        assert states(some) == {path: state for path, state in all_.items() if state in wanted}


def test_pages_of_datums(jobs: Jobs) -> None:
    stub = jobs.client.pps
    ids = [one.datum.id for one in stub.list_datum(job=jobs.of(2))]
    assert [one.datum.id for one in stub.list_datum(job=jobs.of(2), number=2)] == ids[:2]
    after = stub.list_datum(job=jobs.of(2), number=2, pagination_marker=ids[1])
    assert [one.datum.id for one in after] == ids[2:4]
    assert [one.datum.id for one in stub.list_datum(job=jobs.of(2), number=3, reverse=True)] == ids[:-4:-1]
    before = stub.list_datum(job=jobs.of(2), number=9, reverse=True, pagination_marker=ids[2])
    assert [one.datum.id for one in before] == ids[1::-1]
    assert list(stub.list_datum(job=jobs.of(2), pagination_marker=ids[-1])) == []
    with refused("INVALID_ARGUMENT", "number must be > 0 when reverse is set"):
        list(stub.list_datum(job=jobs.of(2), reverse=True))


def test_list_datum_of_an_input(jobs: Jobs) -> None:
    stub = jobs.client.pps
    found = list(stub.list_datum(input=reading(jobs, "data")))
    assert states(found) == dict.fromkeys(["/a", "/b", "/c", "/d", "/e"], DatumState.UNKNOWN)
    ids = [one.datum.id for one in found]
    assert ids == sorted(ids)
    assert set(ids) == {one.datum.id for one in stub.list_datum(job=jobs.of(2))}, "those that a job would have"
    assert [one.datum.id for one in stub.list_datum(input=reading(jobs, "data"), number=2)] == ids[:2]
    crossed = pps.Input(cross=[reading(jobs, "data", "/a", "x"), reading(jobs, "data", "/*", "y")])
    assert [len(one.data) for one in stub.list_datum(input=crossed)] == [2] * 5


def test_list_datum_of_nothing(jobs: Jobs) -> None:
    stub = jobs.client.pps
    with refused("INVALID_ARGUMENT", "^must specify a job$"):
        list(stub.list_datum())
    with refused("INVALID_ARGUMENT", "^cannot specify both job and input$"):
        list(stub.list_datum(job=jobs.of(0), input=reading(jobs, "data")))
    with refused("NOT_FOUND"):
        list(stub.list_datum(job=job(jobs, "nope", jobs.ids[0])))
    with refused("NOT_FOUND", "nope not found"):
        list(stub.list_datum(input=reading(jobs, "nope")))
    clock = pps.Input(cron=pps.CronInput(name="tick", spec="@never"))
    with refused(
        "UNKNOWN", "can't list datums with a cron input, there will be no datums until the pipeline is created"
    ):
        list(stub.list_datum(input=clock))


def test_inspect_datum(jobs: Jobs) -> None:
    stub = jobs.client.pps
    for one in stub.list_datum(job=jobs.of(2)):
        again = stub.inspect_datum(datum=one.datum)
        assert (again.datum, again.state, again.data, again.stats) == (one.datum, one.state, one.data, one.stats)
    missing = "ab" * 32
    with refused("NOT_FOUND", f"datum {missing} not found in job .*{jobs.ids[0]}"):
        stub.inspect_datum(datum=pps.Datum(job=jobs.of(0), id=missing))
    with refused("NOT_FOUND"):
        stub.inspect_datum(datum=pps.Datum(job=job(jobs, "nope", jobs.ids[0]), id=missing))


def test_restart_datum(jobs: Jobs, tmp_path: Path) -> None:
    stub, starts = jobs.client.pps, tmp_path / "starts"
    jobs.make("gate")
    create(jobs, "slow", "gate", f"echo x >> {starts}; sleep 600")
    tmp_path.chmod(0o777)
    running = job(jobs, "slow", jobs.put("gate@master", f=b"1", g=b"2"))

    def started(times: int) -> bool:
        return starts.exists() and starts.read_text().count("x") >= times

    wait_for(lambda: started(1), "the datum", 30)
    (worker,) = stub.inspect_job(job=running, details=True).details.worker_status
    wait_for(lambda: stub.inspect_job(job=running, details=True).details.worker_status[0].datum_status.data, "it", 30)
    (worker,) = stub.inspect_job(job=running, details=True).details.worker_status
    (file,) = worker.datum_status.data
    words = rf"datum matching filter \[/nope {file.path}\] could not be found for job ID {running.id}"
    with refused("UNKNOWN", words):
        stub.restart_datum(job=running, data_filters=["/nope", file.path])
    stub.restart_datum(job=running, data_filters=[file.path, file.hash.hex()])
    wait_for(lambda: started(2), "the second start", 40)
    stub.delete_pipeline(pipeline=running.pipeline)
    with refused("NOT_FOUND"):
        stub.restart_datum(job=running, data_filters=[])
