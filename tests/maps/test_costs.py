"""The law: what an operation touches follows the change, not what is there. Counted in nodes, not in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from trunkline.maps import EMPTY, Entry, Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.maps.shape import Shape
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.testing.maps import sample_entries, sample_entry

SHAPE = Shape(leaf=16, inner=8, inline=0)
SIZES = (1_000, 10_000, 100_000)

# A path through the largest of the trees has six nodes (100,000 entries, 16 to a leaf, 8 to an inner node); an
# operation at one place walks it once or twice, and rewrites as much.
PATHS = 20


class World:
    """One map and what happens to its store."""

    def __init__(self, size: int) -> None:
        self.inner = MemoryStore()
        self.entries = sample_entries(size)
        self.root = Maps(self.inner, shape=SHAPE).build(self.entries)
        self.middle = self.entries[size // 2]

    def touched(self, operation: Callable[[Maps], object]) -> tuple[int, int]:
        """How many nodes an operation reads and writes, with nothing in the cache at first."""
        store = MeteredStore(self.inner)
        operation(Maps(store, shape=SHAPE))
        counts = store.counts()
        return counts["get"].objects, counts["put_many"].objects


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World(size) for size in SIZES]


def exhaust(stream: Iterable[object]) -> int:
    return sum(1 for _ in stream)


def changed(world: World, key: bytes) -> Root:
    entry: Entry = (key, b"changed", 1, b"")
    return Maps(world.inner, shape=SHAPE).edit(world.root, [(key, entry)])


def assert_flat(costs: list[tuple[int, int]]) -> None:
    """At most one path's worth at any size."""
    assert max(read for read, _ in costs) <= PATHS, costs
    assert max(written for _, written in costs) <= PATHS, costs


@pytest.mark.parametrize("place", ["first", "middle", "last", "before all", "after all"])
def test_a_one_entry_edit(worlds: list[World], place: str) -> None:
    def key(world: World) -> bytes:
        known = {"first": world.entries[0][0], "middle": world.middle[0], "last": world.entries[-1][0]}
        return known.get(place) or {"before all": b"", "after all": b"~"}[place]

    def edit(world: World, value: bytes) -> Callable[[Maps], object]:
        return lambda maps: maps.edit(world.root, [(key(world), (key(world), value, 1, b""))])

    assert_flat([world.touched(edit(world, b"other")) for world in worlds])
    assert_flat([world.touched(lambda maps, w=world: maps.edit(w.root, [(key(w), None)])) for world in worlds])


def test_dropping_a_range_costs_its_two_edges(worlds: list[World]) -> None:
    def drop(world: World) -> Callable[[Maps], object]:
        size = len(world.entries)
        lo, hi = world.entries[size // 10][0], world.entries[size * 9 // 10][0]
        return lambda maps: maps.edit(world.root, [], [(lo, hi)])

    assert_flat([world.touched(drop(world)) for world in worlds])


def test_slice_digest_and_totals(worlds: list[World]) -> None:
    def wide(world: World) -> tuple[bytes, bytes]:
        size = len(world.entries)
        return world.entries[size // 7][0], world.entries[size * 5 // 7][0]

    assert_flat([world.touched(lambda maps, w=world: maps.slice(w.root, *wide(w))) for world in worlds])
    for world in worlds:
        for operation in (Maps.digest, Maps.totals):
            read, written = world.touched(lambda maps, w=world, do=operation: do(maps, w.root, *wide(w)))
            assert read <= PATHS
            assert written == 0


def test_totals_of_a_folder_read_two_paths(worlds: list[World]) -> None:
    prefix = b"/batch-0000/"
    for world in worlds:
        read, _ = world.touched(lambda maps, w=world: maps.totals(w.root, prefix, prefix_end(prefix)))
        assert read <= 2 * (world.root.level + 1)


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_diff_of_one_change(worlds: list[World], place: float) -> None:
    costs = []
    for world in worlds:
        key = world.entries[int(place * (len(world.entries) - 1))][0]
        for new in (changed(world, key), changed(world, key + b"+")):
            costs.append(world.touched(lambda maps, w=world, n=new: exhaust(maps.diff(w.root, n))))
            costs.append(world.touched(lambda maps, w=world, n=new: exhaust(maps.diff(n, w.root))))
    assert max(read for read, _ in costs) <= 2 * PATHS, costs
    assert max(written for _, written in costs) == 0


def test_a_removed_block_costs_its_own_nodes_and_its_edges(worlds: list[World]) -> None:
    """After a difference the two sides fall into step again, and at the largest nodes that they share."""
    for world in worlds:
        size = len(world.entries)
        lo, hi = world.entries[size // 3][0], world.entries[size // 3 + 64][0]
        less = Maps(world.inner, shape=SHAPE).edit(world.root, [], [(lo, hi)])
        for pair in ((world.root, less), (less, world.root)):
            read, _ = world.touched(lambda maps, pair=pair: exhaust(maps.diff(*pair)))
            assert read <= 4 * PATHS


def test_merge(worlds: list[World]) -> None:
    def small(world: World) -> Root:
        key = world.middle[0] + b"+"
        return Maps(world.inner, shape=SHAPE).build([(key, b"", 1, b"")])

    costs = []
    for world in worlds:
        for other in (small(world), changed(world, world.middle[0])):
            for pair in ((world.root, other), (other, world.root)):
                costs.append(world.touched(lambda maps, p=pair: maps.merge(*p, lambda left, _: left)))
    assert max(read for read, _ in costs) <= 2 * PATHS, costs
    assert max(written for _, written in costs) <= PATHS, costs


def test_joining_two_maps_end_to_end(worlds: list[World]) -> None:
    for world in worlds:
        maps = Maps(world.inner, shape=SHAPE)
        cut = world.middle[0]
        halves = maps.slice(world.root, b"", cut), maps.slice(world.root, cut, None)
        for pair in (halves, halves[::-1]):
            assert maps.merge(*pair, lambda left, _: left) == world.root
            cost = world.touched(lambda fresh, p=pair: fresh.merge(*p, lambda left, _: left))
            assert_flat([cost])


def test_many_changes_cost_their_number_not_the_size(worlds: list[World]) -> None:
    for world in worlds:
        chosen = world.entries[:: len(world.entries) // 20]
        read, written = world.touched(
            lambda maps, w=world, c=chosen: maps.edit(w.root, [(entry[0], None) for entry in c])
        )
        assert max(read, written) <= PATHS * len(chosen) // 2


def test_get_reads_one_path(worlds: list[World]) -> None:
    for world in worlds:
        read, written = world.touched(lambda maps, w=world: maps.get(w.root, w.middle[0]))
        assert (read, written) == (world.root.level + 1, 0)


def test_the_cache_saves_reading(worlds: list[World]) -> None:
    world = worlds[0]
    store = MeteredStore(world.inner)
    maps = Maps(store, shape=SHAPE)
    for _ in range(3):
        assert maps.get(world.root, world.middle[0]) == world.middle
    assert store.counts()["get"].objects == world.root.level + 1


def test_names_of_leaves_are_found_without_reading_them(worlds: list[World]) -> None:
    world = worlds[1]
    total = exhaust(Maps(world.inner, shape=SHAPE).nodes(world.root))
    read, _ = world.touched(lambda maps: exhaust(maps.nodes(world.root)))
    assert read < total / 4


def test_build_and_scan_stream() -> None:
    """Objects are stored while the input still comes, and leaves are read while the output goes."""
    store = MeteredStore(MemoryStore())
    maps = Maps(store, cache_bytes=0, shape=SHAPE)
    stored_at: list[int] = []

    def source() -> Iterator[Entry]:
        for number in range(60_000):
            if number % 1000 == 0:
                stored_at.append(store.counts()["put_many"].objects)
            yield sample_entry(number)

    root = maps.build(source())
    assert stored_at[-1] > 2_000
    groups = store.counts()["put_many"]
    assert groups.objects / groups.calls <= 1100
    before = store.counts()["get"].objects
    first = next(maps.range(root))
    assert first == sample_entry(0)
    assert store.counts()["get"].objects - before <= root.level + 1


def test_edits_of_nothing_write_nothing() -> None:
    store = MeteredStore(MemoryStore())
    maps = Maps(store)
    assert maps.edit(EMPTY, []) == EMPTY
    assert store.counts()["put_many"].calls == 0
