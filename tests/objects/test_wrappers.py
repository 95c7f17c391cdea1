"""What each wrapper adds to the store below it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kernel.errors import Corrupt, ObjectMissing, StorageFailed, StorageFull
from trunkline.objects.lru import ByteLru
from trunkline.objects.memory import MemoryStore
from trunkline.objects.wrappers import retry
from trunkline.objects.wrappers.disk import DiskCachedStore
from trunkline.objects.wrappers.metered import Count, MeteredStore
from trunkline.objects.wrappers.retry import RetryStore
from trunkline.testing.objects import FaultyStore, corrupting, failing, full_after, key_of


def test_a_deletion_during_a_read_does_not_leave_a_ghost(tmp_path):
    inner = MemoryStore()
    inner.put(key_of(1), b"x")

    def rule(operation, key):
        def while_reading(data):
            store.delete(key_of(1))
            return data

        return while_reading if operation == "get" else None

    store = DiskCachedStore(FaultyStore(inner, rule), tmp_path, 1 << 20)
    assert store.get(key_of(1)) == b"x"
    with pytest.raises(ObjectMissing):
        store.get(key_of(1))


def test_counters():
    store = MeteredStore(MemoryStore())
    store.put(key_of(1), b"12345")
    store.put_many([(key_of(2), b"12"), (key_of(3), b"123")])
    store.get(key_of(1))
    with pytest.raises(ObjectMissing):
        store.get(key_of(9))
    assert len(list(store.keys())) == 3
    counts = store.counts()
    assert counts["put"] == Count(calls=1, objects=1, bytes=5)
    assert counts["put_many"] == Count(calls=1, objects=2, bytes=5)
    assert counts["get"] == Count(calls=2, errors=1, objects=1, bytes=5)
    assert counts["keys"] == Count(calls=1, objects=3)
    assert counts["delete"] == Count()


EVERY = ("put", "put_many", "get", "has", "delete", "keys", "size")


@pytest.mark.parametrize("operation", EVERY)
def test_a_passing_failure_is_tried_again_with_growing_pauses(operation):
    pauses = []
    inner = MemoryStore()
    inner.put(key_of(1), b"x")
    faulty = FaultyStore(inner, failing(StorageFailed("the network"), 3, [operation]))
    store = RetryStore(faulty, tries=4, pause=1, sleep=pauses.append, draw=lambda: 1.0)
    if operation == "put_many":
        store.put_many((key_of(n), b"x") for n in range(100))
        assert len(list(inner.keys())) == 100
    elif operation == "put":
        store.put(key_of(2), b"y")
        assert inner.get(key_of(2)) == b"y"
    elif operation == "keys":
        assert list(store.keys()) == [key_of(1)]
    else:
        assert getattr(store, operation)(key_of(1)) in (b"x", True, None, 1)
    assert pauses == [1, 2, 4]


def test_trying_again_ends():
    pauses = []
    faulty = FaultyStore(MemoryStore(), failing(StorageFailed("the network"), 99, EVERY))
    store = RetryStore(faulty, tries=3, pause=1, sleep=pauses.append, draw=lambda: 0.0)
    with pytest.raises(StorageFailed, match="the network"):
        store.get(key_of(1))
    assert pauses == [0.5, 1]


@pytest.mark.parametrize("error", [StorageFull("full"), Corrupt("altered"), ObjectMissing("gone")])
def test_what_will_not_get_better_is_not_tried_again(error):
    def sleep(seconds):
        raise AssertionError("no pause expected")

    faulty = FaultyStore(MemoryStore(), failing(error, 1, EVERY))
    store = RetryStore(faulty, sleep=sleep)
    with pytest.raises(type(error)):
        store.put(key_of(1), b"x")
    store.put(key_of(1), b"x")


def test_a_repeated_group_is_bounded(monkeypatch):
    monkeypatch.setattr(retry, "GROUP_BYTES", 100)
    below = MeteredStore(MemoryStore())
    RetryStore(below).put_many((key_of(n), b"x" * 40) for n in range(7))
    assert below.counts()["put_many"].calls == 3
    assert below.counts()["put_many"].objects == 7


def test_faults():
    store = FaultyStore(MemoryStore(), full_after(2))
    store.put(key_of(1), b"x")
    with pytest.raises(StorageFull):
        store.put_many([(key_of(2), b"x"), (key_of(3), b"x")])
    assert store.has(key_of(2))
    assert not store.has(key_of(3))
    store.rule = corrupting(lambda key: key == key_of(1), lambda data: data + b"!")
    assert store.get(key_of(1)) == b"x!"
    assert store.get(key_of(2)) == b"x"


@given(st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 5), st.integers(0, 12))))
def test_the_bounded_memory_against_a_list(steps):
    lru = ByteLru[int](20)
    model: list[tuple[int, bytes]] = []
    for action, name, length in steps:
        held = dict(model)
        if action == "p":
            model = [each for each in model if each[0] != name] + [(name, bytes(length))]
            lru.put(name, bytes(length))
            while sum(len(data) for _, data in model) > 20:
                model.pop(0)
        else:
            assert lru.get(name) == held.get(name)
            if name in held:
                model = [each for each in model if each[0] != name] + [(name, held[name])]
        assert lru.size == sum(len(data) for _, data in model) <= 20


def test_the_bounded_memory_refuses_giants():
    lru = ByteLru[str](10)
    lru.put("a", b"12345")
    lru.put("b", b"x" * 11)
    assert lru.get("b") is None
    assert lru.get("a") == b"12345"
