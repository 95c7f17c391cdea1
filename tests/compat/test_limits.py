"""Limits of what user code may have."""

from __future__ import annotations

import json
import sys

from pachyderm_sdk.api import pps
from tests.compat.place import Place


def test_memory(data: Place) -> None:
    data.put(small=b"1000", large=b"300000000")
    text = "import sys; hog = bytearray(int(open(sys.argv[1]).read())); hog[::4096] = hog[::4096]; time.sleep(9)"
    script = f"{sys.executable} -c '{text.replace('time.sleep(9)', 'import time; time.sleep(len(hog) // 10**8)')}' $in"
    spec = {
        "pipeline": {"name": "hogs", "project": {"name": data.project.name}},
        "transform": {"cmd": ["sh"], "stdin": [script]},
        "input": {"pfs": {"repo": "data", "name": "in", "glob": "/*"}},
        "datumTries": 1,
        "resourceLimits": {"memory": "64Mi", "cpu": 1},
    }
    data.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    id = data.pfs.inspect_branch(branch=data.branch("hogs@master")).head.id
    job = pps.Job(pipeline=pps.Pipeline(name="hogs", project=data.project), id=id)
    info = data.client.pps.inspect_job(job=job, wait=True, details=True)
    assert (info.state, info.data_processed, info.data_failed) == (pps.JobState.JOB_FAILURE, 1, 1)
    assert "user code used more memory than resource_limits.memory (64MiB): raise the limit" in info.reason
    assert info.details.resource_limits.memory == "64Mi"
