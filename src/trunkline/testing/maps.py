"""The conformance suite of the sorted Merkle map, a model of it, and the inputs that tests and benchmarks share.

Every implementation inherits `MapsSuite` in its tests. The model is a dictionary: slow, obvious, and right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TypeAlias

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.kernel.errors import Corrupt, InvalidRequest, ObjectMissing, StorageFull
from trunkline.maps import EMPTY, Entry, Maps, Root, Totals
from trunkline.maps.entry import Change, Difference
from trunkline.maps.keys import prefix_end
from trunkline.objects.memory import MemoryStore
from trunkline.objects.protocol import ObjectStore
from trunkline.testing.objects import FaultyStore, full_after

Range: TypeAlias = tuple[bytes, bytes | None]
Resolve: TypeAlias = Callable[[Entry, Entry], Entry]


class ModelMap(dict[bytes, Entry]):
    """What a map holds, as a dictionary, with the map's operations spelled out."""

    def listed(self, lo: bytes = b"", hi: bytes | None = None) -> list[Entry]:
        """The entries of [lo, hi), ascending."""
        return [self[key] for key in sorted(self) if within(key, (lo, hi))]

    def totals(self, lo: bytes = b"", hi: bytes | None = None) -> Totals:
        """Their number and weight."""
        found = self.listed(lo, hi)
        return Totals(len(found), sum(weight for _, _, weight, _ in found))

    def edited(self, changes: Iterable[Change], remove: Iterable[Range] = ()) -> ModelMap:
        """The map after an edit."""
        ranges = list(remove)
        result = ModelMap(
            (key, entry) for key, entry in self.items() if not any(within(key, dropped) for dropped in ranges)
        )
        for key, entry in changes:
            if entry is None:
                result.pop(key, None)
            else:
                result[key] = entry
        return result

    def differences(self, new: ModelMap, lo: bytes = b"", hi: bytes | None = None) -> list[Difference]:
        """What `diff` answers."""
        keys = sorted(key for key in self.keys() | new.keys() if within(key, (lo, hi)))
        pairs = ((key, self.get(key), new.get(key)) for key in keys)
        return [(key, old, other) for key, old, other in pairs if identity(old) != identity(other)]

    def merged(self, other: ModelMap, resolve: Resolve) -> ModelMap:
        """The union."""
        result = ModelMap(other)
        for key, entry in self.items():
            theirs = other.get(key, entry)
            result[key] = entry if identity(theirs) == identity(entry) else resolve(entry, theirs)
        return result


def within(key: bytes, bounds: Range) -> bool:
    """Whether the key is in [lo, hi)."""
    lo, hi = bounds
    return lo <= key and (hi is None or key < hi)


def identity(entry: Entry | None) -> tuple[bytes, bytes, int] | None:
    """The part of an entry that its map's digest covers."""
    return entry and entry[:3]


def sample_entry(number: int, version: int = 0) -> Entry:
    """An entry as a file has it: a path in a folder of 1,000, a hash, a size, and where in a chunk its bytes are."""
    path = b"/batch-%04d/item-%07d.json" % (number // 1000, number)
    content = blake3(b"%d.%d" % (number, version)).digest()
    chunk = blake3(b"%d" % (number // 1000)).digest()
    return path, content, 1000 + number % 4096, b"\x92\xa0\x91\x93\xc4\x20" + chunk + number.to_bytes(4, "big")


def sample_entries(count: int) -> list[Entry]:
    """So many of them, sorted by key."""
    return [sample_entry(number) for number in range(count)]


# The suite is inherited, so that one test body runs for several classes; each stands on its own.
_inherited = settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])

_UNIVERSE = [b"/%c/%02d" % (folder, item) for folder in b"abcd" for item in range(40)]
keys = st.sampled_from(_UNIVERSE) | st.binary(min_size=0, max_size=3)
bounds = st.tuples(st.just(b"") | keys, st.none() | keys)
plain_entries = st.tuples(
    st.sampled_from([b"", b"x", b"y" * 32]), st.integers(0, 3) | st.just(1 << 40), st.sampled_from([b"", b"p", b"q"])
)


@st.composite
def entry_maps(draw: st.DrawFn, max_size: int = 120) -> ModelMap:
    """A model of up to `max_size` entries, many of whose keys other draws have, too."""
    parts = draw(st.dictionaries(keys, plain_entries, max_size=max_size))
    return ModelMap((key, (key, *rest)) for key, rest in parts.items())


@st.composite
def change_batches(draw: st.DrawFn) -> tuple[list[Change], list[Range]]:
    """Arguments for `edit`."""
    parts = draw(st.dictionaries(keys, st.none() | plain_entries, max_size=12))
    changes: list[Change] = [(key, rest and (key, *rest)) for key, rest in sorted(parts.items())]
    return changes, draw(st.lists(bounds, max_size=2))


def heavier(left: Entry, right: Entry) -> Entry:
    """A resolution that neither side always wins."""
    return max(left, right, key=lambda entry: (entry[2], entry[1], entry[3]))


def address_text(object_key: str) -> str:
    """The node's address in hex, as messages name it."""
    return object_key.rsplit("/", 1)[1]


class MapsSuite:
    """What every implementation of maps does. A subclass names it and says how to open one.

    Attributes:
        implementation: the class under test, for the guard.
        tall: a number of entries whose map surely has several levels.
    """

    implementation: type
    tall: int

    def open(self, store: ObjectStore) -> Maps:
        """Maps over a store, with nothing in their cache."""
        raise NotImplementedError

    def fresh(self) -> Maps:
        """Maps over an empty store."""
        return self.open(MemoryStore())

    def build(self, maps: Maps, model: ModelMap) -> Root:
        """The map of what the model holds; every other test compares with this one."""
        return maps.build(model.listed())

    def test_the_class_is_the_one_named(self) -> None:
        assert type(self.fresh()) is self.implementation

    # -- the law: one content, one root ---------------------------------------------------------------------

    @settings(_inherited, max_examples=150)
    @given(entry_maps(), st.lists(change_batches(), max_size=5))
    def test_same_entries_give_the_same_root_whatever_the_history(
        self, model: ModelMap, history: list[tuple[list[Change], list[Range]]]
    ) -> None:
        maps = self.fresh()
        root = self.build(maps, model)
        for changes, remove in history:
            root, model = maps.edit(root, changes, remove), model.edited(changes, remove)
            assert list(maps.range(root)) == model.listed()
            assert root == self.build(self.fresh(), model)
        assert list(maps.verify(root)) == []

    @settings(_inherited, max_examples=40)
    @given(entry_maps(), st.randoms(use_true_random=False))
    def test_any_order_of_arrival_gives_the_same_root(self, model: ModelMap, random: Random) -> None:
        maps = self.fresh()
        arrivals = list(model.values())
        random.shuffle(arrivals)
        root = EMPTY
        for start in range(0, len(arrivals), 7):
            batch = sorted(arrivals[start : start + 7])
            root = maps.edit(root, [(entry[0], entry) for entry in batch])
        assert root == self.build(maps, model)

    @settings(_inherited, max_examples=40)
    @given(entry_maps(), entry_maps())
    def test_digests_are_equal_exactly_for_equal_identities(self, left: ModelMap, right: ModelMap) -> None:
        maps = self.fresh()
        for other in (right, ModelMap((key, (*entry[:3], b"other")) for key, entry in left.items())):
            same = [entry[:3] for entry in left.listed()] == [entry[:3] for entry in other.listed()]
            assert (self.build(maps, left).digest == self.build(maps, other).digest) == same

    def test_a_tall_map_and_the_same_grown_and_shrunk_are_one(self) -> None:
        maps = self.fresh()
        entries = sample_entries(self.tall)
        root = maps.build(entries)
        assert root.level >= 1
        half = maps.build(entries[::2])
        assert maps.edit(half, [(entry[0], entry) for entry in entries[1::2]]) == root
        assert maps.edit(root, [(entry[0], None) for entry in entries[1::2]]) == half
        assert maps.merge(half, maps.build(entries[1::2]), heavier) == root
        assert maps.edit(root, [], [(b"", None)]) == EMPTY

    # -- reading ---------------------------------------------------------------------------------------------

    @settings(_inherited, max_examples=150)
    @given(entry_maps(), bounds)
    def test_ranges_totals_and_slices(self, model: ModelMap, bounds: Range) -> None:
        maps = self.fresh()
        root = self.build(maps, model)
        expected = model.listed(*bounds)
        assert list(maps.range(root, *bounds)) == expected
        assert list(maps.range(root, *bounds, reverse=True)) == expected[::-1]
        assert maps.totals(root, *bounds) == model.totals(*bounds)
        part = maps.slice(root, *bounds)
        assert part == self.fresh().build(expected)
        assert maps.digest(root, *bounds) == part.digest
        assert list(maps.verify(part)) == []

    @settings(_inherited, max_examples=30)
    @given(entry_maps(), st.lists(keys, max_size=10))
    def test_get(self, model: ModelMap, others: list[bytes]) -> None:
        maps = self.fresh()
        root = self.build(maps, model)
        for key in [*model, *others]:
            assert maps.get(root, key) == model.get(key)

    @settings(_inherited, max_examples=30)
    @given(entry_maps(), st.lists(keys, max_size=30))
    def test_look_ups_in_any_order_near_each_other(self, model: ModelMap, others: list[bytes]) -> None:
        maps = self.fresh()
        near = maps.near(self.build(maps, model))
        for key in [*others, *sorted(model), *others]:
            assert near.get(key) == model.get(key)
            assert near.any_under(key) == any(one.startswith(key) for one in model)

    def test_a_folder_is_a_key_range(self) -> None:
        maps = self.fresh()
        entries = sample_entries(2500)
        root = maps.build(entries)
        prefix = b"/batch-0001/"
        folder = maps.slice(root, prefix, prefix_end(prefix))
        assert folder == maps.build(entries[1000:2000])
        assert maps.totals(root, prefix, prefix_end(prefix)).count == 1000

    def test_the_empty_map(self) -> None:
        maps = self.fresh()
        assert maps.build([]) == EMPTY
        assert maps.edit(EMPTY, [(b"absent", None)], [(b"", None)]) == EMPTY
        assert maps.get(EMPTY, b"") is None
        assert maps.totals(EMPTY, b"a", b"b") == Totals(0, 0)
        assert maps.digest(EMPTY, b"a", b"b") == EMPTY.digest
        assert maps.slice(EMPTY, b"a", b"b") == EMPTY
        assert [*maps.range(EMPTY), *maps.diff(EMPTY, EMPTY), *maps.nodes(EMPTY), *maps.verify(EMPTY)] == []

    # -- comparing -------------------------------------------------------------------------------------------

    @settings(_inherited, max_examples=150)
    @given(entry_maps(), change_batches(), bounds)
    def test_diff(self, old: ModelMap, batch: tuple[list[Change], list[Range]], bounds: Range) -> None:
        maps = self.fresh()
        new = old.edited(*batch)
        roots = self.build(maps, old), self.build(maps, new)
        assert list(maps.diff(*roots)) == old.differences(new)
        assert list(maps.diff(*roots, *bounds)) == old.differences(new, *bounds)

    @settings(_inherited, max_examples=150)
    @given(entry_maps(), entry_maps(), change_batches())
    def test_merge(self, left: ModelMap, right: ModelMap, batch: tuple[list[Change], list[Range]]) -> None:
        maps = self.fresh()
        for other in (right, left.edited(*batch)):
            root = maps.merge(self.build(maps, left), self.build(maps, other), heavier)
            assert root.digest == self.build(maps, left.merged(other, heavier)).digest
            assert list(maps.verify(root)) == []

    @settings(_inherited, max_examples=40)
    @given(entry_maps(max_size=40), entry_maps(max_size=40))
    def test_merge_keeps_the_aux_of_the_winner(self, left: ModelMap, right: ModelMap) -> None:
        maps = self.fresh()
        root = maps.merge(self.build(maps, left), self.build(maps, right), lambda _, theirs: theirs)
        merged = left.merged(right, lambda _, theirs: theirs)
        assert list(maps.range(root)) == merged.listed()

    def test_a_resolution_may_not_move_a_key(self) -> None:
        maps = self.fresh()
        left, right = maps.build([(b"a", b"1", 0, b"")]), maps.build([(b"a", b"2", 0, b"")])
        with pytest.raises(InvalidRequest, match="key"):
            maps.merge(left, right, lambda _, theirs: (b"b", *theirs[1:]))

    # -- storing ---------------------------------------------------------------------------------------------

    @settings(_inherited, max_examples=40)
    @given(entry_maps())
    def test_a_packed_root_is_all_one_needs(self, model: ModelMap) -> None:
        store = MemoryStore()
        root = self.build(self.open(store), model)
        again = Root.unpack(root.pack())
        assert again == root
        maps = self.open(store)
        assert list(maps.range(again)) == model.listed()
        assert set(maps.nodes(again)) <= set(store.keys("nodes/"))

    def test_a_small_map_needs_no_object(self) -> None:
        store = MemoryStore()
        maps = self.open(store)
        root = maps.build([(b"a", b"1", 1, b"")])
        assert root.inline
        assert list(store.keys()) == []
        assert list(maps.nodes(root)) == []

    def test_nothing_superfluous_is_stored(self) -> None:
        store = MemoryStore()
        maps = self.open(store)
        root = maps.build(sample_entries(self.tall))
        assert set(maps.nodes(root)) == set(store.keys())

    def test_shared_nodes_are_named_once_with_a_memory(self) -> None:
        store = MemoryStore()
        maps = self.open(store)
        root = maps.build(sample_entries(self.tall))
        other = maps.edit(root, [(b"/zzz", (b"/zzz", b"", 1, b"new"))])
        seen: set[str] = set()
        named = [*maps.nodes(root, seen), *maps.nodes(other, seen)]
        assert len(named) == len(set(named)) == len(seen)
        assert seen == set(store.keys())
        met: set[str] = set()
        auxs = [aux for one in (root, other) for column in maps.auxs(one, met) for aux in column]
        assert set(auxs) == {entry[3] for entry in maps.range(other)}
        assert met == seen

    def test_a_full_disk_loses_nothing(self) -> None:
        inner = MemoryStore()
        store = FaultyStore(inner)
        maps = self.open(store)
        entries = sample_entries(self.tall)
        root = maps.build(entries)
        changes: list[Change] = [(entry[0], (entry[0], b"new", 1, b"")) for entry in entries[::50]]
        store.rule = full_after(2)
        with pytest.raises(StorageFull):
            maps.edit(root, changes)
        store.rule = lambda operation, key: None
        assert list(maps.verify(root)) == []
        again = maps.edit(root, changes)
        assert list(self.open(inner).verify(again)) == []

    def test_input_out_of_order_is_refused(self) -> None:
        maps = self.fresh()
        entry: Entry = (b"b", b"", 0, b"")
        for wrong in ([entry, entry], [entry, (b"a", b"", 0, b"")]):
            with pytest.raises(InvalidRequest, match="ascend"):
                maps.build(wrong)
            with pytest.raises(InvalidRequest, match="ascend"):
                maps.edit(EMPTY, [(one[0], one) for one in wrong])
        with pytest.raises(InvalidRequest, match="same key"):
            maps.edit(EMPTY, [(b"a", entry)])

    # -- damage ----------------------------------------------------------------------------------------------

    def test_a_missing_or_altered_node_is_named(self) -> None:
        store = MemoryStore()
        root = self.open(store).build(sample_entries(self.tall))
        victims = sorted(set(self.open(store).nodes(root)))
        for victim in (victims[0], victims[-1], *self.open(store).nodes(root)):
            good = store.get(victim)
            for bad in (None, b"", b"\x07" + good[1:], good[:-1], good[:40] + bytes([good[40] ^ 1]) + good[41:]):
                store.delete(victim)
                if bad is not None:
                    store.put(victim, bad)
                with pytest.raises(Corrupt if bad is not None else ObjectMissing, match=address_text(victim)):
                    list(self.open(store).range(root))
                problems = list(self.open(store).verify(root))
                assert len(problems) == 1
                assert address_text(victim) in problems[0]
            store.delete(victim)
            store.put(victim, good)
            if victim == victims[0]:
                assert list(self.open(store).verify(root)) == []

    def test_damage_elsewhere_does_not_hinder(self) -> None:
        store = MemoryStore()
        entries = sample_entries(self.tall)
        root = self.open(store).build(entries)
        last_leaf = list(self.open(store).nodes(root))[-1]
        store.delete(last_leaf)
        assert self.open(store).get(root, entries[0][0]) == entries[0]

    # -- threads ---------------------------------------------------------------------------------------------

    def test_threads_share_one_object(self) -> None:
        maps = self.fresh()
        entries = sample_entries(self.tall)
        root = maps.build(entries)
        start = threading.Barrier(4)

        def work(seed: int) -> Root:
            start.wait()
            mine: Sequence[Entry] = [(entry[0], b"%d" % seed, 1, b"") for entry in entries[seed::97]]
            new = maps.edit(root, [(entry[0], entry) for entry in mine])
            assert [key for key, _, _ in maps.diff(root, new)] == [entry[0] for entry in mine]
            assert sum(1 for _ in maps.range(new)) == len(entries)
            return maps.edit(new, [(entry[0], entry) for entry in entries[seed::97]])

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(work, range(4))) == {root}
