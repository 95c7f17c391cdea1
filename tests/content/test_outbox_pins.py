"""What a thread stores for another one is pinned in the other one's session, and no longer."""

from __future__ import annotations

from trunkline.content.writer import ContentWriter
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import Pins
from trunkline.objects.wrappers.pinned import PinnedStore
from trunkline.testing.content import noise


def test_groups_that_are_stored_beside_the_writer() -> None:
    pins = Pins()
    store = PinnedStore(MemoryStore(), pins)
    with pins.session():
        writer = ContentWriter(store)
        writer.add([noise("long", 40 << 20)])
        writer.flush()
        keys = list(store.keys())
        assert len(keys) > 20
        with pins.condemned(keys) as free:
            assert free == []
    with pins.condemned(keys) as free:
        assert sorted(free) == sorted(keys)
