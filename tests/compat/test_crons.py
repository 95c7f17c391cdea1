"""Clocks and triggers as inputs, with real user code."""

from __future__ import annotations

import json
from typing import Any

from pachyderm_sdk.api import pps

from trunkline.testing.commands import wait_for

from .place import Place, refused


def pipeline(here: Place, name: str) -> pps.Pipeline:
    return pps.Pipeline(name=name, project=here.project)


def make(here: Place, name: str, given: dict[str, Any], **fields: Any) -> None:
    """A pipeline that copies what comes to its first input."""
    spec = {
        "pipeline": {"name": name, "project": {"name": here.project.name}},
        "transform": {"cmd": ["sh"], "stdin": ["cp -r /pfs/in/* /pfs/out/"]},
        "input": given,
        **fields,
    }
    here.client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))


def copied(here: Place, name: str) -> list[str]:
    """What the pipeline's newest finished output has."""
    head = here.pfs.inspect_branch(branch=here.branch(f"{name}@master")).head
    done = here.client.pps.inspect_job(job=pps.Job(pipeline=pipeline(here, name), id=head.id), wait=True)
    assert done.state == pps.JobState.JOB_SUCCESS
    return here.walk(f"{name}@{head.id}:/")[1:]


def test_run_cron(here: Place) -> None:
    make(here, "nightly", {"cron": {"name": "in", "spec": "@never"}})
    here.client.pps.run_cron(pipeline=pipeline(here, "nightly"))
    ticks = copied(here, "nightly")
    assert ticks == here.walk("nightly_in@master:/")[1:]
    assert len(ticks) == 1
    here.make("data")
    make(here, "plain", {"pfs": {"repo": "data", "glob": "/*", "name": "in"}})
    with refused("UNKNOWN", "pipeline doesn't have a cron input"):
        here.client.pps.run_cron(pipeline=pipeline(here, "plain"))
    with refused("NOT_FOUND", "not found"):
        here.client.pps.run_cron(pipeline=pipeline(here, "nothing"))


def test_a_clock_by_itself(here: Place) -> None:
    make(here, "often", {"cron": {"name": "in", "spec": "@every 1s", "overwrite": True}})
    shown = here.client.pps.inspect_pipeline(pipeline=pipeline(here, "often"), details=True).details.input.cron
    assert (shown.repo, shown.spec, shown.project, shown.overwrite) == (
        "often_in",
        "@every 1s",
        here.project.name,
        True,
    )
    assert shown.start is not None
    wait_for(lambda: len(list(here.pfs.list_commit(repo=here.repo("often_in")))) >= 3, "two ticks", 30)
    here.client.pps.stop_pipeline(pipeline=pipeline(here, "often"))
    ticks = here.walk("often_in@master:/")[1:]
    assert len(ticks) == 1
    here.client.pps.delete_pipeline(pipeline=pipeline(here, "often"))
    assert [one.repo.name for one in here.pfs.list_repo(projects=[here.project])] == []


def test_a_trigger_on_an_input(data: Place) -> None:
    trigger = {"branch": "master", "commits": 2}
    make(data, "pairs", {"pfs": {"repo": "data", "glob": "/*", "name": "in", "trigger": trigger}})
    assert copied(data, "pairs") == []
    data.put(a=b"1")
    second = data.put(b=b"2")
    branch = data.branch("data@pairs-trigger-1")
    wait_for(lambda: data.pfs.inspect_branch(branch=branch).head.id == second, "the trigger", 30)
    assert copied(data, "pairs") == ["/a", "/b"]
    found = data.pfs.inspect_branch(branch=branch)
    assert (found.trigger.branch, found.trigger.commits) == ("master", 2)
