"""Triggers on the inputs of pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.pps.world import World, pfs_input, spec_of

from trunkline.kernel.errors import Refused
from trunkline.pfs import branches, fsck, resolve, triggers
from trunkline.pfs.refs import BranchRef, RepoRef
from trunkline.pfs.triggers import Trigger
from trunkline.pfs.upkeep import Upkeep
from trunkline.pps.refs import PipelineRef


def settle(world: World) -> None:
    upkeep = Upkeep(world.pfs)
    while upkeep.step():
        world.finish_commits()


def trigger_of(world: World, branch: str, repo: str = "data") -> Trigger | None:
    with world.catalog.read() as tx:
        return triggers.find(tx, resolve.branch(tx, BranchRef(RepoRef(repo), branch)).key)


def triggered(repo: str = "data", **fields: Any) -> dict[str, Any]:
    return pfs_input(repo, trigger=fields.pop("trigger", {"commits": 2}), **fields)


def test_a_pipeline_that_runs_every_other_commit(world: World) -> None:
    world.repo("data")
    world.pipeline("every", triggered())
    assert trigger_of(world, "every-trigger-1") == Trigger("master", commits=2)
    given = world.pps.inspect_pipeline(PipelineRef("every")).spec.input
    assert given is not None
    assert given.pfs is not None
    assert (given.pfs.branch, given.pfs.trigger and given.pfs.trigger.branch) == ("every-trigger-1", "master")
    for name in ("a", "b", "c", "d"):
        world.put("data", **{name: name})
        settle(world)
    assert len(world.jobs("every")) == 3  # the first one, of nothing, and two
    assert world.head("every") != world.head("data")
    assert world.plan(world.job("every")).datums is not None
    assert list(fsck.check(world.pfs)) == []


def test_names_of_branches_count_by_repo(world: World) -> None:
    world.repo("data", "more")
    world.pipeline("both", {"cross": [triggered("more"), triggered(branch="mine")]})
    assert trigger_of(world, "both-trigger-1", "more") == Trigger("master", commits=2)
    assert trigger_of(world, "mine") == Trigger("master", commits=2)


def test_an_update_changes_the_trigger(world: World) -> None:
    world.repo("data")
    world.pipeline("every", triggered())
    trigger = {"branch": "staging", "size": "1k", "rateLimitSpec": "@hourly", "all": True}
    world.pps.create_pipeline(spec_of("every", triggered(trigger=trigger)), update=True)
    assert trigger_of(world, "every-trigger-1") == Trigger("staging", all=True, size="1k", rate_limit_spec="@hourly")
    world.pps.stop_pipeline(PipelineRef("every"))
    world.pps.start_pipeline(PipelineRef("every"))
    world.pps.delete_pipeline(PipelineRef("every"))


def test_a_trigger_that_makes_no_sense(world: World) -> None:
    world.repo("data", "other")
    with pytest.raises(Refused, match="invalid trigger cron spec"):
        world.pipeline("every", triggered(trigger={"cronSpec": "daily"}))
    with pytest.raises(Refused, match="triggers cannot form a loop"):
        world.pipeline("every", triggered(branch="master"))
    source = BranchRef(RepoRef("other"), "master")
    tied = BranchRef(RepoRef("data"), "tied")
    world.pfs.change(lambda change: branches.create(change, tied, provenance_refs=[source]))
    with pytest.raises(Refused, match="a branch cannot have both provenance and a trigger"):
        world.pipeline("every", triggered(branch="tied"))
