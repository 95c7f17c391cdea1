"""The official SDK makes pipelines and follows their jobs, against a whole pachd with worker processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.kernel.config import Settings
from trunkline.pachd.daemon import Pachd

CATALOGS = ("sqlite",)  # a whole pachd on its own settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a pachd of its own."""
    addresses: list[str] = []
    daemon = Pachd(Settings(home=tmp_path_factory.mktemp("home"), port=0, max_workers=2), threading.Event())
    announce = daemon._home.announce
    daemon._home.announce = lambda record: (addresses.append(record.address), announce(record))[1]  # type: ignore[method-assign]
    try:
        daemon.start()
        host, _, port = addresses[0].rpartition(":")
        yield Client(host=host, port=int(port))
    finally:
        daemon.stop()


def pipeline(name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=pfs.Project(name="default"))


def job(name: str, id: str) -> pps.Job:
    return pps.Job(pipeline=pipeline(name), id=id)


def repo(client: Client, name: str) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri(name))


def put(client: Client, uri: str, **files: str) -> str:
    """One commit with some files at the top; returns its id once everything that it causes is done."""
    with client.pfs.commit(branch=pfs.Branch.from_uri(uri)) as commit:
        for name, text in files.items():
            commit.put_file_from_bytes(f"/{name}", text.encode())
    commit.wait_all()
    return commit.id


def make(client: Client, name: str, source: str, *script: str, **fields: object) -> str:
    """A pipeline over the files at the top of a repo that runs a shell script; returns the id of its first job."""
    spec = {
        "pipeline": {"name": name},
        "transform": {"cmd": ["sh"], "stdin": list(script)},
        "input": {"pfs": {"repo": source, "glob": "/*", "name": "in"}},
        **fields,
    }
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    return client.pfs.inspect_branch(branch=pfs.Branch.from_uri(f"{name}@master")).head.id


def ended(client: Client, name: str, id: str) -> pps.JobInfo:
    return client.pps.inspect_job(job=job(name, id), wait=True, details=True)


def content(client: Client, uri: str) -> dict[str, bytes]:
    found = {}
    for info in client.pfs.walk_file(file=pfs.File.from_uri(f"{uri}:/")):
        if info.file_type == pfs.FileType.FILE:
            found[info.file.path] = b"".join(one.value for one in client.pfs.get_file(file=info.file))
    return found


def refused(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        found = call()
        if hasattr(found, "__next__"):
            list(found)
    return caught.value


def test_a_pipeline_from_first_to_last(client: Client) -> None:
    repo(client, "words")
    put(client, "words@master", a="one", b="two")
    first = make(
        client, "loud", "words", "for f in /pfs/in/*; do tr a-z A-Z < $f > /pfs/out/${f##*/}; done", "echo said"
    )
    info = ended(client, "loud", first)
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, "")
    assert (info.data_total, info.data_processed, info.data_skipped, info.data_failed) == (2, 2, 0, 0)
    assert info.stats.download_bytes == 6
    assert info.details.transform.cmd == ["sh"]
    assert info.output_commit.id == first
    assert content(client, "loud@master") == {"/a": b"ONE", "/b": b"TWO"}

    second = put(client, "words@master", c="three")
    info = ended(client, "loud", second)
    assert (info.data_total, info.data_processed, info.data_skipped) == (3, 1, 2)
    assert content(client, f"loud@{second}") == {"/a": b"ONE", "/b": b"TWO", "/c": b"THREE"}
    assert content(client, f"loud@{first}") == {"/a": b"ONE", "/b": b"TWO"}
    assert content(client, f"words@{first}") == {"/a": b"one", "/b": b"two"}  # an alias

    listed = [one.job.id for one in client.pps.list_job(pipeline=pipeline("loud"))]
    assert listed == [second, first]
    assert [one.job.id for one in client.pps.list_job(pipeline=pipeline("loud"), number=1, reverse=True)] == [first]
    assert [one.job.pipeline.name for one in client.pps.inspect_job_set(job_set=pps.JobSet(id=second))] == ["loud"]
    about = client.pps.inspect_pipeline(pipeline=pipeline("loud"), details=True)
    assert (about.version, about.stopped, about.last_job_state) == (1, False, pps.JobState.JOB_SUCCESS)
    assert about.details.input.pfs.glob == "/*"
    assert json.loads(about.user_spec_json)["pipeline"] == {"name": "loud"}


def test_the_datums_and_the_log_of_a_job(client: Client) -> None:
    repo(client, "numbers")
    put(client, "numbers@master", one="1", two="2")
    id = make(client, "echo", "numbers", "cat /pfs/in/*", "cp /pfs/in/* /pfs/out/")
    ended(client, "echo", id)
    datums = list(client.pps.list_datum(job=job("echo", id)))
    assert [one.state for one in datums] == [pps.DatumState.SUCCESS] * 2
    assert sorted(one.data[0].file.path for one in datums) == ["/one", "/two"]
    chosen = datums[0]
    again = client.pps.inspect_datum(datum=pps.Datum(job=job("echo", id), id=chosen.datum.id))
    assert again.data[0].file.path == chosen.data[0].file.path
    assert (
        client.pfs.inspect_file(file=pfs.File.from_uri(f"echo@{id}:{chosen.data[0].file.path}")).file.datum
        == chosen.datum.id
    )
    said = {one.message.strip() for one in client.pps.get_logs(job=job("echo", id)) if one.user}
    assert said == {"1", "2"}


def test_a_failing_datum(client: Client) -> None:
    repo(client, "mixed")
    put(client, "mixed@master", good="1")
    first = make(client, "picky", "mixed", "! grep -q bad /pfs/in/* && cp /pfs/in/* /pfs/out/", datumTries=2)
    make(client, "after", "picky", "cp /pfs/in/* /pfs/out/")
    assert ended(client, "picky", first).state == pps.JobState.JOB_SUCCESS
    second = put(client, "mixed@master", worse="bad")
    info = ended(client, "picky", second)
    assert info.state == pps.JobState.JOB_FAILURE
    assert (info.data_processed, info.data_skipped, info.data_failed) == (0, 1, 1)
    assert "failed" in info.reason
    assert ended(client, "after", second).state == pps.JobState.JOB_UNRUNNABLE
    commit = client.pfs.inspect_commit(commit=pfs.Commit.from_uri(f"picky@{second}"))
    assert commit.error == info.reason
    assert content(client, "picky@master") == {"/good": b"1"}
    [failed] = [one for one in client.pps.list_datum(job=job("picky", second)) if one.state == pps.DatumState.FAILED]
    assert failed.data[0].file.path == "/worse"
    put(client, "mixed@master", worse="mended")
    assert content(client, "after@master") == {"/good": b"1", "/worse": b"mended"}


def test_stopped_and_started_and_changed(client: Client) -> None:
    repo(client, "source")
    put(client, "source@master", a="1")
    ended(client, "copier", make(client, "copier", "source", "cp /pfs/in/* /pfs/out/"))
    client.pps.stop_pipeline(pipeline=pipeline("copier"))
    assert client.pps.inspect_pipeline(pipeline=pipeline("copier")).stopped
    put(client, "source@master", b="2")
    assert content(client, "copier@master") == {"/a": b"1"}
    client.pps.start_pipeline(pipeline=pipeline("copier"))
    id = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("copier@master")).head.id
    info = ended(client, "copier", id)
    assert (info.data_processed, info.data_skipped) == (1, 1)
    assert content(client, "copier@master") == {"/a": b"1", "/b": b"2"}
    twice = "cat /pfs/in/* /pfs/in/* > /pfs/out/$(ls /pfs/in)"
    id = make(client, "copier", "source", twice, update=True, reprocess=True)
    assert ended(client, "copier", id).data_processed == 2
    assert content(client, "copier@master") == {"/a": b"11", "/b": b"22"}
    assert client.pps.inspect_pipeline(pipeline=pipeline("copier")).version == 2
    client.pps.delete_pipeline(pipeline=pipeline("copier"))
    assert not client.pps.pipeline_exists(pipeline("copier"))
    assert not client.pfs.repo_exists(pfs.Repo.from_uri("copier"))


def test_a_job_that_is_stopped(client: Client) -> None:
    repo(client, "slow")
    make(client, "sleeper", "slow", "sleep 600")
    with client.pfs.commit(branch=pfs.Branch.from_uri("slow@master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
    client.pps.stop_job(job=job("sleeper", commit.id), reason="enough")
    info = ended(client, "sleeper", commit.id)
    assert (info.state, info.reason) == (pps.JobState.JOB_KILLED, "enough")
    assert {one.error for one in commit.wait_all()} == {"", "enough"}


def test_what_is_missing_and_what_is_there(client: Client) -> None:
    repo(client, "held")
    id = make(client, "holder", "held", "true")
    assert client.pps.pipeline_exists(pipeline("holder"))
    assert client.pps.job_exists(job("holder", id))
    assert not client.pps.pipeline_exists(pipeline("nope"))
    assert not client.pps.job_exists(job("holder", "0" * 12 + "4" + "0" * 19))
    not_found, unknown = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN
    cases = [
        (lambda: client.pps.inspect_pipeline(pipeline=pipeline("nope")), not_found, "nope"),
        (lambda: client.pps.start_pipeline(pipeline=pipeline("nope")), not_found, "nope"),
        (lambda: client.pps.list_job(pipeline=pipeline("nope")), not_found, "nope"),
        (lambda: make(client, "holder", "held", "true"), grpc.StatusCode.ALREADY_EXISTS, "already exists"),
        (lambda: make(client, "other", "nope", "true"), not_found, "repo default/nope not found"),
        (lambda: make(client, "held", "held", "true"), unknown, "held"),
        (
            lambda: client.pfs.delete_repo(repo=pfs.Repo.from_uri("holder")),
            unknown,
            "cannot delete a repo associated with a pipeline - delete the pipeline instead",
        ),
        (lambda: client.pfs.delete_repo(repo=pfs.Repo.from_uri("held")), unknown, "cannot be deleted"),
        (
            lambda: put(client, "holder@master", x="1"),
            unknown,
            "cannot start a commit on an output branch: default/holder@master",
        ),
        (
            lambda: client.pfs.finish_commit(commit=pfs.Commit.from_uri("holder@master")),
            unknown,
            "has already finished",
        ),
    ]
    ended(client, "holder", id)
    for call, code, words in cases:
        error = refused(call)
        assert error.code() is code, error.details()
        assert words in error.details()


def test_no_problems_in_the_end(client: Client) -> None:
    assert list(client.pfs.fsck()) == []
