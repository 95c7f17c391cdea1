"""Workers that are frozen: their work goes to others, and others take their places."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.testing.commands import processes, wait_for

CATALOGS = ("sqlite",)  # a whole pachd on its own settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    record = tmp_path / "home" / "run" / "pachd.json"
    environ = {"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "1", "TRUNKLINE_LEASE_SECONDS": "1"}
    command = [sys.executable, "-m", "trunkline.pachd", "--home", str(tmp_path / "home"), "--port", "0"]
    process = subprocess.Popen(command, env=environ)
    try:
        wait_for(lambda: record.exists() or process.poll() is not None, "pachd", 60)
        host, _, port = json.loads(record.read_text())["address"].rpartition(":")
        yield Client(host=host, port=int(port))
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_a_frozen_worker(client: Client, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
    script = f"if [ -e {begun} ]; then cp /pfs/data/a /pfs/out/a; else touch {begun}; sleep 1000; fi"
    spec = {
        "pipeline": {"name": "copy"},
        "transform": {"cmd": ["sh"], "stdin": [script]},
        "input": {"pfs": {"repo": "data", "glob": "/*"}},
    }
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    wait_for(begun.exists, "user code to begin", 60)
    (worker,) = _workers(tmp_path)
    os.kill(worker, signal.SIGSTOP)
    id = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("copy@master")).head.id
    job = pps.Job(pipeline=pps.Pipeline(name="copy", project=pfs.Project(name="default")), id=id)
    info = client.pps.inspect_job(job=job, wait=True)
    assert (info.state, info.reason, info.data_processed) == (pps.JobState.JOB_SUCCESS, "", 1)
    assert client.pfs.pfs_file(pfs.File.from_uri("copy@master:/a")).read() == b"1"
    assert worker not in _workers(tmp_path)


def test_a_worker_that_is_killed_with_user_code_for_many_datums(client: Client, tmp_path: Path) -> None:
    """What was reported stays; the rest is worked on by the next worker, with a fresh run of user code."""
    begun, script = tmp_path / "begun", tmp_path / "user_code.py"
    script.write_text(
        f"""
import os, time
from pathlib import Path
import pachyderm_sdk

@pachyderm_sdk.batch_all_datums
def work():
    (found,) = Path("/pfs/data").iterdir()
    Path("/pfs/out", found.name).write_text("done")
    mark = Path({str(begun)!r})
    if found.name == "3" and not mark.exists():
        mark.touch()
        time.sleep(1000)

work()
"""
    )
    client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        for number in range(8):
            commit.put_file_from_bytes(f"/{number}", b"1")
    spec = {
        "pipeline": {"name": "many"},
        "transform": {"cmd": [sys.executable, str(script)], "datumBatching": True},
        "input": {"pfs": {"repo": "data", "glob": "/*"}},
    }
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    wait_for(begun.exists, "user code to come to the datum", 60)
    (worker,) = _workers(tmp_path)
    os.kill(worker, signal.SIGKILL)
    id = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("many@master")).head.id
    job = pps.Job(pipeline=pps.Pipeline(name="many", project=pfs.Project(name="default")), id=id)
    info = client.pps.inspect_job(job=job, wait=True)
    assert (info.state, info.data_processed, info.data_total) == (pps.JobState.JOB_SUCCESS, 8, 8)
    assert [one.error for one in client.pfs.fsck() if one.error] == []
    wait_for(lambda: not processes(str(script)), "all runs of user code to end with their job")


def _workers(folder: Path) -> list[int]:
    """The worker processes of the pachd whose home is below a folder: they work in its scratch folder."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            command = (each / "cmdline").read_bytes()
            if b"trunkline.worker\0" in command and str(folder) in str((each / "cwd").readlink()):
                found.append(int(each.name))
        except OSError:
            continue
    return found
