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

from trunkline.testing.commands import wait_for

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
