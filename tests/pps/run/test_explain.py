"""Explanations: why datums came up, what jobs wait for, what a change would cause; and what is foreseen comes true."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pps.plan.expressions import REPOS, Repos, expressions, histories
from tests.pps.run.factory import Factory, Failed, Files, copy
from tests.pps.run.test_costs import SHAPE, pretend, put
from tests.pps.run.test_histories import MEMORY, Mill, make, step
from tests.pps.world import pfs_input

from trunkline.maps import Maps
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pps.explain.jobs import Explainer
from trunkline.pps.explain.values import Cause, Fate, Page, WhyJob
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.spec import Input
from trunkline.pps.states import JobState

EVERY = Page(1_000)


def why(world: Factory, name: str, page: Page = EVERY) -> WhyJob:
    """The explanation of the newest job of a pipeline."""
    (found,) = Explainer(world.pfs, page).job(world.job(name).ref)
    return found


def moved(world: Factory, repo: str, head: str) -> list[WhyJob]:
    explainer = Explainer(world.pfs, EVERY)
    return list(explainer.move(BranchRef(RepoRef(repo), "master"), CommitRef(RepoRef(repo), head)))


def kinds(found: WhyJob) -> dict[str, tuple[Cause, Fate]]:
    """Cause and fate of each datum told, by its inputs."""
    return {" ".join(one.inputs): (one.cause, one.fate) for one in found.datums}


def strict(files: Files) -> Files:
    if "bad" in files.values():
        raise Failed("exit 1")
    return copy(files)


def test_new_changed_and_known_datums(factory: Factory) -> None:
    factory.repo("a")
    factory.pipeline("p", "a")
    first = factory.put("a", x="1", y="1")
    factory.settle()
    assert "first job" in why(factory, "p").basis or "builds on" in why(factory, "p").basis
    second = factory.put("a", y="2", z="3")
    factory.settle()
    found = why(factory, "p")
    assert found.builds_on == JobRef(PipelineRef("p"), first)
    assert kinds(found) == {"/a/y": (Cause.CHANGED, Fate.RAN), "/a/z": (Cause.NEW, Fate.RAN)}
    assert (found.tally.total, found.tally.same, found.tally.partial) == (3, 1, False)
    changed = next(one for one in found.datums if one.cause is Cause.CHANGED).changes[0]
    assert (changed.path, changed.before, changed.commit) == ("/y", first, second)
    (fresh,) = next(one for one in found.datums if one.cause is Cause.NEW).changes
    assert (fresh.path, fresh.before, fresh.commit) == ("/z", "", second)
    factory.set_branch("a", first)
    found = why(factory, "p")
    assert (found.planned, found.tally.fates, found.tally.gone) == (True, {Fate.KNOWN: 1}, 1)
    factory.settle()
    found = why(factory, "p")
    assert kinds(found) == {"/a/y": (Cause.CHANGED, Fate.KNOWN)}
    assert found.datums[0].ran == JobRef(PipelineRef("p"), first)


def test_a_page_of_datums_and_what_changed_below_a_directory(factory: Factory) -> None:
    factory.repo("a")
    factory.pipeline("p", "a")
    factory.pipeline("q", pfs_input("a", "/"))
    factory.put("a", x="1")
    factory.settle()
    factory.put("a", **{f"n{number}": "1" for number in range(5)})
    factory.settle()
    whole = why(factory, "p")
    assert len(whole.datums) == 5
    parts = [why(factory, "p", Page(2)), why(factory, "p", Page(9, bytes.fromhex(whole.datums[1].id)))]
    assert tuple(one for part in parts for one in part.datums) == whole.datums
    assert parts[0].tally == whole.tally == parts[1].tally
    (change,) = why(factory, "q").datums[0].changes
    assert (change.path, change.files, change.more) == ("/", ("/n0", "/n1", "/n2"), True)


def test_failed_retried_and_forced_datums(factory: Factory) -> None:
    factory.code = strict
    factory.repo("a")
    factory.pipeline("p", "a")
    factory.pipeline("q", "p")
    factory.put("a", x="1")
    factory.settle()
    bad = factory.put("a", y="bad", z="3")
    factory.settle()
    found = why(factory, "p")
    assert kinds(found) == {"/a/y": (Cause.NEW, Fate.FAILED), "/a/z": (Cause.NEW, Fate.RAN)}
    assert any("exit 1" in one.text for one in found.obstacles)
    behind = why(factory, "q")
    assert behind.job.state is JobState.UNRUNNABLE
    assert [one.job for one in behind.obstacles] == [JobRef(PipelineRef("p"), bad)] * 2
    factory.code = copy
    factory.put("a", other="1")
    factory.settle()
    found = why(factory, "p")
    assert kinds(found)["/a/y"] == (Cause.NEW, Fate.RAN)
    assert kinds(found)["/a/z"] == (Cause.NEW, Fate.KNOWN)
    retried = next(one for one in found.datums if one.inputs == ("/a/y",))
    assert retried.failed_in == JobRef(PipelineRef("p"), bad)
    factory.pipeline("p", "a", update=True, reprocess=True)
    factory.settle()
    found = why(factory, "p")
    assert set(kinds(found).values()) == {(Cause.FORCED, Fate.RAN)}
    assert "version 2 was made to reprocess" in found.basis


def test_what_a_job_waits_for_and_what_an_open_commit_will_cause(factory: Factory) -> None:
    factory.repo("a", "b")
    factory.pipeline("p", "a")
    factory.pipeline("q", {"cross": [pfs_input("p", "/*"), pfs_input("b", "/*")]})
    factory.put("b", m="1")
    factory.put("a", x="1")
    factory.settle()
    opened = factory.start_commit("a")
    factory.settle()
    found = why(factory, "p")
    assert [one.text for one in found.obstacles] == [f"default/a@{opened} is open: it waits for finish commit"]
    assert (found.planned, found.tally.same, found.datums) == (True, 1, ())
    whole = list(Explainer(factory.pfs, EVERY).commit(CommitRef(RepoRef("a"), branch="master")))
    assert [one.job.ref.pipeline.name for one in whole] == ["p", "q"]
    assert [one.planned for one in whole] == [True, True], "nothing was written yet, so all is known"
    assert [one.text for one in whole[1].obstacles] == [f"job default/p@{opened} is starting"]


def test_a_branch_move_is_foreseen_and_changes_nothing(factory: Factory) -> None:
    factory.repo("a")
    factory.pipeline("p", "a")
    factory.pipeline("q", pfs_input("p", "/"))
    first = factory.put("a", x="1")
    factory.settle()
    second = factory.put("a", x="2")
    factory.settle()
    before = [job.ref for job in factory.pps.list_jobs(history=-1)]
    found = moved(factory, "a", first)
    assert [one.job.ref.pipeline.name for one in found] == ["p", "q"]
    assert all(one.supposed and one.planned for one in found)
    assert [one.tally.fates for one in found] == [{Fate.KNOWN: 1}, {Fate.KNOWN: 1}]
    assert moved(factory, "a", second) == []
    assert [job.ref for job in factory.pps.list_jobs(history=-1)] == before
    other = factory.put("a", x="3")
    factory.pps.stop_job(factory.job("p").ref)
    factory.settle()
    found = moved(factory, "a", first)
    assert [one.tally.fates for one in found] == [{Fate.KNOWN: 1}, {Fate.KNOWN: 1}]
    factory.set_branch("a", first)
    factory.settle()
    found = moved(factory, "a", other)
    assert [one.planned for one in found] == [True, False]
    assert found[0].tally.fates == {Fate.AHEAD: 1}
    assert [one.text for one in found[1].obstacles] == ["what default/p will make is not known before it has run"]


def test_a_service_has_no_datums_to_tell_of(factory: Factory) -> None:
    factory.repo("a")
    factory.pipeline("s", pfs_input("a", "/"), service={"internalPort": 8000, "externalPort": 30999})
    first = factory.put("a", x="1")
    found = why(factory, "s")
    assert (found.planned, found.tally.total) == (False, 0)
    assert "is a service's" in found.basis
    factory.put("a", x="2")
    (ahead,) = moved(factory, "a", first)
    assert (ahead.supposed, ahead.planned) == (True, False)
    assert "is a service's" in ahead.basis


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(expressions(), min_size=2, max_size=2), histories(longest=4), st.data())
def test_what_is_foreseen_comes_true(inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = Mill(Path(folder))
        try:
            live(world, inputs, versions, data)
        finally:
            world.close()


def live(world: Mill, inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    world.repo(*REPOS)
    make(world, inputs[0])
    world.settle()
    written: dict[str, dict[str, str]] = {name: {} for name in REPOS}
    for version in versions:
        line = data.draw(st.sampled_from(("none", "none", "recover", "fail", "reprocess", "update", "every")))
        for name in REPOS:
            if (files := dict(version[name])) != written[name]:
                world.write(name, written[name], files)
                written[name] = files
        step(world, data.draw(st.sampled_from(inputs)), line)
        foreseen = why(world, "p")
        world.mood = line
        world.settle()
        compare(foreseen, why(world, "p"))


def compare(foreseen: WhyJob, real: WhyJob) -> None:
    """What was to run is what ran, was recovered from, or failed; for the same reasons."""
    if foreseen.obstacles or foreseen.job.state.terminal:
        return  # an earlier job comes first, on which this one will build; or there is no new job
    tally = real.tally
    assert (foreseen.planned, foreseen.tally.total, foreseen.tally.same) == (True, tally.total, tally.same)
    assert foreseen.tally.causes == tally.causes
    done = sum(count for fate, count in tally.fates.items() if fate is not Fate.KNOWN)
    assert foreseen.tally.fates.get(Fate.AHEAD, 0) == done
    assert foreseen.tally.fates.get(Fate.KNOWN, 0) == tally.fates.get(Fate.KNOWN, 0)
    assert [(one.id, one.cause, one.changes) for one in foreseen.datums] == [
        (one.id, one.cause, one.changes) for one in real.datums
    ]
    counts = real.job.counts
    if real.job.state is JobState.SUCCESS:
        assert counts.processed == tally.fates.get(Fate.RAN, 0)
        assert counts.recovered == tally.fates.get(Fate.RECOVERED, 0)
        assert counts.skipped == tally.same + tally.fates.get(Fate.KNOWN, 0)


def cost(folder: Path, size: int) -> tuple[int, int]:
    """Nodes read by the explanation of one changed file among so many: of the job, and of the revert."""
    folder.mkdir()
    world = Factory(folder)
    try:
        world.repo("a")
        put(world, range(size), b"")
        world.pipeline("p", "a")
        pretend(world, world.job("p"))
        world.settle()
        first = world.commit("a").id
        put(world, range(size // 2, size // 2 + 1), b"new")
        world.settle()
        store = MeteredStore(world.pfs.store)
        world.pfs.maps, world.pfs.store = Maps(store), store
        found = why(world, "p")
        assert (found.tally.same, found.tally.fates) == (size - 1, {Fate.RAN: 1})
        planned = store.counts()["get"].objects
        (ahead,) = moved(world, "a", first)
        assert (ahead.tally.same, ahead.tally.fates) == (size - 1, {Fate.KNOWN: 1})
        assert store.counts()["put_many"].objects == store.counts()["put"].objects == 0
        return planned, store.counts()["get"].objects - planned
    finally:
        world.close()


def test_an_explanation_costs_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(Maps, shape=SHAPE)
    for module in ("trunkline.pfs.pfs", "trunkline.pps.explain.foresee", __name__):
        monkeypatch.setattr(f"{module}.Maps", small)
    costs = [cost(tmp_path / str(size), size) for size in (300, 1_000, 3_000)]
    assert max(planned for planned, _ in costs) <= 30, costs
    assert max(ahead for _, ahead in costs) <= 60, f"{costs}; reading all is 500 and more"
