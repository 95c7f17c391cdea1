"""Pins: sessions, their ends, and what a collection may condemn."""

from __future__ import annotations

import random
import threading

import pytest

from trunkline.content.codec import chunk_key
from trunkline.content.writer import ContentWriter
from trunkline.kernel.clock import ManualClock
from trunkline.kernel.errors import Conflict, NotFound
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import Pins
from trunkline.objects.wrappers.pinned import PinnedStore
from trunkline.testing.objects import FaultyStore, key_of

A, B, C = key_of(1), key_of(2), key_of(3)


def condemnable(pins: Pins, *keys: str) -> set[str]:
    """What a collection that begins now might delete."""
    with pins.collection() as collection, collection.condemned(keys) as found:
        return set(found)


def test_a_pin_lasts_as_long_as_its_session():
    pins = Pins()
    session = pins.begin()
    pins.add(session, [A, B])
    assert condemnable(pins, A, B, C) == {C}
    pins.end(session)
    pins.end(session)
    assert condemnable(pins, A, B, C) == {A, B, C}
    with pytest.raises(NotFound, match="begin another"):
        pins.add(session, [A])


def test_an_inner_session_does_not_end_with_an_outer_one_that_another_thread_ends():
    """A stream that was given up in the middle is closed by whoever collects the memory."""
    pins = Pins()

    def stream():
        with pins.session():
            yield

    given_up = stream()
    next(given_up)
    with pins.session():
        pins.pin([A])
        closer = threading.Thread(target=given_up.close)
        closer.start()
        closer.join()
        assert condemnable(pins, A) == set()
        pins.pin([B])
        assert condemnable(pins, A, B) == set()
    pins.end("nobody")
    assert condemnable(pins, A, B) == {A, B}


def test_a_session_ends_by_itself_unless_it_is_touched():
    clock = ManualClock()
    pins = Pins(clock)
    one, other = pins.begin(10), pins.begin(10)
    pins.add(one, [A])
    pins.add(other, [B])
    clock.advance(6)
    pins.touch(one, 10)
    clock.advance(6)
    assert condemnable(pins, A, B) == {B}
    for call in (lambda: pins.add(other, [C]), lambda: pins.touch(other, 5)):
        with pytest.raises(NotFound):
            call()
    clock.advance(6)
    assert condemnable(pins, A, B) == {A, B}


def test_a_session_does_not_end_while_a_thread_works_in_it():
    clock = ManualClock()
    pins = Pins(clock)
    silent, closed = pins.begin(5), pins.begin()
    with pins.within(silent), pins.within(closed):
        pins.pin([A])
        clock.advance(10)
        pins.end(closed)
        pins.add(silent, [B])
        assert condemnable(pins, A, B) == set()
    assert condemnable(pins, A, B) == {A, B}
    with pytest.raises(NotFound), pins.within(silent):
        pass


def test_while_a_collection_is_under_way_nothing_is_released():
    clock = ManualClock()
    pins = Pins(clock)
    ended, silent = pins.begin(), pins.begin(5)
    with pins.collection() as collection:
        pins.add(ended, [A])
        pins.add(silent, [B])
        with pins.within(ended):
            pins.hold([("files", b"root")])
        pins.end(ended)
        clock.advance(10)
        assert collection.held() == {("files", b"root")}
        with collection.condemned([A, B, C]) as found:
            assert found == [C]
    assert condemnable(pins, A, B) == {A, B}
    assert pins.held() == set()


def test_one_collection_at_a_time():
    pins = Pins()
    with pins.collection(), pytest.raises(Conflict), pins.collection():
        pass
    with pins.collection():
        pass


def test_threads_have_sessions_and_inner_ones_are_the_outer_one():
    pins = Pins()
    with pins.session() as outer:
        with pins.session() as inner:
            assert inner == outer
            pins.pin([A])
        assert condemnable(pins, A) == set()
        other = pins.begin()
        with pins.within(other):
            pins.pin([B])
        pins.end(other)
        assert condemnable(pins, A, B) == {B}
        found = []
        thread = threading.Thread(target=lambda: found.append(pins._stack()))
        thread.start()
        thread.join()
        assert found == [[]]
    assert condemnable(pins, A) == {A}


def test_a_generator_that_another_thread_closes_leaves_its_own_thread_free():
    pins = Pins()

    def stream():
        with pins.session():
            yield pins.pin([A])

    running = stream()
    next(running)
    thread = threading.Thread(target=running.close)
    thread.start()
    thread.join()
    assert condemnable(pins, A) == {A}
    with pins.session():  # a new one, which is not over
        pins.pin([A])


def test_what_a_writer_stores_in_another_thread_is_of_its_session():
    """Groups of chunks are stored while the next ones are cut; once the writer's session is over, nothing pins them."""
    pins = Pins()
    store = PinnedStore(MemoryStore(), pins)
    with pins.session():
        writer = ContentWriter(store)
        pending = writer.add(random.Random(1).randbytes(40 << 20))
        writer.flush()
        keys = {chunk_key(part.chunk) for part in pending.file().slices}
        assert len(keys) > 10
        assert condemnable(pins, *keys) == set()
    assert condemnable(pins, *keys) == keys


def test_pins_without_a_session_age():
    clock = ManualClock()
    pins = Pins(clock, standing_seconds=60)
    pins.pin([A])
    pins.hold([("files", b"root")])
    clock.advance(61)
    pins.pin([B])
    assert condemnable(pins, A, B) == set()
    assert pins.held() == {("files", b"root")}
    clock.advance(61)
    pins.pin([C])
    assert condemnable(pins, A, B, C) == {A}
    assert pins.held() == set()


def test_who_pins_a_condemned_key_waits_until_it_is_gone():
    pins = Pins()
    store = MemoryStore()
    pinned = PinnedStore(store, pins)
    store.put(A, b"old")
    told: list[bool] = []
    writer = threading.Thread(target=lambda: told.append(pinned.has(A)))
    with pins.collection() as collection, collection.condemned([A]) as found:
        writer.start()
        assert found == [A]
        assert pinned.has(B) is False  # others do not wait
        store.delete(A)
        assert told == []
    writer.join()
    assert told == [False]


@pytest.mark.parametrize("operation", ["has", "put", "put_many"])
def test_a_key_is_pinned_before_the_store_is_asked(operation):
    pins = Pins()
    seen: list[set[str]] = []

    def rule(asked, key):
        seen.append(condemnable(pins, A))

    store = PinnedStore(FaultyStore(MemoryStore(), rule), pins)
    with pins.session():
        if operation == "has":
            store.has(A)
        elif operation == "put":
            store.put(A, b"x")
        else:
            store.put_many([(A, b"x")])
    assert seen == [set()]


def test_a_collection_waits_for_those_who_read_before_it():
    pins = Pins()
    inside, leave, settled = threading.Event(), threading.Event(), threading.Event()

    def reader():
        with pins.session(), pins.reading():
            inside.set()
            leave.wait()
            pins.hold([("files", b"root")])

    def collector():
        with pins.collection() as collection:
            collection.settle()
            found.append(collection.held())
            settled.set()

    found: list[set[tuple[str, bytes]]] = []
    threads = [threading.Thread(target=reader), threading.Thread(target=collector)]
    threads[0].start()
    inside.wait()
    threads[1].start()
    while pins.era != -1:
        pass
    assert not settled.is_set()
    leave.set()
    for thread in threads:
        thread.join()
    assert found == [{("files", b"root")}]


def test_eras():
    pins = Pins()
    quiet = pins.era
    assert not pins.collected_since(quiet)
    with pins.collection():
        during = pins.era
        assert pins.collected_since(quiet)
    assert pins.collected_since(quiet)
    assert pins.collected_since(during)
    assert not pins.collected_since(pins.era)
