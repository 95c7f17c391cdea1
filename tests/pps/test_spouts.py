"""Spouts and services in the catalog: what making, updating, stopping and deleting them does; no code is run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.pps.world import World, pfs_input

from trunkline.kernel.errors import Refused
from trunkline.pfs import commits, fsck, modify, provenance, writers
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pps import progress, spouts
from trunkline.pps.refs import PipelineRef
from trunkline.pps.states import JobState, PipelineState, PipelineType

FEED = PipelineRef("feed")
OUTPUT = BranchRef(RepoRef("feed"), "master")
TARGET = CommitRef(RepoRef("feed"), branch="master")


def make(world: World, *, update: bool = False, **fields: Any) -> None:
    spec = {"pipeline": {"name": "feed"}, "transform": {"cmd": ["true"]}, "spout": {}, **fields}
    given = json.dumps({key: value for key, value in spec.items() if value is not None})
    world.pps.create_pipeline(given, update=update)
    world.finish_commits()


def token(world: World) -> str:
    """What the code of the spout has."""
    with world.catalog.read() as tx:
        row = tx.row("SELECT output FROM pipelines WHERE type = 'SPOUT'")
    assert row is not None
    return world.pfs.writers.grant(row["output"])


def put(world: World, name: str) -> None:
    modify.write(world.pfs, TARGET, [modify.Append(f"/{name}", "default", b"x")])
    world.finish_commits()


def test_a_spout_has_no_jobs_and_a_closed_commit(world: World) -> None:
    make(world)
    info = world.pps.inspect_pipeline(FEED)
    assert (info.type, info.state, info.last_job_state) == (PipelineType.SPOUT, PipelineState.STARTING, None)
    head = world.commit("feed")
    assert (head.finished is not None, head.error) == (True, "")
    with world.catalog.read() as tx:
        assert [str(one.repo) for one in provenance.direct_commits(tx, head.key)] == ["default/feed.spec"]
    assert list(fsck.check(world.pfs)) == []


def test_only_its_code_writes_to_its_output(world: World) -> None:
    make(world)
    world.pipeline("copy", pfs_input("feed"))
    with pytest.raises(Refused, match="cannot start a commit on an output branch"):
        put(world, "a")
    shown = token(world)
    with writers.calling(shown):
        put(world, "a")
        started = world.pfs.change(lambda change: commits.start(change, OUTPUT))
        put(world, "b")  # into the open one
        world.pfs.change(lambda change: commits.finish(change, CommitRef(OUTPUT.repo, started.id)))
    world.finish_commits()
    assert [path for path, *_ in world.pfs.maps.range(world.pfs.content(world.commit("feed")))] == [b"/a", b"/b"]
    assert len(world.jobs("copy")) == 3
    assert list(world.pps.list_jobs(pipeline=FEED, history=-1)) == []
    with world.catalog.read() as tx:
        assert [str(one.repo) for one in provenance.direct_commits(tx, started.key)] == ["default/feed.spec"]
    world.pfs.writers.revoke(shown)
    with writers.calling(shown), pytest.raises(Refused, match="cannot start a commit on an output branch"):
        put(world, "c")
    with writers.calling("made up"), pytest.raises(Refused, match="cannot start a commit on an output branch"):
        put(world, "c")


def test_a_token_opens_no_other_output(world: World) -> None:
    make(world)
    world.repo("data")
    world.pipeline("copy", "data")
    elsewhere = CommitRef(RepoRef("copy"), branch="master")
    with writers.calling(token(world)), pytest.raises(Refused, match="output branch"):
        modify.write(world.pfs, elsewhere, [modify.Append("/a", "default", b"x")])


@pytest.mark.parametrize("how", ["stop", "update", "delete", "end"])
def test_a_commit_that_is_left_open_is_closed(world: World, how: str) -> None:
    make(world)
    with writers.calling(token(world)):
        world.pfs.change(lambda change: commits.start(change, OUTPUT))
    left = world.commit("feed")
    if how == "stop":
        world.pps.stop_pipeline(FEED)
        assert world.pps.inspect_pipeline(FEED).state is PipelineState.PAUSED
    elif how == "update":
        make(world, update=True, description="another")
    elif how == "delete":
        world.pps.delete_pipeline(FEED, keep_repo=True)
    else:
        with world.catalog.read() as tx:
            row = tx.row("SELECT output FROM pipelines")
        assert row is not None
        world.pfs.change(lambda change: spouts.close_left(change, row["output"], spouts.ENDED))
    closed = world.commit("feed", left.id)
    assert "before it finished this commit" in closed.error
    assert closed.finished is not None
    if how == "stop":
        world.pps.start_pipeline(FEED)
        world.finish_commits()
        with writers.calling(token(world)):
            put(world, "a")


def test_a_pipeline_becomes_a_spout_and_back(world: World) -> None:
    world.repo("data")
    world.put("data", a="a")
    world.pipeline("feed", "data")
    make(world, update=True)
    assert world.pps.inspect_pipeline(FEED).type is PipelineType.SPOUT
    assert [state for state, _ in world.jobs("feed")] == [JobState.KILLED]
    with writers.calling(token(world)):
        put(world, "b")
    make(world, update=True, spout=None, input=pfs_input("data"))
    assert world.pps.inspect_pipeline(FEED).type is PipelineType.TRANSFORM
    assert [state for state, _ in world.jobs("feed")][-1] is JobState.CREATED
    assert list(fsck.check(world.pfs)) == []


def test_a_service_makes_room_for_a_job_that_has_its_input(world: World) -> None:
    world.repo("data")
    world.pipeline("web", pfs_input("data", "/"), service={"internal_port": 80})
    first = world.job("web")

    def superseded() -> bool:
        with world.catalog.read() as tx:
            return progress.superseded(tx, first.key)

    assert not superseded()
    world.start_commit("data")
    assert len(world.jobs("web")) == 2
    assert not superseded()
    world.pfs.change(lambda change: commits.finish(change, CommitRef(RepoRef("data"), branch="master")))
    world.finish_commits()
    assert superseded()
