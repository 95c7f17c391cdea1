"""What jobs with joins and groups leave to those after them: kept as long as the job is, made again if gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.pps.run.factory import Factory, Failed, Files

from trunkline.maps import Maps, Root
from trunkline.maps.shape import Shape
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs.collect.collector import Collector
from trunkline.pps import fsck, rows
from trunkline.pps.plan import plan, records
from trunkline.pps.roots import INDEXES, roots
from trunkline.pps.rows import Job
from trunkline.pps.states import JobState

SHAPE = Shape(leaf=4, inner=4, inline=0)
"""So that an index is a tree of nodes."""


def leaf(repo: str, kind: str) -> dict[str, Any]:
    return {"pfs": {"repo": repo, "glob": "/(*).*", kind: "$1"}}


JOIN = {"join": [leaf("a", "joinOn"), leaf("b", "joinOn")]}
GROUP = {"group": [leaf("a", "groupBy"), leaf("b", "groupBy")]}


@pytest.fixture
def world(factory: Factory) -> Factory:
    factory.pfs.maps = Maps(factory.pfs.store, shape=SHAPE)
    factory.code = lambda files: {"/" + "+".join(sorted(files)).replace("/", "-"): "".join(sorted(files.values()))}
    factory.repo("a", "b")
    for repo in ("a", "b"):
        factory.put(repo, **{f"{number}_txt": f"{repo}{number}" for number in range(20)})
    return factory


def kept(world: Factory, job: Job) -> list[Root]:
    with world.catalog.read() as tx:
        return [Root.unpack(packed) for packed in rows.indexes(tx, job.key)]


def lose(world: Factory, job: Job) -> None:
    world.catalog.write(lambda tx: tx.run("DELETE FROM job_indexes WHERE job = ?", (job.key,)))


@pytest.mark.parametrize("given", [JOIN, GROUP])
def test_one_job_after_the_other(world: Factory, given: dict[str, Any]) -> None:
    world.pipeline("p", given)
    world.settle()
    first = world.job("p")
    assert world.counts("p") == (20, 0, 0, 0, 20)
    assert [root.count for root in kept(world, first)] == [40]
    world.put("a", **{"3_txt": "new"})
    assert world.runs("a") == [("/a/3.txt", "/b/3.txt")]
    second = world.job("p")
    assert second.base == first.key
    world.check(second)
    # The same by a base whose index is gone, and by none.
    lose(world, first)
    again = plan.make(world.pfs, second, world.pps.version_of(second))
    assert again.base == first.key
    assert (again.datums.pack(), list(again.indexes)) == (second.datums, kept(world, second))
    lose(world, second)
    world.put("b", **{"4_txt": "newer"})
    assert world.runs("a") == [("/a/4.txt", "/b/4.txt")]
    world.check(world.job("p"))
    assert len(kept(world, world.job("p"))) == 1
    assert list(fsck.check(world.pfs)) == []


def test_a_damaged_index_costs_a_full_plan_and_nothing_else(world: Factory) -> None:
    world.pipeline("p", JOIN)
    world.settle()
    (index,) = kept(world, world.job("p"))
    for key in world.pfs.maps.nodes(index):
        world.pfs.store.delete(key)
    world.pfs.maps = Maps(world.pfs.store, shape=SHAPE)
    world.put("a", **{"3_txt": "new"})
    assert world.runs("a") == [("/a/3.txt", "/b/3.txt")]
    job = world.job("p")
    assert job.base is None
    world.check(job)
    world.put("a", **{"4_txt": "new"})
    assert world.runs("a") == [("/a/4.txt", "/b/4.txt")]
    assert world.job("p").base == job.key


def test_a_failed_job_an_other_expression_and_a_deleted_job(world: Factory) -> None:
    good = world.pipeline("p", JOIN)
    world.settle()

    def fails(files: Files) -> Files:
        raise Failed("no")

    code, world.code = world.code, fails
    world.put("a", **{"3_txt": "new"})
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    world.code = code
    world.put("b", **{"4_txt": "new"})
    assert world.runs("a") == [("/a/3.txt", "/b/3.txt"), ("/a/4.txt", "/b/4.txt")]
    assert world.job("p").base == world.job("p", good).key
    world.check(world.job("p"))
    last = world.job("p")
    world.pipeline("p", GROUP, update=True)
    assert world.runs("a") == []  # the same datums, by another way
    assert world.job("p").base is None
    world.check(world.job("p"))
    world.pps.delete_job(last.ref)
    assert kept(world, last) == []
    world.put("a", **{"5_txt": "new"})
    assert world.runs("a") == [("/a/5.txt", "/b/5.txt")]
    world.check(world.job("p"))


def test_a_group_that_no_message_could_hold(world: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_LIST", 2_000)
    world.pipeline("p", {"group": [{"pfs": {"repo": "a", "glob": "/*", "groupBy": "all"}}]})
    world.settle()
    assert world.job("p").state is JobState.SUCCESS
    world.put("a", **{f"{number}_txt": "" for number in range(20, 60)})
    world.settle()
    assert world.job("p").state is JobState.FAILURE
    assert world.job("p").reason.startswith(
        "a datum of 60 inputs (/0.txt is one) is too large: group by something finer"
    )


def test_a_preview_stores_nothing(world: Factory) -> None:
    before = set(world.pfs.store.keys())
    given = {"join": [{"pfs": {"repo": repo, "name": repo, "glob": "/(*).*", "joinOn": "$1"}} for repo in ("a", "b")]}
    assert sum(1 for _ in world.pps.list_datums_of_input(json.dumps(given))) == 20
    assert set(world.pfs.store.keys()) == before


def test_the_collector_keeps_the_indexes_of_jobs_that_are_there(world: Factory) -> None:
    world.pipeline("p", JOIN)
    world.settle()
    first = world.job("p")
    world.put("a", **{"3_txt": "new"})
    world.settle()
    second = world.job("p")
    nodes = [set(world.pfs.maps.nodes(index)) for job in (first, second) for index in kept(world, job)]
    list(Collector(world.pfs, [roots]).run())
    assert all(world.pfs.store.has(key) for each in nodes for key in each)
    world.pps.delete_job(first.ref)
    list(Collector(world.pfs, [roots]).run())
    assert all(world.pfs.store.has(key) for key in nodes[1])
    with world.catalog.read() as tx:
        assert [one.root for one in roots(tx) if one.reason == INDEXES] == [root.pack() for root in kept(world, second)]
    world.put("b", **{"4_txt": "new"})
    assert world.runs("a") == [("/a/4.txt", "/b/4.txt")]


def test_a_job_costs_what_changed(world: Factory) -> None:
    """Nodes read and written by the plan of a job, one changed file among some hundreds."""
    world.put("a", **{f"{number}_txt": "" for number in range(20, 400)})
    world.put("b", **{f"{number}_txt": "" for number in range(20, 400)})
    world.pipeline("p", JOIN)
    world.settle()
    world.put("a", **{"200_txt": "new"})
    store = MeteredStore(world.pfs.store)
    world.pfs.maps = Maps(store, shape=SHAPE)
    world.plan(world.job("p"))
    counts = store.counts()
    assert counts["get"].objects + counts["put"].objects + counts["put_many"].objects < 80
