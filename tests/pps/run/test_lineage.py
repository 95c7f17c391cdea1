"""Lineage per file: what a trace says is what all datums together say, and it costs what it says."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pps.plan.expressions import REPOS, Repos, expressions, histories
from tests.pps.run.factory import Factory, Failed
from tests.pps.run.test_costs import SHAPE, pretend, put
from tests.pps.run.test_histories import LINES, MEMORY, Mill, make, step
from tests.pps.run.tracing import ALL, At, all_edges, closure, edges, told
from tests.pps.world import pfs_input

from trunkline.kernel.errors import NotFound
from trunkline.maps import Maps
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pfs.rows import commits as commits_of
from trunkline.pps.lineage.values import Bounds, TracedDatum, TracedFile, TraceEnd
from trunkline.pps.spec import Input
from trunkline.pps.states import DatumState


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(expressions(), min_size=2, max_size=2), histories(longest=3), st.data())
def test_traces_say_what_all_datums_say(inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = Mill(Path(folder))
        try:
            world.repo(*REPOS)
            make(world, inputs[0])
            second = data.draw(st.sampled_from([pfs_input("p", "/"), pfs_input("p", "/*"), pfs_input("p", "/*/*")]))
            world.pipeline("q", second)
            live(world, inputs, versions, data)
            compare(world, data)
        finally:
            world.close()


def live(world: Mill, inputs: list[Input], versions: list[Repos], data: st.DataObject) -> None:
    written: dict[str, dict[str, str]] = {name: {} for name in REPOS}
    for version in versions:
        world.mood = data.draw(st.sampled_from(LINES))
        for name in REPOS:
            if (files := dict(version[name])) != written[name]:
                world.write(name, written[name], files)
                written[name] = files
        step(world, data.draw(st.sampled_from(inputs)), world.mood)
        world.settle()


def compare(world: Mill, data: st.DataObject) -> None:
    """Some files of each commit, in both directions."""
    every = all_edges(world)
    with world.catalog.read() as tx:
        commits = list(commits_of(tx, "WHERE repos.type = 'user' AND commits.error = '' ORDER BY commits.id", ()))
    for commit in commits:
        paths = [entry[0].decode() for entry in world.pfs.maps.range(world.pfs.content(commit))]
        for path in data.draw(st.lists(st.sampled_from(paths), max_size=3, unique=True)) if paths else ():
            at = At(commit.repo.name, commit.id, path)
            for down in (False, True):
                assert edges(told(world, commit, at.path, down=down)) == closure(every, at, down=down)


def test_a_skipped_datum_names_the_job_that_ran_it(factory: Factory) -> None:
    factory.repo("a", "b")
    factory.pipeline("p", "a")
    factory.pipeline("q", {"cross": [pfs_input("p", "/*"), pfs_input("b", "/")]})
    factory.put("b", model="m")
    first = factory.put("a", x="1")
    factory.settle()
    second = factory.put("a", y="2")
    factory.settle()
    head = factory.commit("p")
    assert head.id == second
    _, datum, source, end = told(factory, head, "/x")
    assert isinstance(datum, TracedDatum)
    assert (datum.state, datum.job.id, datum.outputs) == (DatumState.SKIPPED, second, 1)
    assert datum.run is not None
    assert datum.run.job is not None
    assert (datum.run.job.id, datum.run.version, datum.run.image) == (first, 1, "ubuntu:20.04")
    assert isinstance(source, TracedFile)
    assert (source.repo.name, source.commit, source.path, source.datum) == ("a", second, "/x", 0)
    assert end == TraceEnd(2, 1, False)
    deep = told(factory, factory.commit("q"), "/x")
    names = {(one.repo.name, one.path) for one in deep if isinstance(one, TracedFile)}
    assert names == {("q", "/x"), ("p", "/x"), ("b", "/model"), ("a", "/x")}
    shallow = told(factory, factory.commit("q"), "/x", bounds=Bounds(100, 100, 1))
    assert {one.repo.name for one in shallow if isinstance(one, TracedFile)} == {"q", "p", "b"}


def test_a_commit_without_output_of_its_own_has_its_parents(factory: Factory) -> None:
    def strict(files: dict[str, str]) -> dict[str, str]:
        if "bad" in files.values():
            raise Failed("exit 1")
        return {"/" + path.split("/", 2)[2]: text for path, text in files.items()}

    factory.code = strict  # type: ignore[assignment]
    factory.repo("a")
    factory.pipeline("p", "a")
    good = factory.put("a", x="1")
    factory.settle()
    factory.put("a", y="bad")
    factory.settle()
    failed = factory.commit("p")
    assert failed.error
    _, datum, source, _ = told(factory, failed, "/x")
    assert isinstance(datum, TracedDatum)
    assert isinstance(source, TracedFile)
    assert (datum.job.id, source.commit) == (good, good)
    end = told(factory, factory.commit("a"), "/x", down=True)[-1]
    assert isinstance(end, TraceEnd)
    assert (end.files, end.passed) == (1, 1)


def test_what_is_gone_is_said_and_what_is_too_much_is_cut(factory: Factory) -> None:
    factory.repo("a")
    factory.pipeline("p", pfs_input("a", "/"))
    factory.put("a", **{f"f{number}": str(number) for number in range(9)})
    factory.settle()
    head = factory.commit("p")
    whole = told(factory, head, "/f1")
    assert len([one for one in whole if isinstance(one, TracedFile)]) == 10
    _, datum, *files, end = told(factory, head, "/f1", bounds=Bounds(100, 3))
    assert isinstance(datum, TracedDatum)
    assert (len(files), datum.inputs[0].more, datum.outputs) == (3, 6, 9)
    assert isinstance(end, TraceEnd)
    assert end.cut
    for down in (False, True):
        last = told(factory, head if not down else factory.commit("a"), "/", down=down, bounds=Bounds(5, 100))[-1]
        assert last == TraceEnd(5, 0 if down else 1, True)
        with pytest.raises(NotFound, match="file /none not found in repo"):
            told(factory, head, "/none", down=down)
    factory.pps.delete_job(factory.job("p").ref)
    assert [type(one) for one in told(factory, head, "/f1")] == [TracedFile, TraceEnd]


def cost(folder: Path, size: int) -> tuple[int, int]:
    """Nodes read by a trace of one file of so many, up and down, after as many commits as there are sizes."""
    folder.mkdir()
    world = Factory(folder)
    try:
        world.repo("a")
        put(world, range(size), b"")
        world.pipeline("p", "a")
        pretend(world, world.job("p"))
        world.settle()
        for number in range(size // 100):
            put(world, range(number, number + 1), b"new")
        world.settle()
        path = world.pfs.maps.range(world.root("p"))
        output = next(path)[0].decode()
        spent = []
        for repo, name, down in (("p", output, False), ("a", f"/{size // 2:06}", True)):
            store = MeteredStore(world.pfs.store)
            world.pfs.maps, world.pfs.store = Maps(store), store
            messages = told(world, world.commit(repo), name, down=down, bounds=ALL)
            assert [type(one) for one in messages] == [TracedFile, TracedDatum, TracedFile, TraceEnd]
            spent.append(store.counts()["get"].objects)
        return spent[0], spent[1]
    finally:
        world.close()


def test_a_trace_costs_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(Maps, shape=SHAPE)
    monkeypatch.setattr("trunkline.pfs.pfs.Maps", small)
    monkeypatch.setattr("trunkline.pps.lineage.down.Maps", small)
    monkeypatch.setattr(__name__ + ".Maps", small)
    costs = [cost(tmp_path / str(size), size) for size in (300, 1_000, 3_000)]
    assert max(up for up, _ in costs) <= 20, costs
    assert max(down for _, down in costs) <= 30, f"{costs}; reading all is 500 and more"
