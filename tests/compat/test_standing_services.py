"""Services: code that runs on with the newest input, and is reached on its port."""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request

from pachyderm_sdk.api import pps

from trunkline.testing.commands import wait_for

from .place import Place, refused

SUCCESS, RUNNING, KILLED = (
    pps.JobState.JOB_SUCCESS,
    pps.JobState.JOB_RUNNING,
    pps.JobState.JOB_KILLED,
)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def asked(port: int, path: str) -> str:
    """What a service answers; empty while it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return ""


def make(here: Place, port: int, glob: str = "/") -> pps.Pipeline:
    spec = {
        "pipeline": {"name": "web", "project": {"name": here.project.name}},
        "transform": {"cmd": [sys.executable, "-m", "http.server", "--directory", "/pfs/data", str(port)]},
        "input": {"pfs": {"repo": "data", "glob": glob}},
        "service": {"internal_port": port, "external_port": 30080},
    }
    here.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    return pps.Pipeline(name="web", project=here.project)


def jobs(here: Place, pipeline: pps.Pipeline) -> list[tuple[str, pps.JobState]]:
    """Oldest first."""
    return [(one.job.id, one.state) for one in here.client.pps.list_job(pipeline=pipeline)][::-1]


def test_a_service(data: Place) -> None:
    data.put(a=b"one")
    port = free_port()
    web = make(data, port)
    wait_for(lambda: asked(port, "/a") == "one", "the service", 30)
    info = data.client.pps.inspect_pipeline(pipeline=web, details=True)
    assert info.type == pps.PipelineInfoPipelineType.PIPELINE_TYPE_SERVICE
    service = info.details.service
    assert (service.internal_port, service.external_port, service.type) == (port, 30080, "NodePort")
    (first,) = jobs(data, web)
    assert first[1] == RUNNING
    second = data.put(a=b"two")
    wait_for(lambda: asked(port, "/a") == "two", "the service with the new input", 30)
    assert jobs(data, web) == [(first[0], SUCCESS), (second, RUNNING)]
    ended = data.client.pps.inspect_job(job=pps.Job(pipeline=web, id=first[0]))
    assert (ended.data_total, ended.data_processed, ended.data_skipped) == (1, 1, 0)
    assert data.walk(f"web@{first[0]}:/") == []
    log = pps.Job(pipeline=web, id=second)
    wait_for(lambda: any("GET /a" in one.message for one in data.client.pps.get_logs(job=log)), "its log")
    data.client.pps.stop_pipeline(pipeline=web)
    wait_for(lambda: not asked(port, "/a"), "the end of the service", 30)
    assert jobs(data, web)[1] == (second, KILLED)


def test_a_service_has_one_datum(data: Place) -> None:
    data.put(a=b"1", b=b"2")
    web = make(data, free_port(), "/*")
    (only,) = jobs(data, web)
    ended = data.client.pps.inspect_job(job=pps.Job(pipeline=web, id=only[0]), wait=True)
    assert ended.state == pps.JobState.JOB_FAILURE
    assert ended.reason.startswith("services must have a single datum")


def test_what_a_service_must_not_say(data: Place) -> None:
    spec = {
        "pipeline": {"name": "web", "project": {"name": data.project.name}},
        "transform": {"cmd": ["true"]},
        "input": {"pfs": {"repo": "data", "glob": "/"}},
    }
    for wrong, words in (
        ({"service": {"type": "Ingress"}}, "the following service type Ingress is not allowed"),
        (
            {"service": {}, "parallelism_spec": {"constant": 2}},
            "services can only be run with a constant parallelism of 1",
        ),
        ({"service": {}, "s3_out": True}, "s3 output is not supported in spouts or services"),
        ({"spout": {}}, r"spout pipelines \(without a service\) must not have an input"),
        ({"spout": {}, "autoscaling": True}, "autoscaling can't be used with spouts"),
        ({"spout": {}, "service": {}}, "service and spout are both set"),
    ):
        with refused("UNKNOWN", words):
            data.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec | wrong))
    with refused("INVALID_ARGUMENT", "service.internalPort is 70000"):
        data.client.pps.create_pipeline_v2(
            create_pipeline_request_json=json.dumps(spec | {"service": {"internal_port": 70000}})
        )
