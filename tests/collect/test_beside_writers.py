"""Collections at the worst moments of those who write and read: between a question to the store and the row.

The moments are made by stores that run a collection when they are asked something, not by chance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pfs.house import House, add, commit_ref, copied

from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import STANDING_SECONDS
from trunkline.pfs import filesets, modify
from trunkline.pfs.collect.collector import Collector
from trunkline.pps import arrivals
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.outputs import output_map
from trunkline.pps.states import DatumState
from trunkline.testing.objects import FaultyStore

from .test_collector import collect, delete_repo, fill, noise


class Interrupted:
    """A house in which something happens before chosen operations of the store."""

    def __init__(self, folder: Path) -> None:
        self.store = FaultyStore(MemoryStore(), self._rule)
        self.before: dict[str, Callable[[], object]] = {}
        self._busy = False
        self.house = House(folder, self.store)

    def _rule(self, operation: str, key: str) -> None:
        act = self.before.get(operation)
        if act is None or self._busy:
            return
        self._busy = True
        try:
            act()
        finally:
            self._busy = False


@pytest.fixture
def scene(tmp_path):
    made = Interrupted(tmp_path)
    yield made
    made.before.clear()
    assert made.house.problems() == []
    made.house.close()


@pytest.mark.parametrize("moment", ["has", "put_many", "get"])
def test_a_collection_at_any_moment_of_a_write(scene, moment):
    """What is written was there before, as garbage that waits for the collector."""
    house = scene.house
    house.repo("data", "old")
    content = [add(f"/{n}", noise(n, 3000)) for n in range(300)]
    house.write("old@master", *content)
    delete_repo(house, "old")
    scene.before[moment] = lambda: collect(house)
    with house.pfs.pins.session():
        house.write("data@master", *content)
    scene.before.clear()
    collect(house)
    assert house.read("data@master", "/7") == noise(7, 3000)


def test_copying_from_a_commit_that_is_dropped_meanwhile(scene):
    house = scene.house
    house.repo("data", "source")
    house.write("source@master", *(add(f"/{n}", noise(n, 5000)) for n in range(50)))

    def operations():
        yield copied("/copy", "source@master", "/")
        delete_repo(house, "source")
        collect(house)
        yield add("/more", b"more")
        collect(house)

    with house.pfs.pins.session():
        modify.write(house.pfs, commit_ref("data@master"), operations())
    collect(house)
    assert house.read("data@master", "/copy/7") == noise(7, 5000)


def test_a_commit_that_is_dropped_while_it_is_finished(scene):
    house = scene.house
    house.repo("data")
    house.write("data@master", *(add(f"/{n}", noise(n, 300)) for n in range(3000)))
    house.start("data@master")
    house.write("data@master", add("/7", noise(1)))
    house.finish("data@master")
    done = []

    def drop():
        if not done:
            done.append(1)
            house.drop("data@master")
        collect(house)

    scene.before["put_many"] = drop
    with house.pfs.pins.session():
        house.settle()
    scene.before.clear()
    collect(house)
    assert done
    assert house.read("data@master", "/8") == noise(8, 300)


def test_a_file_set_of_a_commit_that_is_dropped_meanwhile(scene):
    house = scene.house
    house.repo("data")
    house.write("data@master", *(add(f"/{n}", noise(n, 300)) for n in range(1000)))
    with house.pfs.pins.session():
        root = house.pfs.content(house.commit("data@master"))
        delete_repo(house, "data")
        collect(house)
        name = filesets.create(house.pfs, [modify.Layer((), root, whole=True)])
    collect(house)
    assert len(filesets.shards(house.pfs, name, 0, 0)) == 1


def test_reading_a_file_whose_commit_is_dropped_meanwhile(scene):
    house = scene.house
    house.repo("data")
    house.write("data@master", add("/big", noise(1, 12 << 20)))
    with house.pfs.pins.session():
        view = house.view("data@master")
        stream = view.read(view.find("/big"))
        first = next(stream)
        delete_repo(house, "data")
        collect(house)
        assert first + b"".join(stream) == noise(1, 12 << 20)
    collect(house)
    assert list(house.store.keys()) == []


def test_a_worker_that_reports_what_was_collected_is_turned_down(scene):
    house = scene.house
    era = house.pfs.pins.era
    with house.pfs.pins.session():
        written = modify.layers_of(house.pfs, iter([add("/a", noise(5))]), lambda: True)
        file = next(iter(house.pfs.maps.range(written[0].delta)))
    assert file
    files = [("/a", _stored(house, noise(6)))]
    root = output_map(house.pfs.maps, "ab" * 32, files)
    report = DatumReport("ab" * 32, DatumState.SUCCESS, outputs=root.pack())
    finding = Finding(b"\xab" * 32, b"hash", report)
    with house.pfs.pins.session():
        assert arrivals.still_there(house.pfs, era, [finding])
        collect(house)
        assert arrivals.still_there(house.pfs, era, [finding])
    collect(house)
    with house.pfs.pins.session():
        assert not arrivals.still_there(house.pfs, era, [finding])
        files = [("/a", _stored(house, noise(6)))]
        assert arrivals.still_there(house.pfs, era, [finding])
        collect(house)
        assert arrivals.still_there(house.pfs, era, [finding])


def _stored(house, data):
    """As a worker stores: round the pins."""
    from trunkline.content.writer import ContentWriter

    writer = ContentWriter(house.store)
    pending = writer.add(data)
    writer.flush()
    return pending.file("ab" * 32)


def test_writers_and_collections_in_threads(tmp_path):
    """Writers make the same content again and again, and throw it away; nobody ever misses a byte."""
    house = House(tmp_path, LocalStore(tmp_path / "store", sync=lambda descriptor: None))
    rounds, errors = 6, []
    names = ["one", "two", "three"]
    house.repo(*names)
    running = threading.Event()
    running.set()

    def write(name: str) -> None:
        try:
            for turn in range(rounds):
                with house.pfs.pins.session():
                    house.write(f"{name}@master", *(add(f"/{n}", noise(n + turn % 3, 800)) for n in range(60)))
                with house.pfs.pins.session():
                    assert house.read(f"{name}@master", "/9").endswith(noise(9 + turn % 3, 800))
                    house.drop(f"{name}@master")
        except Exception as error:
            errors.append(error)

    def tidy() -> None:
        while running.is_set():
            try:
                list(Collector(house.pfs).run())
            except Exception as error:
                errors.append(error)
                return

    writers = [threading.Thread(target=write, args=(name,)) for name in names]
    collector = threading.Thread(target=tidy)
    for thread in (collector, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    running.clear()
    collector.join()
    assert errors == []
    assert house.problems() == []
    house.steady.advance(3 * STANDING_SECONDS)
    collect(house)
    assert list(house.store.keys()) == []
    house.close()


def test_what_fills_a_store_is_empty_after_all_is_deleted(tmp_path):
    house = House(tmp_path)
    house.repo("data", "more")
    fill(house, "data", range(3), files=40)
    fill(house, "more", range(3), files=40)
    for name in ("data", "more"):
        delete_repo(house, name)
    collect(house)
    assert list(house.store.keys()) == []
    house.close()
