"""The conformance suite, on the standard shape and on one whose trees grow tall from few entries."""

from __future__ import annotations

from pathlib import Path

from trunkline.maps.maps import Maps
from trunkline.maps.shape import Shape
from trunkline.objects.local import LocalStore
from trunkline.objects.memory import MemoryStore
from trunkline.objects.protocol import ObjectStore
from trunkline.testing.maps import MapsSuite, sample_entries

SMALL = Shape(leaf=4, inner=3, inline=60)
SMALLEST = Shape(leaf=2, inner=2, inline=0)


class TestStandardShape(MapsSuite):
    implementation = Maps
    tall = 3000

    def open(self, store: ObjectStore) -> Maps:
        return Maps(store)


class TestSmallShape(MapsSuite):
    implementation = Maps
    tall = 300

    def open(self, store: ObjectStore) -> Maps:
        return Maps(store, shape=SMALL)


class TestSmallestShapeWithoutCache(MapsSuite):
    implementation = Maps
    tall = 150

    def open(self, store: ObjectStore) -> Maps:
        return Maps(store, cache_bytes=0, shape=SMALLEST)

    def test_a_small_map_needs_no_object(self) -> None:
        # This shape keeps nothing inline: there, a map of one entry is one object.
        store = MemoryStore()
        root = self.open(store).build(sample_entries(1))
        assert not root.inline
        assert list(self.open(store).nodes(root)) == list(store.keys())


def test_a_folder_holds_maps_for_the_next_process(tmp_path: Path) -> None:
    entries = sample_entries(3000)
    root = Maps(LocalStore(tmp_path)).build(entries)
    maps = Maps(LocalStore(tmp_path))
    assert list(maps.range(root)) == entries
    assert list(maps.verify(root)) == []
