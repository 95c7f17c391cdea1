"""The format of nodes and roots: frozen bytes, order of writes, and what a check finds in a forged tree."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from blake3 import blake3

from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.maps import EMPTY, Entry, Maps, Root, codec
from trunkline.maps.builder import Builder
from trunkline.maps.node import Inner, Leaf, Node, Ref
from trunkline.maps.shape import Shape
from trunkline.maps.storage import NodeStore, Writer
from trunkline.objects.keys import LARGEST_OBJECT
from trunkline.objects.memory import MemoryStore
from trunkline.testing.maps import sample_entries

SHAPE = Shape(leaf=4, inner=3, inline=60)


def test_the_format_stays_as_it_is() -> None:
    """Digests and addresses of the first release; a change here makes every stored map unreadable."""
    maps = Maps(MemoryStore())
    assert EMPTY.digest.hex() == "2e4e0a0957f96e26fba7e5d0c0255b4d25f37a25648161f6c1bedb3521c42bc3"
    small = maps.build(sample_entries(3))
    assert small.digest.hex() == "30df768db89798dd96cc731aa199a7a952cff6e5b29187d3bb6d50ce1c540eb2"
    assert small.address.hex() == "3a28ac83912ee2795cd91192830af808d0a76586b913da821389d8f7093fd787"
    tall = maps.build(sample_entries(20_000))
    assert (tall.level, tall.count, tall.weight) == (1, 20_000, 60_082_160)
    assert tall.digest.hex() == "ca936d7c279c08fd3a508830b7eed968f556b463a2f815975c480d6b0ad9ea22"
    assert tall.address.hex() == "dc0f44ed47543cdccae3dc1b9336d62ef0dd9251f51f06b3b8a3504ed959e93f"


def test_a_node_in_bytes() -> None:
    store = MemoryStore()
    root = Maps(store, shape=Shape(leaf=4, inner=3, inline=0)).build([(b"k", b"v", 7, b"a")])
    identity, aux = b"\x93\x91\xc4\x01k\x91\xc4\x01v\x91\x07", b"\x91\xc4\x01a"
    plain = b"TKM\x01" + b"\x00" + len(identity).to_bytes(4, "big") + identity + aux
    assert root.address == blake3(plain).digest()
    assert root.digest == blake3(b"trunkline map node 1\x00" + b"\x00" + identity).digest()
    text = root.address.hex()
    assert list(store.keys()) == [f"nodes/{text[:2]}/{text}"]
    assert store.get(f"nodes/{text[:2]}/{text}") == b"\x00" + plain


def test_the_digest_does_not_depend_on_where_the_node_is_kept() -> None:
    entries = sample_entries(20)
    roots = [Maps(MemoryStore(), shape=Shape(64, 64, inline)).build(entries) for inline in (0, 1 << 20)]
    assert [bool(root.inline) for root in roots] == [False, True]
    assert roots[0].digest == roots[1].digest
    assert roots[0].address == roots[1].address


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x01", b"\x01junk", b"\x01\x96\x01\x02\x03\x04\x05\x06"])
def test_a_root_of_other_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt, match="map root"):
        Root.unpack(data)


def test_an_altered_inline_node_is_found() -> None:
    maps = Maps(MemoryStore())
    root = maps.build(sample_entries(3))
    altered = bytearray(root.inline)
    altered[-1] ^= 1
    bad = Root(root.digest, root.count, root.weight, root.level, root.address, bytes(altered))
    with pytest.raises(Corrupt, match=root.address.hex()):
        Maps(MemoryStore()).get(bad, b"")
    assert len(list(Maps(MemoryStore()).verify(bad))) == 1


def test_a_node_too_long_for_a_store_is_refused_in_words() -> None:
    noise = blake3(b"").digest(length=LARGEST_OBJECT)
    with pytest.raises(InvalidRequest, match="aux"):
        Maps(MemoryStore()).build([(b"a", b"", 0, noise)])


class OrderedStore(MemoryStore):
    """Refuses a group of nodes that names children which are neither stored nor in the group."""

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        group = dict(items)
        for key, packed in group.items():
            address = bytes.fromhex(key.rsplit("/", 1)[1])
            plain = codec.unpack(packed, address)
            if level := plain[4]:
                node = codec.decode(plain, level, address)
                assert isinstance(node, Inner)
                for child in map(codec.object_key, node.addresses):
                    assert child in group or self.has(child)
        super().put_many(group.items())


def test_children_are_durable_no_later_than_their_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.maps.storage._GROUP_NODES", 5)
    store = OrderedStore()
    maps = Maps(store, shape=SHAPE)
    entries = sample_entries(600)
    root = maps.build(entries)
    half = maps.edit(root, [(entry[0], None) for entry in entries[::2]])
    assert maps.merge(half, maps.slice(root, entries[77][0], None), lambda left, _: left).count > half.count
    assert list(maps.verify(half)) == []


# -- forged trees: every node has the right hash, and yet the tree is not the one of its entries ---------------


class Forge:
    """Writes any nodes at all."""

    def __init__(self) -> None:
        self.objects = MemoryStore()
        self.store = NodeStore(self.objects, 0, SHAPE)
        self.shape = SHAPE
        inside = [entry for entry in sample_entries(400) if not SHAPE.ends(1, entry[0])]
        self.ends = [entry for entry in inside if SHAPE.ends(0, entry[0])]
        self.plain = [entry for entry in inside if not SHAPE.ends(0, entry[0])]

    def leaf(self, entries: list[Entry]) -> Ref:
        return self.sealed(Leaf(*(list(column) for column in zip(*entries, strict=True))))

    def sealed(self, node: Node) -> Ref:
        digest, plain = codec.encode(node)
        address = codec.address_of(plain)
        self.objects.put(codec.object_key(address), codec.pack(plain))
        return Ref(node.keys[-1], digest, node.count(), node.weight(), address)

    def parent(self, level: int, *children: Ref) -> Ref:
        node = Inner(level, [], [], [], [], [])
        for child in children:
            node.append(child)
        return self.sealed(node)

    def problems(self, level: int, ref: Ref) -> list[str]:
        root = Root(ref.digest, ref.count, ref.weight, level, ref.address, b"")
        return list(Maps(self.objects, shape=SHAPE).verify(root))

    def altered(self, ref: Ref, **parts: object) -> Ref:
        values = {name: getattr(ref, name) for name in ref.__struct_fields__}
        return Ref(**{**values, **parts})


@pytest.fixture
def forge() -> Forge:
    return Forge()


def assert_one(problems: list[str], text: str) -> None:
    assert [text in problem for problem in problems] == [True], problems


def test_a_proper_forgery_passes(forge: Forge) -> None:
    left, right = forge.leaf([forge.plain[0], forge.ends[5]]), forge.leaf(forge.plain[-3:])
    parents = forge.parent(1, left, right)
    assert forge.problems(1, parents) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"digest": bytes(32)}, "digest"),
        ({"count": 99}, "not 99"),
        ({"weight": 99}, "weight 99"),
        ({"key": b"/batch-0000/item-0000399.jsoo"}, "last key"),
    ],
)
def test_wrong_words_of_a_parent(forge: Forge, parts: dict[str, object], text: str) -> None:
    left, right = forge.leaf([forge.plain[0], forge.ends[5]]), forge.leaf(forge.plain[-3:])
    assert_one(forge.problems(1, forge.parent(1, left, forge.altered(right, **parts))), text)


def test_wrong_order(forge: Forge) -> None:
    low, high = forge.plain[0], forge.plain[1]
    assert "out of order" in forge.problems(0, forge.leaf([high, low, *forge.plain[2:9]]))[0]
    left = forge.leaf([forge.plain[0], forge.plain[100], forge.ends[-2]])
    right = forge.leaf([forge.plain[1], forge.ends[-1]])
    assert_one(forge.problems(1, forge.parent(1, left, right)), "does not come after")


def test_wrong_boundaries(forge: Forge) -> None:
    assert_one(forge.problems(0, forge.leaf(sorted([*forge.plain[:3], *forge.ends[:1]]) + forge.plain[-1:])), "goes on")
    assert_one(forge.problems(1, forge.parent(1, forge.leaf(forge.plain[:3]), forge.leaf(forge.plain[3:6]))), "ends no")


def test_a_top_that_is_not_the_lowest(forge: Forge) -> None:
    assert_one(forge.problems(1, forge.parent(1, forge.leaf(forge.plain[:3]))), "single child")


def test_a_small_map_that_is_not_inline(forge: Forge) -> None:
    assert_one(forge.problems(0, forge.leaf([(forge.plain[0][0], b"", 0, b"")])), "inside the root")


def test_a_child_of_the_wrong_level(forge: Forge) -> None:
    left, right = forge.leaf([forge.plain[0], forge.ends[5]]), forge.leaf(forge.plain[-3:])
    problems = forge.problems(2, forge.parent(2, left, right))
    assert len(problems) == 2
    assert all("level" in problem for problem in problems)


def test_an_empty_map_with_content_is_a_problem() -> None:
    bad = Root(bytes(32), 0, 0, 0, b"", b"")
    assert len(list(Maps(MemoryStore()).verify(bad))) == 1


def test_what_was_found_right_is_not_read_again() -> None:
    store = MemoryStore()
    maps = Maps(store, shape=SHAPE)
    entries = sample_entries(300)
    root = maps.build(entries)
    other = maps.edit(root, [(entries[0][0], None)])
    sound: set = set()
    assert list(maps.verify(root, sound)) == []
    for key in maps.nodes(root):
        store.delete(key)
    fresh = set(maps.nodes(other)) - set(maps.nodes(root))
    assert len(list(maps.verify(other, sound))) == 0
    assert fresh
    assert len(list(maps.verify(other))) > 0


def test_damage_below_is_told_for_every_map() -> None:
    store = MemoryStore()
    maps = Maps(store, shape=SHAPE)
    entries = sample_entries(300)
    roots = [maps.build(entries), maps.build(entries[:-1])]
    store.delete(next(key for key in list(maps.nodes(roots[0]))[::-1] if key in set(maps.nodes(roots[1]))))
    sound: set = set()
    assert [len(list(maps.verify(root, sound))) for root in roots] == [1, 1]


def test_a_builder_that_was_given_nothing_makes_nothing() -> None:
    store = NodeStore(MemoryStore(), 0, SHAPE)
    assert Builder(store, Writer(store)).finish() is None
