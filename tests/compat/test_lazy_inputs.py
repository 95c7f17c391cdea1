"""Inputs that are not simply copied: lazy ones, and empty files."""

from __future__ import annotations

import json

from pachyderm_sdk.api import pps
from tests.compat.place import Place


def _run(place: Place, name: str, script: str, **fields: object) -> pps.JobInfo:
    spec = {
        "pipeline": {"name": name, "project": {"name": place.project.name}},
        "transform": {"cmd": ["sh"], "stdin": [script]},
        "input": {"pfs": {"repo": "data", "name": "in", "glob": "/", **fields}},
        "datumTries": 1,
    }
    place.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    id = place.pfs.inspect_branch(branch=place.branch(f"{name}@master")).head.id
    job = pps.Job(pipeline=pps.Pipeline(name=name, project=place.project), id=id)
    return place.client.pps.inspect_job(job=job, wait=True, details=True)


def test_lazy(data: Place) -> None:
    data.put(wanted=b"w" * 10, other=b"o" * 1000)
    script = "test -p /pfs/in/other && cat /pfs/in/wanted > /pfs/out/read && ln -s /pfs/in/other /pfs/out/link"
    info = _run(data, "lazy", script, lazy=True)
    assert (info.state, info.reason) == (pps.JobState.JOB_SUCCESS, "")
    assert info.stats.download_bytes == 10
    assert info.details.input.pfs.lazy is True
    assert (data.read("lazy@master:/read"), data.read("lazy@master:/link")) == (b"w" * 10, b"o" * 1000)


def test_empty_files(data: Place) -> None:
    data.put(a=b"content", d__b=b"more")
    script = "cat /pfs/in/a /pfs/in/d/b > /pfs/out/nothing && ln -s /pfs/in/d /pfs/out/d"
    info = _run(data, "empty", script, emptyFiles=True)
    assert (info.state, info.reason, info.stats.download_bytes) == (pps.JobState.JOB_SUCCESS, "", 0)
    assert (data.read("empty@master:/nothing"), data.read("empty@master:/d/b")) == (b"", b"more")
