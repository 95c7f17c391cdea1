"""What a collection deletes and what it keeps; every map and chunk that is still needed is read afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.pfs.house import House, add, commit_ref, gone

from trunkline.catalog import SqliteCatalog
from trunkline.kernel.clock import SystemClock
from trunkline.kernel.errors import Cancelled, Conflict, FailedPrecondition, ObjectMissing, StorageFailed
from trunkline.kernel.names import FILESET_REPO
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import STANDING_SECONDS
from trunkline.pfs import filesets, modify, repos
from trunkline.pfs.collect import claims, collector
from trunkline.pfs.collect.collector import Collector
from trunkline.pfs.collect.report import CHUNKS, NODES, Summary
from trunkline.pfs.layers import Layer
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.testing.objects import FaultyStore


def collect(house: House, **options) -> Summary:
    """Runs a collection to its end, long after the writes before it, which had no session."""
    house.steady.advance(3 * STANDING_SECONDS)
    *_, summary = Collector(house.pfs).run(**options)
    assert isinstance(summary, Summary)
    return summary


def freed(summary: Summary) -> int:
    return sum(tally.garbage.objects for tally in summary.kinds.values())


def noise(seed: int, size: int = 30_000) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(params=[MemoryStore, LocalStore])
def house(request, tmp_path):
    made = House(tmp_path, MemoryStore() if request.param is MemoryStore else LocalStore(tmp_path / "store"))
    yield made
    assert made.problems() == []
    made.close()


def delete_repo(house: House, name: str) -> None:
    house.pfs.change(lambda change: repos.delete(change, RepoRef(name)))


def modify_layers(house: House, *operations: modify.Operation) -> list[Layer]:
    return modify.layers_of(house.pfs, iter(operations), lambda: True)


def fill(house: House, repo: str, seeds: range, files: int = 3) -> None:
    """A commit for each seed, with large enough content and enough paths to make objects of both kinds."""
    for seed in seeds:
        house.write(f"{repo}@master", *(add(f"/{seed}/{n}", noise(seed * 100 + n)) for n in range(files)))


def test_an_empty_world(house):
    summary = collect(house)
    assert freed(summary) == 0
    assert summary.kinds[CHUNKS].seen.objects == 0


def test_what_is_reachable_stays_and_the_rest_goes(house):
    house.repo("data")
    house.repo("other")
    fill(house, "data", range(3))
    fill(house, "other", range(10, 12), files=400)
    before = set(house.store.keys())
    assert freed(collect(house)) == len(before) - len(set(house.store.keys()))
    kept = set(house.store.keys())
    delete_repo(house, "other")
    summary = collect(house)
    after = set(house.store.keys())
    assert freed(summary) == len(kept - after)
    assert summary.kinds[NODES].garbage.objects > 0
    assert summary.kinds[CHUNKS].garbage.objects > 0
    assert house.read("data@master", "/2/1") == noise(201)
    delete_repo(house, "data")
    collect(house)
    assert set(house.store.keys()) == set()


def test_a_trial_deletes_nothing_and_tells_what_would_go(house):
    house.repo("data")
    fill(house, "data", range(2))
    delete_repo(house, "data")
    before = set(house.store.keys())
    trial = collect(house, dry_run=True)
    assert set(house.store.keys()) == before
    real = collect(house)
    assert freed(trial) == freed(real) == len(before)
    assert trial.dry_run
    assert sum(tally.garbage.bytes for tally in real.kinds.values()) > 0


def test_open_commits_and_file_sets_keep_what_they_have(house):
    house.repo("data")
    opened = house.start("data@master")
    house.write("data@master", add("/a", noise(1)))
    kept = filesets.create(house.pfs, modify_layers(house, add("/b", noise(2))))
    lost = filesets.create(house.pfs, modify_layers(house, add("/c", noise(3))), seconds=1)
    house.clock.advance(10)
    while filesets.sweep(house.pfs):
        pass
    summary = collect(house)
    assert summary.kinds[CHUNKS].garbage.objects == 1
    assert lost not in (kept, opened)
    house.finish("data@master")
    house.settle()
    collect(house)
    assert house.read("data@master", "/a") == noise(1)
    ref = CommitRef(RepoRef(FILESET_REPO), kept)
    assert house.pfs.content(filesets.source(house.pfs, ref)).count == 1


def test_what_no_layer_of_an_open_commit_names_goes(house):
    """The view of an open commit is remembered; a collection may take its nodes, but then not the memory of them."""
    house.repo("data")
    house.write("data@master", *(add(f"/{n}", f"{n}") for n in range(2000)))
    house.start("data@master")
    house.write("data@master", add("/new", "new"))
    assert len(house.files("data@master")) == 2001
    view = house.pfs.content(house.commit("data@master"))
    summary = collect(house)
    assert summary.kinds[NODES].garbage.objects > 0
    assert house.pfs.content(house.commit("data@master")) == view
    assert all(house.store.has(key) for key in house.pfs.maps.nodes(view))
    name = filesets.total(house.pfs, commit_ref("data@master"), lambda: True)
    collect(house)
    assert house.problems() == []
    assert len(filesets.shards(house.pfs, name, 0, 0)) == 1


def test_an_error_on_the_way_deletes_nothing(house):
    house.repo("data")
    house.write("data@master", *(add(f"/{n}", noise(n, 2000)) for n in range(1000)))
    house.write("data@master", gone("/1"), add("/1", noise(7)))
    house.drop("data@master")
    every = set(house.store.keys())
    nodes = {key for key in every if key.startswith("nodes/")}
    root = house.pfs.content(house.commit("data@master"))
    lost = next(key for key in house.pfs.maps.nodes(root))
    data = house.store.get(lost)
    house.store.delete(lost)
    with pytest.raises(ObjectMissing, match="nothing was deleted"):
        collect(house)
    assert set(house.store.keys()) == every - {lost}
    house.store.put(lost, data)
    calls = iter(range(3))
    with pytest.raises(Cancelled):
        collect(house, alive=lambda: next(calls, None) is not None)
    assert set(house.store.keys()) == every
    assert len(nodes) > 3


def test_one_collection_at_a_time(house):
    running = Collector(house.pfs).run()
    next(running)
    with pytest.raises(Conflict):
        collect(house)
    running.close()
    collect(house)


class Shared(SqliteCatalog):
    """A catalog that another server opens: at once, or in the middle."""

    others: Iterator[int]

    @contextmanager
    def alone(self):
        if next(self.others):
            raise FailedPrecondition("another server has the catalog open")
        yield lambda: not next(self.others)


def test_no_collection_beside_another_server(tmp_path):
    house = House(tmp_path, catalog=Shared)
    house.repo("data")
    fill(house, "data", range(3))
    delete_repo(house, "data")
    before = set(house.store.keys())
    house.catalog.others = iter([1])
    with pytest.raises(FailedPrecondition):
        collect(house)
    house.catalog.others = iter([0, 1])
    with pytest.raises(Conflict):
        collect(house)
    assert set(house.store.keys()) == before
    assert freed(collect(house, dry_run=True)) == len(before)
    house.close()


def test_deleting_that_takes_long_asks_again_whether_another_server_came(tmp_path, monkeypatch):
    now, gone = [0.0], []

    def rule(operation, key):
        if operation == "delete":
            now[0] += 30.0
            gone.append(key)

    house = House(tmp_path, FaultyStore(MemoryStore(), rule), catalog=Shared)
    house.repo("data")
    fill(house, "data", range(3), files=100)
    fill(house, "data", range(10, 40))
    delete_repo(house, "data")
    number = len(list(house.store.keys()))
    monkeypatch.setattr(collector, "monotonic", lambda: now[0])
    monkeypatch.setattr(collector, "LANES", 1)
    house.catalog.others = iter([0, 0, 0, 1])
    with pytest.raises(Conflict):
        collect(house)
    assert number > len(gone) == 2
    house.close()


def test_no_collection_where_another_catalog_keeps_its_files(tmp_path):
    store = LocalStore(tmp_path / "store")
    houses = []
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        houses.append(House(tmp_path / name, store))
        claims.claim(store, name)
        houses[-1].repo("data")
    mine, theirs = houses
    fill(theirs, "data", range(3))
    mine.steady.advance(3 * STANDING_SECONDS)
    for dry_run in (True, False):
        with pytest.raises(FailedPrecondition, match="remove the object catalogs/theirs"):
            list(Collector(mine.pfs, cluster=lambda: "mine").run(dry_run=dry_run))
    assert theirs.problems() == []
    store.delete("catalogs/theirs")
    *_, summary = Collector(mine.pfs, cluster=lambda: "mine").run()
    assert freed(summary) > 0
    assert summary.foreign.objects == 0
    assert list(store.keys()) == ["catalogs/mine"]
    for house in houses:
        house.close()


def test_a_crash_in_the_middle_of_the_sweep_leaves_everything_whole(tmp_path):
    class Crash(BaseException):
        pass

    left = iter(range(5))

    def rule(operation, key):
        if operation == "delete" and next(left, None) is None:
            raise Crash
        return

    store = FaultyStore(LocalStore(tmp_path / "store"), rule)
    house = House(tmp_path, store)
    house.repo("data", "other")
    fill(house, "data", range(3))
    fill(house, "other", range(5, 20))
    delete_repo(house, "other")
    with pytest.raises(Crash):
        collect(house)
    house.close()
    house = House(tmp_path, LocalStore(tmp_path / "store"))
    assert house.problems() == []
    assert house.read("data@master", "/1/1") == noise(101)
    collect(house)
    fill(house, "data", range(5, 20))  # what was half deleted is written anew
    collect(house)
    assert house.read("data@master", "/19/1") == noise(1901)
    assert house.problems() == []
    house.close()


def test_a_store_that_fails_fails_the_collection(tmp_path):
    house = House(tmp_path, FaultyStore(MemoryStore()))
    house.repo("data")
    fill(house, "data", range(3))
    delete_repo(house, "data")
    house.store.rule = lambda operation, key: StorageFailed("no") if operation == "delete" else None
    with pytest.raises(StorageFailed):
        collect(house)
    house.store.rule = lambda operation, key: None
    assert freed(collect(house)) > 0
    assert list(house.store.keys()) == []
    house.close()


def test_what_is_no_object_of_ours_is_left_alone(house):
    house.store.put("notes/readme", b"hello")
    house.store.put("chunks/zz/short", b"x")
    summary = collect(house)
    assert summary.foreign.objects == 2
    assert set(house.store.keys()) == {"notes/readme", "chunks/zz/short"}


def test_what_is_young_stays_while_somebody_works_who_does_not_pin(tmp_path):
    house = House(tmp_path, LocalStore(tmp_path / "store"))
    house.repo("data")
    fill(house, "data", range(2))
    delete_repo(house, "data")
    house.clock._now = SystemClock().now()
    *_, summary = Collector(house.pfs, busy_seconds=lambda: 0.0).run()
    assert freed(summary) == 0
    assert summary.kinds[CHUNKS].young.objects > 0
    house.clock.advance(100)
    house.steady.advance(3 * STANDING_SECONDS)
    *_, summary = Collector(house.pfs, busy_seconds=lambda: 10.0).run()
    assert list(house.store.keys()) == []
    house.close()
