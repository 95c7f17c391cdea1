"""The conformance suite of object stores, and a store that fails on request.

Every implementation and every wrapper inherits `ObjectStoreSuite` in its tests; a guard test sees to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from trunkline.kernel.errors import InvalidRequest, ObjectMissing, StorageFull
from trunkline.objects.inventory import inventory
from trunkline.objects.keys import LARGEST_OBJECT, LONGEST_KEY, hash_key
from trunkline.objects.protocol import ObjectStore

Rule = Callable[[str, str], Exception | Callable[[bytes], bytes] | None]
"""Asked before each operation on each object, with the operation's name and the key (`keys`: the prefix).

Answers an error to raise, a function that alters the bytes on their way, or None."""


class FaultyStore:
    """A wrapper of an `ObjectStore` in which a rule decides what fails."""

    def __init__(self, inner: ObjectStore, rule: Rule = lambda operation, key: None) -> None:
        self._inner = inner
        self.rule = rule

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        alter = self._ask("put", key)
        self._inner.put(key, alter(data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`, one by one: an error leaves the earlier ones stored, as it may."""
        for key, data in items:
            alter = self._ask("put_many", key)
            self._inner.put(key, alter(data))

    def get(self, key: str) -> bytes:
        """As `ObjectStore.get`."""
        alter = self._ask("get", key)
        return alter(self._inner.get(key))

    def has(self, key: str) -> bool:
        """As `ObjectStore.has`."""
        self._ask("has", key)
        return self._inner.has(key)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        self._ask("delete", key)
        self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `ObjectStore.keys`."""
        self._ask("keys", prefix)
        return self._inner.keys(prefix)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        self._ask("size", key)
        return self._inner.size(key)

    def _ask(self, operation: str, key: str) -> Callable[[bytes], bytes]:
        answer = self.rule(operation, key)
        if isinstance(answer, Exception):
            raise answer
        return answer or _unaltered


def _unaltered(data: bytes) -> bytes:
    return data


def full_after(objects: int) -> Rule:
    """A rule: the disk is full once so many objects were put. Thread-safe."""
    left = iter(range(objects))
    lock = threading.Lock()

    def rule(operation: str, key: str) -> Exception | None:
        if operation not in ("put", "put_many"):
            return None
        with lock:
            room = next(left, None) is not None
        return None if room else StorageFull(f"cannot write {key}: no space left; free some space")

    return rule


def failing(error: Exception, times: int, operations: Iterable[str]) -> Rule:
    """A rule: these operations fail so many times, then work."""
    left = iter(range(times))
    concerned = frozenset(operations)

    def rule(operation: str, key: str) -> Exception | None:
        return error if operation in concerned and next(left, None) is not None else None

    return rule


def corrupting(where: Callable[[str], bool], alter: Callable[[bytes], bytes]) -> Rule:
    """A rule: what is read under keys that `where` accepts comes back altered."""

    def rule(operation: str, key: str) -> Callable[[bytes], bytes] | None:
        return alter if operation == "get" and where(key) else None

    return rule


BAD_KEYS = ["", "/", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.hidden", "tmp", "tmp/x"]
BAD_KEYS += ["a\0b", "a b", "ä", "a\n", "a\\b", "x" * (LONGEST_KEY + 1)]


def key_of(number: int) -> str:
    """A key of the usual form, spread as hashes are."""
    return hash_key("chunks", (number * 2654435761 % 2**256).to_bytes(32, "little"))


class ObjectStoreSuite:
    """What every object store does. A subclass names its class and has a fixture `store`.

    Attributes:
        implementation: the class under test, for the guard.
    """

    implementation: type

    def test_has_the_interface(self, store: ObjectStore) -> None:
        assert isinstance(store, ObjectStore)
        assert type(store) is self.implementation

    def test_what_was_put_can_be_got(self, store: ObjectStore) -> None:
        store.put(key_of(1), b"one")
        assert store.get(key_of(1)) == b"one"
        assert store.has(key_of(1))
        assert store.size(key_of(1)) == 3

    def test_an_object_may_be_empty_or_long(self, store: ObjectStore) -> None:
        store.put_many([(key_of(1), b""), (key_of(2), bytes(9 << 20))])
        assert store.get(key_of(1)) == b""
        assert store.has(key_of(1))
        assert store.size(key_of(2)) == 9 << 20
        assert store.get(key_of(2)) == bytes(9 << 20)

    def test_a_missing_object_is_named(self, store: ObjectStore) -> None:
        for call in (store.get, store.size):
            with pytest.raises(ObjectMissing, match=key_of(7)):
                call(key_of(7))
        assert not store.has(key_of(7))

    def test_a_key_is_written_once(self, store: ObjectStore) -> None:
        store.put(key_of(1), b"first")
        store.put(key_of(1), b"second")
        store.put_many([(key_of(1), b"third"), (key_of(2), b"other"), (key_of(2), b"again")])
        assert store.get(key_of(1)) == b"first"
        assert store.get(key_of(2)) == b"other"
        assert sorted(store.keys()) == sorted([key_of(1), key_of(2)])

    def test_many_at_once(self, store: ObjectStore) -> None:
        store.put_many((key_of(number), b"%d" % number) for number in range(300))
        assert {store.get(key_of(number)) for number in range(300)} == {b"%d" % n for n in range(300)}
        assert len(list(store.keys())) == 300

    def test_nothing_at_once(self, store: ObjectStore) -> None:
        store.put_many([])
        assert list(store.keys()) == []

    def test_an_error_of_the_source_leaves_whole_objects(self, store: ObjectStore) -> None:
        def items() -> Iterator[tuple[str, bytes]]:
            yield key_of(1), b"one"
            raise KeyError("the source broke")

        with pytest.raises(KeyError):
            store.put_many(items())
        assert set(store.keys()) <= {key_of(1)}
        store.put(key_of(1), b"one")
        assert store.get(key_of(1)) == b"one"

    def test_deletion(self, store: ObjectStore) -> None:
        store.put(key_of(1), b"one")
        store.get(key_of(1))
        store.delete(key_of(1))
        store.delete(key_of(1))
        assert not store.has(key_of(1))
        with pytest.raises(ObjectMissing):
            store.get(key_of(1))
        assert list(store.keys()) == []
        store.put(key_of(1), b"anew")
        assert store.get(key_of(1)) == b"anew"

    def test_keys_by_any_prefix(self, store: ObjectStore) -> None:
        names = ["chunks/ab/abc", "chunks/ab/abd", "chunks/ac/acc", "nodes/ab/abc", "chunky", "top"]
        store.put_many((name, b"x") for name in names)
        prefixes = ["", "c", "chunk", "chunks", "chunks/", "chunks/a", "chunks/ab", "chunks/ab/"]
        for prefix in [
            *prefixes,
            "chunks/ab/abc",
            "nodes/ab/abc/",
            "no",
            "zzz",
            "chunks/zz/",
            "../",
            "/",
            "/etc/",
        ]:
            assert sorted(store.keys(prefix)) == sorted(n for n in names if n.startswith(prefix))

    def test_an_inventory_gives_sizes(self, store: ObjectStore) -> None:
        store.put_many([("chunks/ab/abc", b"12345"), ("nodes/ab/abc", b"12"), ("nodes/ab/abd", b"")])
        found = {item.key: item.size for item in inventory(store, "nodes/")}
        assert found == {"nodes/ab/abc": 2, "nodes/ab/abd": 0}
        assert {item.key for item in inventory(store)} == set(store.keys())

    def test_deleting_while_listing(self, store: ObjectStore) -> None:
        store.put_many((key_of(number), b"x") for number in range(50))
        for key in store.keys("chunks/"):
            store.delete(key)
        assert list(store.keys()) == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_cannot_escape(self, store: ObjectStore, key: str) -> None:
        for call in (store.get, store.has, store.size, store.delete):
            with pytest.raises(InvalidRequest, match="object key"):
                call(key)
        with pytest.raises(InvalidRequest, match="object key"):
            store.put(key, b"x")
        with pytest.raises(InvalidRequest, match="object key"):
            store.put_many([(key, b"x")])
        assert list(store.keys()) == []

    def test_an_object_may_not_be_too_long(self, store: ObjectStore) -> None:
        with pytest.raises(InvalidRequest, match=key_of(1)):
            store.put(key_of(1), bytes(LARGEST_OBJECT + 1))
        assert not store.has(key_of(1))

    def test_threads(self, store: ObjectStore) -> None:
        def work(seed: int) -> None:
            for number in range(40):
                mine = (number + seed * 7) % 40
                store.put(key_of(mine), b"%d" % mine * 500)
                assert store.get(key_of(mine)) == b"%d" % mine * 500
                assert store.has(key_of(mine))
            store.put_many((key_of(n), b"%d" % n * 500) for n in range(60))

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert {store.get(key_of(n)) for n in range(60)} == {b"%d" % n * 500 for n in range(60)}
