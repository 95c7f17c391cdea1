"""Pipelines as a whole, lists filtered by jq, and what a cluster would have: by the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from tests.compat.place import Place, refused

from trunkline.testing.commands import wait_for


@pytest.fixture
def two(data: Place) -> Iterator[Place]:
    """The pipelines `good` and `bad` of `data`, each with a job done."""
    make_two(data)
    yield data
    data.client.pps.delete_pipelines(projects=[data.project])


def make_two(data: Place) -> None:
    for name, code in (("good", "true"), ("bad", "false")):
        data.client.pps.create_pipeline(
            pipeline=pps.Pipeline(name=name, project=data.project),
            transform=pps.Transform(cmd=[code]),
            datum_tries=1,
            input=pps.Input(pfs=pps.PfsInput(project=data.project.name, repo="data", glob="/*")),
        )
    made = data.put(f=b"1")
    list(data.client.pps.inspect_job_set(job_set=pps.JobSet(id=made), wait=True))


def names(found: object) -> list[str]:
    return sorted(one.pipeline.name for one in found)


def test_pipelines_summary(two: Place) -> None:
    stub, pickers = two.client.pps, [two.project.as_picker()]
    (found,) = stub.pipelines_summary(projects=pickers).summaries
    counts = (found.active_pipelines, found.paused_pipelines, found.failed_pipelines, found.unhealthy_pipelines)
    assert (found.project.name, counts) == (two.project.name, (2, 0, 0, 1))
    stub.stop_pipeline(pipeline=pps.Pipeline(name="good", project=two.project))
    (found,) = stub.pipelines_summary(projects=pickers).summaries
    assert (found.active_pipelines, found.paused_pipelines) == (1, 1)
    assert two.project.name in [one.project.name for one in stub.pipelines_summary().summaries]
    assert stub.pipelines_summary(projects=[pfs.ProjectPicker(name="nope")]).summaries == []


def test_check_status(two: Place) -> None:
    stub = two.client.pps
    assert list(stub.check_status(all=True)) == []
    assert list(stub.check_status(project=two.project)) == []
    late = pps.Pipeline(name="late", project=two.project)
    stub.create_pipeline(
        pipeline=late,
        transform=pps.Transform(cmd=["sleep", "600"]),
        input=pps.Input(pfs=pps.PfsInput(project=two.project.name, repo="data", glob="/*")),
        autoscaling=True,
        maximum_expected_uptime=timedelta(milliseconds=1),
    )
    wait_for(lambda: list(stub.check_status(all=True)), "the alert", 30)
    (found,) = stub.check_status(project=two.project)
    assert (found.project, found.pipeline) == (two.project, late)
    (alert,) = found.alerts
    assert alert.endswith("longer than its maximum expected uptime of 0.001s")
    (found,) = stub.check_status(all=True)
    assert not found.project.name
    details = stub.inspect_pipeline(pipeline=late, details=True).details
    assert details.workers_started_at
    assert (details.workers_requested, details.workers_available) == (1, 1)
    stub.stop_pipeline(pipeline=late)
    assert list(stub.check_status(all=True)) == []
    details = stub.inspect_pipeline(pipeline=late, details=True).details
    assert (details.workers_requested, details.workers_available) == (0, 0)
    with refused("NOT_FOUND", 'project "nope" not found'):
        list(stub.check_status(project=pfs.Project(name="nope")))


def test_jq_filters(two: Place) -> None:
    stub, projects = two.client.pps, [two.project]
    listed = names(stub.list_pipeline(projects=projects, jq_filter='.last_job_state == "JOB_FAILURE"'))
    assert listed == ["bad"]
    assert names(stub.list_pipeline(projects=projects, jq_filter='.details.transform.cmd == ["true"]')) == ["good"]
    page = pps.PipelinePage(page_size=1, page_index=0)
    assert names(stub.list_pipeline(projects=projects, jq_filter='.pipeline.name == "good"', page=page)) == ["good"]
    page = pps.PipelinePage(page_size=1, page_index=1)
    assert names(stub.list_pipeline(projects=projects, jq_filter='.pipeline.name == "good"', page=page)) == []
    assert names(stub.list_pipeline(projects=projects, page=page)) == ["good"]
    jobs = list(stub.list_job(projects=projects, jq_filter='.state == "JOB_SUCCESS"', number=1))
    assert [one.job.pipeline.name for one in jobs] == ["good"]
    sets = list(stub.list_job_set(projects=projects, jq_filter='any(.jobs[]; .state == "JOB_FAILURE")'))
    assert [one.job_set.id for one in sets] == [jobs[0].job.id]


def test_jq_filters_that_are_wrong(two: Place) -> None:
    stub = two.client.pps
    for call in (stub.list_pipeline, stub.list_job, stub.list_job_set):
        with refused("INVALID_ARGUMENT", r"^jqFilter: syntax error, .* at line 1, column \d+$"):
            list(call(projects=[two.project], jq_filter=".state =="))
        with refused("INVALID_ARGUMENT", "^jqFilter: Cannot index"):
            list(call(projects=[two.project], jq_filter=".[0]"))


def test_delete_all(alone: Place) -> None:
    alone.make("data")
    make_two(alone)
    stub = alone.client.pps
    with refused("UNKNOWN", "cannot delete a repo associated with a pipeline - delete the pipeline instead"):
        alone.pfs.delete_all()
    assert names(stub.list_pipeline(projects=[alone.project])) == ["bad", "good"], "all or nothing"
    stub.delete_all()
    assert list(stub.list_pipeline()) == []
    assert list(stub.list_job(history=-1)) == []
    assert [one.repo.name for one in alone.pfs.list_repo(type="", projects=[alone.project])] == ["data"]
    assert alone.walk() == ["/", "/f"]
    stub.delete_all()
    alone.pfs.delete_all()
    assert list(alone.pfs.list_repo(type="")) == []


def test_there_is_no_loki(client: Client) -> None:
    with refused("UNIMPLEMENTED", "^loki is not part of this installation: .* no events"):
        list(client.pps.get_kube_events())
    with refused("UNIMPLEMENTED", "^loki is not part of this installation: .* GetLogs"):
        list(client.pps.query_loki(query="{}"))
