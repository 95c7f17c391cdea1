from __future__ import annotations

import json
from typing import Any

import pytest
from tests.pps.world import STATS, World, pfs_input, spec_of

from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.pfs import repos
from trunkline.pfs.refs import RepoRef
from trunkline.pps import datum_queries
from trunkline.pps.datum_queries import DatumFilter, DatumInfo
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Job, Stats
from trunkline.pps.states import DatumState, JobState


@pytest.fixture
def edges(world: World) -> World:
    world.repo("images")
    world.pipeline("edges", "images")
    world.end(world.job("edges"))
    return world


def datums(world: World, job: Job, **wanted: Any) -> list[DatumInfo]:
    return list(world.pps.list_datums(job.ref, DatumFilter(**wanted)))


def states(world: World, job: Job) -> dict[str, DatumState]:
    return {info.inputs[0].path: info.state for info in datums(world, job)}


def test_what_became_of_the_datums_over_a_few_jobs(edges: World) -> None:
    edges.put("images", a="1", b="2")
    first = edges.run(edges.job("edges"))
    assert states(edges, first) == {"/a": DatumState.SUCCESS, "/b": DatumState.SUCCESS}
    edges.put("images", c="3")
    second = edges.run(edges.job("edges"))
    assert states(edges, second) == {
        "/a": DatumState.SKIPPED,
        "/b": DatumState.SKIPPED,
        "/c": DatumState.SUCCESS,
    }
    edges.put("images", a="other", d="4")
    third = edges.run(edges.job("edges"), failing="/d", recovering="/a")
    assert states(edges, third) == {
        "/a": DatumState.RECOVERED,
        "/b": DatumState.SKIPPED,
        "/c": DatumState.SKIPPED,
        "/d": DatumState.FAILED,
    }
    assert states(edges, first) == {"/a": DatumState.SUCCESS, "/b": DatumState.SUCCESS}


def test_a_datum_with_all_that_is_shown_of_it(edges: World) -> None:
    made = edges.put("images", a="123")
    job = edges.run(edges.job("edges"))
    (info,) = datums(edges, job)
    assert edges.pps.inspect_datum(job.ref, info.id) == info
    assert (info.job, info.stats, info.tries, info.reason) == (job.key, STATS, 1, "")
    (one,) = info.inputs
    assert (one.name, one.repo, one.branch) == ("images", RepoRef("images"), "master")
    assert (one.commit, one.path, one.size, len(one.hash)) == (made, "/a", 3, 32)


def test_a_skipped_datum_shows_what_it_cost_the_job_that_ran_it(edges: World) -> None:
    edges.put("images", a="1")
    first = edges.run(edges.job("edges"))
    edges.put("images", b="2")
    second = edges.run(edges.job("edges"))
    skipped = next(info for info in datums(edges, second) if info.state is DatumState.SKIPPED)
    assert (skipped.job, skipped.stats) == (first.key, STATS)


def test_a_failed_datum_shows_why(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.run(edges.job("edges"), failing="/a")
    (info,) = datums(edges, job)
    assert (info.state, info.reason, info.job) == (DatumState.FAILED, "exit 1", job.key)


def test_before_and_during_the_run(edges: World) -> None:
    edges.put("images", a="1")
    edges.run(edges.job("edges"))
    edges.put("images", b="2")
    job = edges.job("edges")
    assert datums(edges, job) == []
    with pytest.raises(NotFound):
        edges.pps.inspect_datum(job.ref, "00" * 32)
    running = edges.plan(job)
    assert states(edges, running) == {"/a": DatumState.SKIPPED, "/b": DatumState.STARTING}
    fresh = next(info for info in datums(edges, running) if info.state is DatumState.STARTING)
    assert (fresh.job, fresh.stats) == (None, Stats())


def test_what_a_killed_job_did_not_come_to(edges: World) -> None:
    edges.put("images", a="1")
    killed = edges.plan(edges.job("edges"))
    edges.pps.stop_job(killed.ref)
    assert states(edges, killed) == {"/a": DatumState.UNKNOWN}
    edges.put("images", b="2")
    edges.run(edges.job("edges"))
    assert states(edges, killed) == {"/a": DatumState.UNKNOWN}, "a later job ran it"


def test_order_pages_and_filters(edges: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datum_queries, "_PAGE", 3)
    edges.put("images", **{f"f{number}": str(number) for number in range(8)})
    job = edges.run(edges.job("edges"), recovering="/f3")
    every = [info.id for info in datums(edges, job)]
    assert every == sorted(every)
    assert len(every) == 8

    def shown(**wanted: Any) -> list[str]:
        return [info.id for info in datums(edges, job, **wanted)]

    assert shown(number=3) == every[:3]
    assert shown(number=3, marker=every[2]) == every[3:6]
    assert shown(number=3, reverse=True) == every[:4:-1]
    assert shown(number=9, marker=every[2], reverse=True) == every[1::-1]
    recovered = shown(states=frozenset({DatumState.RECOVERED}))
    assert len(recovered) == 1
    assert shown(states=frozenset({DatumState.SUCCESS}), number=7) == [one for one in every if one not in recovered]
    with pytest.raises(InvalidRequest) as error:
        datums(edges, job, reverse=True)
    assert str(error.value) == "number must be > 0 when reverse is set"
    with pytest.raises(InvalidRequest, match="pagination marker 'x' invalid"):
        datums(edges, job, marker="x")


@pytest.mark.parametrize("datum", ["00" * 32, "x", "", "zz" * 32])
def test_a_datum_that_is_missing(edges: World, datum: str) -> None:
    edges.put("images", a="1")
    job = edges.run(edges.job("edges"))
    with pytest.raises(NotFound) as error:
        edges.pps.inspect_datum(job.ref, datum)
    assert str(error.value) == f"datum {datum} not found in job {job.ref}"


def test_the_datums_of_a_job_that_is_missing(edges: World) -> None:
    missing = JobRef(PipelineRef("edges"), edges.put("images", a="1"))
    edges.pps.delete_job(missing)
    with pytest.raises(NotFound, match=r"jobs default/edges@.* not found"):
        edges.pps.list_datums(missing)


def test_datums_can_be_shown_when_their_input_is_gone(edges: World) -> None:
    edges.put("images", a="1")
    job = edges.run(edges.job("edges"))
    edges.pfs.change(lambda change: repos.delete(change, RepoRef("images"), force=True))
    (info,) = datums(edges, job)
    assert (info.inputs[0].path, info.inputs[0].commit) == ("/a", job.ref.id)


# -- of an input --------------------------------------------------------------------------------------------


def of_input(world: World, given: dict[str, Any], **wanted: Any) -> list[DatumInfo]:
    return list(world.pps.list_datums_of_input(json.dumps(given), DatumFilter(**wanted)))


def test_the_datums_that_an_input_would_form(world: World) -> None:
    world.repo("a", "b")
    one = world.put("a", x="1", y="2")
    two = world.put("b", z="3")
    found = of_input(world, {"cross": [pfs_input("b", "/"), pfs_input("a")]})
    assert [info.id for info in found] == sorted(info.id for info in found)
    assert {tuple((part.name, part.path, part.commit) for part in info.inputs) for info in found} == {
        (("a", "/x", one), ("b", "/", two)),
        (("a", "/y", one), ("b", "/", two)),
    }
    assert {(info.state, info.job) for info in found} == {(DatumState.UNKNOWN, None)}


def test_they_are_the_datums_of_a_job(edges: World) -> None:
    edges.put("images", a="1", b="2")
    job = edges.run(edges.job("edges"))
    found = of_input(edges, pfs_input("images", "*"))
    assert [info.id for info in found] == [info.id for info in datums(edges, job)]


def test_pages_of_the_datums_of_an_input(world: World) -> None:
    world.repo("a")
    world.put("a", **{f"f{number}": str(number) for number in range(6)})
    every = [info.id for info in of_input(world, pfs_input("a"))]

    def shown(**wanted: Any) -> list[str]:
        return [info.id for info in of_input(world, pfs_input("a"), **wanted)]

    assert shown(number=2, marker=every[1]) == every[2:4]
    assert shown(number=2, reverse=True) == every[:3:-1]
    assert shown(number=2, marker=every[4], reverse=True) == every[3:1:-1]
    assert shown(states=frozenset({DatumState.SUCCESS})) == []


def test_a_file_through_two_alternatives_is_one_datum(world: World) -> None:
    world.repo("a")
    world.put("a", x="1", y="2")
    found = of_input(world, {"union": [pfs_input("a"), pfs_input("a", "/x")]})
    assert len(found) == 2


def test_inputs_that_cannot_be_listed(world: World) -> None:
    with pytest.raises(NotFound, match="repo default/a not found"):
        of_input(world, pfs_input("a"))
    world.repo("a")
    with pytest.raises(NotFound, match='branch "master" not found in repo default/a'):
        of_input(world, pfs_input("a"))
    with pytest.raises(Refused, match="input must specify a glob"):
        of_input(world, {"pfs": {"repo": "a"}})
    with pytest.raises(Refused, match="can't list datums with a cron input"):
        of_input(world, {"cron": {"name": "tick"}})


def test_jobs_of_one_salt_share_outcomes_and_reprocessing_does_not(edges: World) -> None:
    edges.put("images", a="1")
    edges.run(edges.job("edges"))
    edges.pps.create_pipeline(spec_of("edges", "images"), update=True)
    assert states(edges, edges.run(edges.job("edges"))) == {"/a": DatumState.SKIPPED}
    edges.pps.rerun_pipeline(PipelineRef("edges"), reprocess=True)
    again = edges.run(edges.job("edges"))
    assert states(edges, again) == {"/a": DatumState.SUCCESS}
    assert again.state is JobState.SUCCESS
