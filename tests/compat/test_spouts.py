"""Spouts: code that runs on and writes by itself, here with the official SDK inside the sandbox."""

from __future__ import annotations

import json
import sys
from typing import Any

from pachyderm_sdk.api import pfs, pps

from trunkline.testing.commands import wait_for

from .place import Place, refused

WRITER = """
import itertools, os, time
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
client = Client.{client}
branch = pfs.Branch.from_uri(os.environ["PPS_PROJECT_NAME"] + "/" + os.environ["PPS_PIPELINE_NAME"] + "@master")
print("begun", flush=True)
for number in range(3):
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes(f"/{{number}}", b"tick")
print("written", flush=True)
{end}
"""


def pipeline(here: Place, name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=here.project)


def make(here: Place, name: str, *cmd: str, stdin: str = "", **fields: Any) -> None:
    spec = {
        "pipeline": {"name": name, "project": {"name": here.project.name}},
        "transform": {"cmd": list(cmd), "stdin": stdin.splitlines()},
        "spout": {},
        **fields,
    }
    here.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec), update="update" in fields)


def commits(here: Place, name: str) -> list[pfs.CommitInfo]:
    """The commits of a spout, oldest first, without the one that came with the pipeline."""
    return list(here.pfs.list_commit(repo=here.repo(name)))[::-1][1:]


def said(here: Place, name: str) -> list[str]:
    return [one.message for one in here.client.pps.get_logs(pipeline=pipeline(here, name))]


def test_a_spout(here: Place) -> None:
    make(here, "feed", sys.executable, "-", stdin=WRITER.format(client="new_in_cluster()", end="time.sleep(600)"))
    wait_for(lambda: "written" in said(here, "feed"), "three commits", 15)
    assert here.walk("feed@master:/") == ["/", "/0", "/1", "/2"]
    made = commits(here, "feed")
    assert [one.error for one in made] == [""] * 3
    info = here.client.pps.inspect_pipeline(pipeline=pipeline(here, "feed"), details=True)
    assert info.type == pps.PipelineInfoPipelineType.PIPELINE_TYPE_SPOUT
    assert info.details.spout is not None
    assert (info.state, info.last_job_state) == (pps.PipelineState.PIPELINE_RUNNING, pps.JobState.JOB_STATE_UNKNOWN)
    assert [one.repo.name for one in made[0].direct_provenance] == ["feed"]  # its spec
    assert list(here.client.pps.list_job(pipeline=pipeline(here, "feed"))) == []
    with (
        refused("UNKNOWN", "cannot start a commit on an output branch"),
        here.pfs.commit(branch=here.branch("feed@master")),
    ):
        pass
    here.client.pps.delete_pipeline(pipeline=pipeline(here, "feed"))
    assert list(here.pfs.list_repo(projects=[here.project])) == []


def test_a_spout_feeds_a_pipeline(here: Place) -> None:
    make(here, "feed", sys.executable, "-", stdin=WRITER.format(client="from_config()", end="time.sleep(600)"))
    spec = {
        "pipeline": {"name": "copy", "project": {"name": here.project.name}},
        "transform": {"cmd": ["sh"], "stdin": ["cp /pfs/feed/* /pfs/out/"]},
        "input": {"pfs": {"repo": "feed", "glob": "/*"}},
    }
    here.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    wait_for(lambda: len(commits(here, "feed")) == 3, "three commits", 30)
    last = pps.Job(pipeline=pipeline(here, "copy"), id=commits(here, "feed")[-1].commit.id)
    assert here.client.pps.inspect_job(job=last, wait=True).state == pps.JobState.JOB_SUCCESS
    assert here.walk(f"copy@{last.id}:/") == ["/", "/0", "/1", "/2"]
    here.client.pps.stop_pipeline(pipeline=pipeline(here, "feed"))
