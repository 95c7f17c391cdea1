"""Spouts and services on bad days: code that ends, workers and pachd that are killed. Each test has its own pachd."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from trunkline.testing.commands import wait_for

CATALOGS = ("sqlite",)  # a whole pachd on its own settings

LEAVES_ONE_OPEN = """
import time
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
client = Client.new_in_cluster()
branch = pfs.Branch.from_uri("feed@master")
with client.pfs.commit(branch=branch) as commit:
    commit.put_file_from_bytes("/whole", b"1")
client.pfs.start_commit(branch=branch)
print("open", flush=True)
time.sleep(600)
"""


class House:
    """A pachd process that can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.start()

    def start(self) -> None:
        record = self.home / "run" / "pachd.json"
        record.unlink(missing_ok=True)
        with (self.home / "err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.pachd", "--home", str(self.home), "--port", "0"],
                env={"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "1"},
                stderr=errors,
            )
        wait_for(lambda: record.exists() or self.process.poll() is not None, "pachd", 60)
        assert self.process.poll() is None, (self.home / "err").read_text()
        host, _, port = json.loads(record.read_text())["address"].rpartition(":")
        self.client = Client(host=host, port=int(port))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert [one.error for one in self.client.pfs.fsck() if one.error] == []
        self.process.terminate()
        assert self.process.wait(60) == 0
        said = (self.home / "err").read_text() + (self.home / "logs" / "pachd.log").read_text()
        assert "unforeseen" not in said
        assert "could not be looked after" not in said

    def make(self, name: str, *cmd: str, update: bool = False, **fields: Any) -> pps.Pipeline:
        spec = {"pipeline": {"name": name}, "transform": {"cmd": list(cmd)}, **fields}
        self.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec), update=update)
        return pps.Pipeline(name=name)

    def said(self, name: str) -> list[str]:
        return [one.message for one in self.client.pps.get_logs(pipeline=pps.Pipeline(name=name)) if one.user]

    def keeper(self) -> int:
        """The process id of the newest worker that runs standing code."""
        log = (self.home / "logs" / "pachd.log").read_text()
        return int(re.findall(r'"worker": "keeper-[^"]*", "worker_pid": (\d+)', log)[-1])

    def about(self, name: str) -> pps.PipelineInfo:
        return self.client.pps.inspect_pipeline(pipeline=pps.Pipeline(name=name))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.stop()


def asked(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def test_code_that_does_not_go_on_running(house: House) -> None:
    house.make("feed", "sh", "-c", "echo again; exit 3", spout={})
    wait_for(lambda: house.about("feed").state == pps.PipelineState.PIPELINE_CRASHING, "crashing", 30)
    assert house.about("feed").reason == "user code does not go on running: user code ended with exit status 3"
    assert house.said("feed").count("again") >= 3
    house.make("feed", "sh", "-c", "echo better; sleep 600", spout={}, update=True)
    wait_for(lambda: "better" in house.said("feed"), "the new version", 30)
    assert house.about("feed").state == pps.PipelineState.PIPELINE_RUNNING
    house.client.pps.stop_pipeline(pipeline=pps.Pipeline(name="feed"))
    assert house.about("feed").state == pps.PipelineState.PIPELINE_PAUSED
    house.client.pps.start_pipeline(pipeline=pps.Pipeline(name="feed"))
    wait_for(lambda: house.said("feed").count("better") == 2, "the start", 30)
    # Code that runs on takes no worker from jobs, of which there may be one.
    house.client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    house.make("plain", "true", input={"pfs": {"repo": "data", "glob": "/"}})
    with house.client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
    done = house.client.pps.inspect_job(job=pps.Job(pipeline=pps.Pipeline(name="plain"), id=commit.id), wait=True)
    assert done.state == pps.JobState.JOB_SUCCESS


def test_code_that_takes_too_much_memory(house: House) -> None:
    hungry = "import time; held = b'x' * 400_000_000; time.sleep(600)"
    house.make("feed", sys.executable, "-c", hungry, spout={}, resource_limits={"memory": "100M"})
    wait_for(lambda: house.about("feed").state == pps.PipelineState.PIPELINE_CRASHING, "crashing", 30)
    assert "user code used more memory than resource_limits.memory" in house.about("feed").reason


@pytest.mark.parametrize("victim", ["worker", "pachd"])
def test_a_spout_whose_worker_or_pachd_is_killed(house: House, victim: str) -> None:
    house.make("feed", sys.executable, "-c", LEAVES_ONE_OPEN, spout={})
    wait_for(lambda: "open" in house.said("feed"), "a commit that is left open", 30)
    if victim == "worker":
        os.kill(house.keeper(), signal.SIGKILL)
    else:
        house.kill()
        house.start()
    wait_for(lambda: house.said("feed").count("open") == 2, "another run", 30)
    infos = list(house.client.pfs.list_commit(repo=pfs.Repo.from_uri("feed")))[::-1]
    assert [bool(one.error) for one in infos] == [False, False, True, False, False]
    assert infos[2].error == "the spout's code ended before it finished this commit"


@pytest.mark.parametrize("victim", ["worker", "pachd"])
def test_a_service_whose_worker_or_pachd_is_killed(house: House, victim: str) -> None:
    house.client.pfs.create_repo(repo=pfs.Repo.from_uri("data"))
    with house.client.pfs.commit(branch=pfs.Branch.from_uri("data@master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
    commit.wait()
    port = free_port()
    cmd = (sys.executable, "-m", "http.server", "--directory", "/pfs/data", str(port))
    web = house.make("web", *cmd, input={"pfs": {"repo": "data", "glob": "/"}}, service={"internal_port": port})
    wait_for(lambda: asked(port), "the service", 30)
    before = house.keeper()
    if victim == "worker":
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: house.keeper() != before, "another worker", 30)
    else:
        house.kill()
        wait_for(lambda: not asked(port), "the end of what pachd ran", 30)
        house.start()
    wait_for(lambda: asked(port), "the service again", 30)
    (only,) = house.client.pps.list_job(pipeline=web)
    assert only.state == pps.JobState.JOB_RUNNING
    assert only.restart == (1 if victim == "pachd" else 0)
    house.client.pps.delete_pipeline(pipeline=web)
    wait_for(lambda: not asked(port), "the end of the service", 30)
