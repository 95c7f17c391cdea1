"""The loop of spouts alone, with a dispatcher whose worker is the test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pps.world import World

from trunkline.kernel.clock import SteadyClock
from trunkline.pachd.spouts import SpoutLoop
from trunkline.pfs.change import Change
from trunkline.pps import draft, pipelines
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.refs import PipelineRef
from trunkline.testing.commands import wait_for


def spout(name: str, *cmd: str) -> str:
    return json.dumps({"pipeline": {"name": name}, "spout": {}, "transform": {"cmd": list(cmd)}})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def dispatcher(world: World) -> Iterator[Dispatcher]:
    made = Dispatcher(SteadyClock(), 30)
    loop = SpoutLoop(world.pps, made)
    loop.start()
    yield made
    world.catalog.watch.close()
    made.stop()
    loop.stop()
    loop.join()


def test_a_spout_that_comes_in_the_place_of_another_is_not_taken_for_it(world: World, dispatcher: Dispatcher) -> None:
    world.pps.create_pipeline(spout("old", "before"))
    first = dispatcher.next_batch("worker", 30)
    assert first is not None
    assert first.ticket.transform.cmd == ("before",)

    def replace(change: Change) -> None:
        """What two calls come to, if the loop is slow: the new pipeline may get the key of the old one."""
        pipelines.delete(change, PipelineRef("old"))
        draft.make(change.tx, spout("new", "after")).create(change)

    world.pfs.change(replace)
    wait_for(lambda: dispatcher.renew("worker", first.id).lost, "the end of the old code", 10)
    second = dispatcher.next_batch("worker", 30)
    assert second is not None
    assert second.ticket.transform.cmd == ("after",)
