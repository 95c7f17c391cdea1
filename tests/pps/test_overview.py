"""Pipelines counted by how they stand, and alerts about those that are up for too long."""

from __future__ import annotations

import json

import pytest
from tests.pps.world import World, spec_of

from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import projects
from trunkline.pps import effective, pipelines, rows, summary, uptime, validate
from trunkline.pps.pipelines import Recipe
from trunkline.pps.refs import PipelineRef
from trunkline.pps.states import JobState, PipelineState
from trunkline.pps.summary import Summary


def to_state(world: World, name: str, state: PipelineState, reason: str = "") -> None:
    with world.catalog.read() as tx:
        key = rows.pipeline(tx, PipelineRef(name)).key
    assert world.pfs.change(lambda change: pipelines.to_state(change, key, state, reason))


def test_summaries(world: World) -> None:
    def found(*names: str) -> list[Summary]:
        with world.catalog.read() as tx:
            return summary.summaries(tx, names)

    assert found() == []
    world.pfs.change(lambda change: projects.create(change, "empty"))
    world.repo("a")
    for name in ("good", "stopped", "broken", "crashing"):
        world.pipeline(name, "a")
    assert found() == [Summary("default", active=4)]
    world.pps.stop_pipeline(PipelineRef("stopped"))
    to_state(world, "broken", PipelineState.FAILURE, "no such image")
    to_state(world, "crashing", PipelineState.RUNNING)
    to_state(world, "crashing", PipelineState.CRASHING, "no worker starts")
    # The jobs of `stopped` and `broken` were killed, and failed.
    assert found() == [Summary("default", active=1, paused=1, failed=2, unhealthy=2)]
    assert found("empty") == []
    assert found("default", "empty") == found()
    world.end(world.job("good"), JobState.SUCCESS)
    assert found()[0].unhealthy == 2


def expecting(world: World, name: str, limit: str) -> SetId:
    """A pipeline that expects to be up for no longer than this, as autoscaling ones may."""
    spec = json.loads(spec_of(name, "a", autoscaling=True, maximumExpectedUptime=limit))
    made = validate.complete(effective.make(json.dumps(spec)).spec)
    world.pfs.change(lambda change: pipelines.create(change, Recipe(made, json.dumps(spec), json.dumps(spec))))
    return world.head(name)


def test_alerts(world: World) -> None:
    def found(project: str = "") -> list[tuple[str, str]]:
        with world.catalog.read() as tx:
            return [(str(one.pipeline), *one.texts) for one in uptime.alerts(tx, world.clock.now(), project)]

    world.repo("a")
    world.pipeline("any", "a")
    expecting(world, "short", "60s")
    expecting(world, "long", "1.5s")
    world.clock.advance(1000)
    assert found() == [], "they are not up yet"
    for name in ("any", "short", "long"):
        to_state(world, name, PipelineState.RUNNING)
    assert found() == []
    world.clock.advance(10)
    words = "up for 10s, longer than its maximum expected uptime of 1.5s"
    assert found() == [("default/long", words)]
    assert found("default") == found()
    assert found("other") == []
    to_state(world, "long", PipelineState.CRASHING, "no worker starts")
    world.clock.advance(51)
    assert [name for name, _ in found()] == ["default/long", "default/short"]
    world.pps.stop_pipeline(PipelineRef("long"))
    world.pps.start_pipeline(PipelineRef("long"))
    to_state(world, "long", PipelineState.RUNNING)
    assert [name for name, _ in found()] == ["default/short"], "it came up anew"


def test_an_expected_uptime_is_for_pipelines_that_can_go_to_sleep(world: World) -> None:
    world.repo("a")
    with pytest.raises(Refused, match="autoscaling must be true when max_expected_uptime is non-zero"):
        world.pps.create_pipeline(spec_of("p", "a", maximumExpectedUptime="1s"))
