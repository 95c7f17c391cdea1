"""Pipelines that are on standby while there is nothing to do."""

from __future__ import annotations

import json
from pathlib import Path

from pachyderm_sdk.api import pps
from tests.compat.place import Place, refused

from trunkline.testing.commands import wait_for

STANDBY, RUNNING = pps.PipelineState.PIPELINE_STANDBY, pps.PipelineState.PIPELINE_RUNNING


def _pipeline(place: Place, name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=place.project)


def _make(place: Place, name: str, script: str, source: str = "data", **fields: object) -> None:
    spec = {
        "pipeline": {"name": name, "project": {"name": place.project.name}},
        "transform": {"cmd": ["sh"], "stdin": [script]},
        "input": {"pfs": {"repo": source, "name": "in", "glob": "/*"}},
        "autoscaling": True,
    } | fields
    place.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))


def _about(place: Place, name: str) -> pps.PipelineInfo:
    return place.client.pps.inspect_pipeline(pipeline=_pipeline(place, name), details=True)


def _ended(place: Place, name: str, id: str) -> pps.JobInfo:
    return place.client.pps.inspect_job(job=pps.Job(pipeline=_pipeline(place, name), id=id), wait=True)


def _rests(place: Place, name: str) -> bool:
    """On standby, with its first job behind it, which is that of the input's empty head."""
    jobs = list(place.client.pps.list_job(pipeline=_pipeline(place, name)))
    over = all(job.state in (pps.JobState.JOB_SUCCESS, pps.JobState.JOB_FAILURE) for job in jobs)
    return over and _about(place, name).state == STANDBY


def test_up_while_there_is_work(data: Place, tmp_path: Path) -> None:
    go = tmp_path / "go"
    _make(data, "sleepy", f"while [ ! -e {go} ]; do sleep 0.02; done; cp /pfs/in/* /pfs/out")
    wait_for(lambda: _rests(data, "sleepy"), "standby of a pipeline without data")
    about = _about(data, "sleepy")
    assert (about.details.autoscaling, about.details.workers_requested) == (True, 0)
    id = data.put(a=b"1")
    wait_for(lambda: _about(data, "sleepy").state == RUNNING, "the pipeline to wake")
    wait_for(lambda: _about(data, "sleepy").details.workers_requested == 1, "a worker to be asked for")
    go.touch()
    assert _ended(data, "sleepy", id).state == pps.JobState.JOB_SUCCESS
    wait_for(lambda: _rests(data, "sleepy"), "standby again")
    data.client.pps.stop_pipeline(pipeline=_pipeline(data, "sleepy"))
    assert _about(data, "sleepy").state == pps.PipelineState.PIPELINE_PAUSED
    data.client.pps.start_pipeline(pipeline=_pipeline(data, "sleepy"))
    wait_for(lambda: _rests(data, "sleepy"), "standby after a pause")


def test_a_job_that_has_to_wait_wakes_nobody(data: Place) -> None:
    _make(data, "sleepy", "cp /pfs/in/* /pfs/out")
    wait_for(lambda: _rests(data, "sleepy"), "standby")
    open_commit = data.pfs.start_commit(branch=data.branch())
    job = pps.Job(pipeline=_pipeline(data, "sleepy"), id=open_commit.id)
    found = data.client.pps.inspect_job(job=job)
    assert found.state == pps.JobState.JOB_CREATED
    data.pfs.finish_commit(commit=open_commit)
    assert _ended(data, "sleepy", open_commit.id).state == pps.JobState.JOB_SUCCESS
    wait_for(lambda: _rests(data, "sleepy"), "standby again")


def test_an_update_ends_autoscaling(data: Place) -> None:
    _make(data, "sleepy", "true")
    wait_for(lambda: _rests(data, "sleepy"), "standby")
    spec = json.loads(_about(data, "sleepy").user_spec_json) | {"autoscaling": False}
    data.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec), update=True)
    wait_for(lambda: _about(data, "sleepy").state == RUNNING, "a pipeline that is always up")


def test_expected_uptime_needs_autoscaling(data: Place) -> None:
    with refused("UNKNOWN", "autoscaling must be true when max_expected_uptime is non-zero"):
        _make(data, "long", "true", autoscaling=False, maximumExpectedUptime="60s")
