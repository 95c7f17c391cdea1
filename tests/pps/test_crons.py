"""Clocks of pipelines, with a clock that tests move by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.pps.world import World, pfs_input, spec_of

from trunkline.kernel import times
from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.pfs import branches, commits, fsck, repos, resolve
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.upkeep import Upkeep
from trunkline.pps import crons
from trunkline.pps.refs import PipelineRef

TICKS = "clock_tick"
CLOCK = PipelineRef("clock")


def cron(spec: str = "@every 60s", **fields: Any) -> dict[str, Any]:
    return {"cron": {"name": "tick", "spec": spec, **fields}}


def settle(world: World) -> None:
    """What the upkeep loop does until there is nothing to do."""
    upkeep = Upkeep(world.pfs, [crons.tick])
    while upkeep.step():
        world.finish_commits()
    world.finish_commits()


def pass_time(world: World, seconds: float) -> None:
    world.clock.advance(seconds)
    settle(world)


def ticks(world: World, repo: str = TICKS) -> list[str]:
    root = world.pfs.content(world.commit(repo))
    return [path.decode() for path, *_ in world.pfs.maps.range(root)]


def since(world: World, start: int, names: list[str]) -> list[int]:
    """Seconds from a start to each tick."""
    return [(times.parse(name[1:]) - start) // SECOND for name in names]


def start_of(world: World) -> int:
    given = world.pps.inspect_pipeline(CLOCK).spec.input
    assert given is not None
    assert given.cron is not None
    return times.parse(given.cron.start)


def made(world: World, repo: str = TICKS) -> int:
    """Commits of a repo."""
    with world.catalog.read() as tx:
        key = resolve.repo(tx, RepoRef(repo)).key
        return len(list(tx.rows("SELECT id FROM commits WHERE repo = ?", (key,))))


def test_a_pipeline_with_a_clock(world: World) -> None:
    world.pipeline("clock", cron())
    with world.catalog.read() as tx:
        repo = resolve.repo(tx, RepoRef(TICKS))
    assert repo.description == "Cron tick repo for pipeline default/clock."
    settle(world)
    assert ticks(world) == []
    pass_time(world, 60)
    pass_time(world, 30)
    assert len(ticks(world)) == 1
    pass_time(world, 30)
    assert since(world, start_of(world), ticks(world)) == [60, 120]
    assert len(world.jobs("clock")) == 3  # the first one of the empty repo
    job = world.plan(world.job("clock"))
    assert job.counts.total == 0  # the runner notes it; the plan has them
    assert job.datums is not None
    assert list(fsck.check(world.pfs)) == []


def test_overwriting(world: World) -> None:
    world.pipeline("clock", cron(overwrite=True))
    pass_time(world, 0)
    pass_time(world, 60)
    pass_time(world, 60)
    assert since(world, start_of(world), ticks(world)) == [120]


def test_missed_ticks_come_one_by_one(world: World, tmp_path: Path) -> None:
    world.pipeline("clock", cron())
    settle(world)
    before = made(world)
    pass_time(world, 200)  # nobody was there meanwhile
    assert since(world, start_of(world), ticks(world)) == [60, 120, 180]
    assert made(world) == before + 3


def test_a_start_in_the_past_and_one_in_the_future(world: World) -> None:
    now = world.clock.now()
    world.pipeline("clock", cron(start=times.text(now - 150 * SECOND)))
    settle(world)
    assert since(world, start_of(world), ticks(world)) == [60, 120]
    world.pipeline("later", cron(start=times.text(now + 3600 * SECOND)))
    pass_time(world, 3600)
    assert ticks(world, "later_tick") == []
    pass_time(world, 61)
    assert len(ticks(world, "later_tick")) == 1


def test_a_clock_that_is_put_back(world: World) -> None:
    world.pipeline("clock", cron())
    settle(world)
    pass_time(world, 600)
    assert len(ticks(world)) == 10
    pass_time(world, -290)
    assert len(ticks(world)) == 10
    pass_time(world, 60)
    assert len(ticks(world)) == 11  # and does not wait until it is as late again
    assert made(world) == 12


def test_a_crash_before_a_tick_is_noted_repeats_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pipeline("clock", cron())
    settle(world)
    world.clock.advance(60)

    def refuse(*_: object) -> None:
        raise Refused("not now")

    with monkeypatch.context() as patch:
        patch.setattr(crons, "_write", refuse)
        with pytest.raises(Refused, match="not now"):
            Upkeep(world.pfs, [crons.tick]).step()
    assert ticks(world) == []
    settle(world)
    settle(world)
    assert (len(ticks(world)), made(world)) == (1, 2)


def test_stopping_and_starting(world: World) -> None:
    world.pipeline("clock", cron())
    settle(world)
    pass_time(world, 60)
    world.pps.stop_pipeline(CLOCK)
    pass_time(world, 120)
    assert len(ticks(world)) == 1
    world.pps.start_pipeline(CLOCK)
    settle(world)
    assert since(world, start_of(world), ticks(world)) == [60, 120, 180]  # as if it had not been there


def test_updating(world: World) -> None:
    world.pipeline("clock", cron())
    settle(world)
    pass_time(world, 60)
    world.pps.create_pipeline(spec_of("clock", cron("@every 10s")), update=True)
    settle(world)
    pass_time(world, 10)
    assert len(ticks(world)) == 2
    world.repo("data")
    world.pps.create_pipeline(spec_of("clock", "data"), update=True)
    pass_time(world, 100)
    assert len(ticks(world)) == 2
    with world.catalog.read() as tx:
        assert list(tx.rows("SELECT * FROM crons")) == []


def test_deleting_takes_the_ticks_along(world: World) -> None:
    world.pipeline("clock", cron())
    settle(world)
    world.pps.delete_pipeline(CLOCK, keep_repo=True)
    with world.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef(TICKS)) is None
        assert resolve.find_repo(tx, RepoRef("clock")) is not None
        assert list(tx.rows("SELECT * FROM crons")) == []


def test_a_repo_that_was_there_before_its_clock_stays_with_what_is_in_it(world: World) -> None:
    world.repo("data")
    world.put("data", a="a")
    world.pipeline("clock", cron(repo="data"))
    settle(world)
    world.pps.delete_pipelines(everything=True, force=True)
    assert ticks(world, "data") == ["/a"]
    assert list(fsck.check(world.pfs)) == []


def test_a_clock_cannot_tick_into_what_a_pipeline_makes(world: World) -> None:
    world.repo("data")
    world.pipeline("edges", "data")
    with pytest.raises(Refused, match="default/edges@master comes from others, so no tick can: name another repo"):
        world.pipeline("clock", cron(repo="edges"))


def test_ticks_that_somebody_else_reads_stay(world: World) -> None:
    world.pipeline("clock", cron(repo="ticks"))
    world.pipeline("other", pfs_input("ticks"))
    world.pps.delete_pipeline(CLOCK)
    assert ticks(world, "ticks") == []
    world.pps.delete_pipeline(PipelineRef("other"))
    assert list(fsck.check(world.pfs)) == []


def test_two_clocks_and_data(world: World) -> None:
    world.repo("data")
    world.put("data", a="a")
    clocks = [cron("@hourly"), {"cron": {"name": "often", "spec": "@every 60s"}}, pfs_input("data", "/")]
    world.pipeline("clock", {"cross": clocks})
    settle(world)
    pass_time(world, 3600)
    assert len(ticks(world)) == 1
    assert len(ticks(world, "clock_often")) == 60


def test_run_cron(world: World) -> None:
    world.pipeline("clock", cron("@never"))
    pass_time(world, 10_000_000)
    assert ticks(world) == []
    world.pps.run_cron(CLOCK)
    world.finish_commits()
    assert ticks(world) == [f"/{times.text(world.clock.now())}"]
    world.repo("data")
    world.pipeline("plain", "data")
    with pytest.raises(Refused, match="pipeline doesn't have a cron input"):
        world.pps.run_cron(PipelineRef("plain"))
    with pytest.raises(NotFound):
        world.pps.run_cron(PipelineRef("nothing"))


def test_a_clock_whose_repo_was_deleted_stops_nothing_else(world: World) -> None:
    world.pipeline("clock", cron())
    world.pipeline("other", cron())
    settle(world)
    world.pfs.change(lambda change: repos.delete(change, RepoRef(TICKS), force=True))
    pass_time(world, 60)
    assert len(ticks(world, "other_tick")) == 1
    world.pps.create_pipeline(spec_of("clock", cron()), update=True)
    settle(world)
    pass_time(world, 60)
    assert len(ticks(world)) == 1


def test_a_clock_that_cannot_tick_stops_nothing_else(world: World) -> None:
    world.repo("data")
    world.pipeline("clock", cron())
    world.pipeline("other", cron())
    settle(world)
    world.put("data", a="a")
    ref, source = BranchRef(RepoRef(TICKS), "master"), BranchRef(RepoRef("data"), "master")
    world.pfs.change(lambda change: branches.create(change, ref, provenance_refs=[source]))
    head = CommitRef(ref.repo, branch="master")
    world.pfs.change(lambda change: commits.finish(change, head))
    world.finish_commits()
    world.clock.advance(60)
    with pytest.raises(Refused, match="output branch"):
        Upkeep(world.pfs, [crons.tick]).step()
    world.finish_commits()
    assert len(ticks(world, "other_tick")) == 1


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"cron": {"spec": "@daily"}}, Refused, "input must specify a name"),
        (cron("every day"), Refused, "error parsing cron-spec: "),
        (cron(""), Refused, "error parsing cron-spec: "),
        (cron(start="yesterday"), InvalidRequest, r'input.cron.start of "tick": .* is no time'),
        (cron(commit="a" * 32), Refused, "cannot come from a commit"),
        (cron(repo="a/b"), Refused, "keeps its ticks in a repo"),
        ({"cron": {"name": "out", "spec": "@daily"}}, Refused, "input cannot be named out"),
        ({"cron": {"name": "a b", "spec": "@daily"}}, Refused, "keeps its ticks in a repo"),
        ({"cross": [cron(), cron("@daily", repo="x")]}, Refused, 'name "tick" was used more than once'),
        ({**cron(), **pfs_input("data")}, Refused, "multiple input types set"),
    ],
)
def test_bad_clocks(world: World, given: dict[str, Any], error: type[Exception], words: str) -> None:
    world.repo("data")
    with pytest.raises(error, match=words):
        world.pps.create_pipeline(spec_of("clock", given))
    with world.catalog.read() as tx:
        assert resolve.find_repo(tx, RepoRef(TICKS)) is None


def test_what_is_shown(world: World) -> None:
    world.pipeline("clock", cron())
    info = world.pps.inspect_pipeline(CLOCK)
    shown = json.loads(info.effective_spec)["input"]["cron"]
    assert shown == {
        "name": "tick",
        "project": {"name": "default"} if isinstance(shown["project"], dict) else "default",
        "repo": TICKS,
        "spec": "@every 60s",
        "start": times.text(info.created),
    }
    assert json.loads(info.user_spec)["input"] == cron()
