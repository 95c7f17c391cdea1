"""The face of the sorted Merkle map: every operation, on roots and streams of entries.

Stateless but for the node cache and safe for threads; a `Root` is a value, and nothing that it names ever
changes. A root is returned only when every node below it is durable. No operation holds all entries of a
map in memory. Each may raise `ObjectMissing` or `Corrupt` for a node that the store lost or altered
(streams: while they are read), and what the object store raises (`StorageFull`, `StorageFailed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from trunkline.kernel.errors import Corrupt
from trunkline.maps import checking, comparing, editing, lookup, reaching
from trunkline.maps.builder import Builder
from trunkline.maps.codec import object_key, unpack
from trunkline.maps.entry import Change, Difference, Entry, Totals
from trunkline.maps.node import Leaf
from trunkline.maps.root import EMPTY, Root
from trunkline.maps.shape import STANDARD, Shape
from trunkline.maps.storage import Hasher, NodeStore, Writer
from trunkline.objects.protocol import ObjectStore

DEFAULT_CACHE_BYTES = 64 << 20


class Maps:
    """The maps in one object store.

    Args:
        store: holds the nodes.
        cache_bytes: bytes of memory for decoded nodes.
        shape: where nodes end. Part of the format: with another shape the same entries have another digest,
            so anything but the standard is for tests.
    """

    def __init__(self, store: ObjectStore, cache_bytes: int = DEFAULT_CACHE_BYTES, shape: Shape = STANDARD) -> None:
        self._nodes = NodeStore(store, cache_bytes, shape)

    # -- making ---------------------------------------------------------------------------------------------

    def build(self, entries: Iterable[Entry]) -> Root:
        """The map of a stream of entries, sorted by key.

        Raises:
            InvalidRequest: a key is not greater than the one before it.
        """
        return self._written(lambda into: editing.build(into, entries))

    def edit(
        self,
        root: Root,
        changes: Iterable[Change],
        remove: Sequence[tuple[bytes, bytes | None]] = (),
    ) -> Root:
        """The map after `changes`, at a cost of O(log n) each.

        Args:
            root: the map before.
            changes: sorted by key, each key once: (key, entry) puts, (key, None) deletes if it is there.
            remove: key ranges [lo, hi) that are dropped first, at O(log n) each, whatever they hold.

        Raises:
            InvalidRequest: changes out of order, or one whose entry has another key.
        """
        return self._written(
            lambda into: editing.Edit(self._nodes, root, into, remove).run(changes),
        )

    def slice(self, root: Root, lo: bytes, hi: bytes | None) -> Root:
        """The key range [lo, hi) as a map of its own, as if built from its entries; O(log n)."""
        if _covers(root, lo, hi):
            return root
        return self._written(lambda into: editing.cut(self._nodes, root, into, lo, hi))

    def merge(self, left: Root, right: Root, resolve: Callable[[Entry, Entry], Entry]) -> Root:
        """The union of two maps, at O(log n) for each place where they differ.

        Args:
            left: of entries that both have, this map's aux is kept.
            right: the other map.
            resolve: called with both entries of a key whose values or weights differ; gives the one to keep.

        Raises:
            InvalidRequest: `resolve` gave an entry with another key.
        """
        if left.digest == right.digest or not right.count:
            return left
        if not left.count:
            return right
        return self._written(lambda into: comparing.merge(self._nodes, left, right, into, resolve))

    # -- reading --------------------------------------------------------------------------------------------

    def get(self, root: Root, key: bytes) -> Entry | None:
        """The entry under `key`; O(log n)."""
        return lookup.find(self._nodes, root, key) if root.count else None

    def near(self, root: Root) -> lookup.Near:
        """For many look-ups in about the order of the keys, which then cost little more than a look into a leaf."""
        return lookup.Near(self._nodes, root)

    def range(self, root: Root, lo: bytes = b"", hi: bytes | None = None, reverse: bool = False) -> Iterator[Entry]:
        """The entries of [lo, hi) by key, ascending or descending; leaves are read as they are reached."""
        spans = lookup.spans(self._nodes, root, lo, hi, reverse)
        return chain.from_iterable(lookup.entries(span, reverse) for span in spans)

    def totals(self, root: Root, lo: bytes = b"", hi: bytes | None = None) -> Totals:
        """The number of entries and the sum of weights in [lo, hi); O(log n)."""
        if hi is not None and hi <= lo:
            return Totals(0, 0)
        end = Totals(root.count, root.weight) if hi is None else lookup.totals_below(self._nodes, root, hi)
        if not lo:
            return end
        start = lookup.totals_below(self._nodes, root, lo)
        return Totals(end.count - start.count, end.weight - start.weight)

    def digest(self, root: Root, lo: bytes = b"", hi: bytes | None = None) -> bytes:
        """The digest that `slice` would give, without writing anything; O(log n)."""
        if _covers(root, lo, hi):
            return root.digest
        into = Builder(self._nodes, Hasher())
        editing.cut(self._nodes, root, into, lo, hi)
        top = into.finish()
        return top[1].digest if top else EMPTY.digest

    def diff(self, old: Root, new: Root, lo: bytes = b"", hi: bytes | None = None) -> Iterator[Difference]:
        """The keys of [lo, hi) whose value or weight differs, ascending, at O(log n) for each.

        Yields:
            (key, entry in old or None, entry in new or None); a difference in aux alone is none.
        """
        return comparing.diff(self._nodes, old, new, lo, hi)

    # -- keeping --------------------------------------------------------------------------------------------

    def nodes(self, root: Root, seen: set[str] | None = None) -> Iterator[str]:
        """The object keys of all nodes that the map needs.

        Args:
            root: of the map.
            seen: keys that are neither entered nor named again; those named are added to it. With it, many
                maps cost what they do not share; without it, a shared node may be named more than once.
        """
        return reaching.reachable(self._nodes, root, seen)

    def auxs(self, root: Root, seen: set[str]) -> Iterator[Sequence[bytes]]:
        """The aux of every entry, a leaf at a time: what garbage collection and fsck follow to the chunks.

        Args:
            root: of the map.
            seen: object keys of nodes that need no second look; those of this map are added to it, so that
                it holds, when all roots are done, the keys of all nodes. Not to be shared with `nodes`.
        """
        return reaching.leaf_auxs(self._nodes, root, seen)

    def leaves(self, root: Root, seen: set[bytes]) -> Iterator[Leaf]:
        """The leaves whose addresses are not in `seen`; the addresses of all nodes of the map are added to it."""
        return reaching.leaves(self._nodes, root, seen)

    def note_nodes(self, root: Root, seen: set[bytes]) -> None:
        """Adds the addresses of all nodes of the map to `seen`; reads inner nodes only."""
        reaching.note_nodes(self._nodes, root, seen)

    def any_leaf(self, root: Root, known: dict[bytes, bool], test: Callable[[Leaf], bool]) -> bool:
        """Whether a leaf passes a test.

        Args:
            known: what earlier calls with the same test found out, by address; grows.
        """
        return reaching.any_leaf(self._nodes, root, known, test)

    def broken(self, packed: bytes, seen: set[bytes]) -> Iterator[tuple[bytes, Corrupt]]:
        """The nodes of a map that are missing or altered, parents first; what is below one is looked at after it.

        So a node that is repaired before the next one is asked for opens the way to those below it. Reads the store.

        Args:
            packed: root of the map.
            seen: addresses that need no look; grows.
        """
        return reaching.broken(self._nodes, Root.unpack(packed), seen)

    def remembered(self, address: bytes) -> bytes | None:
        """A node as an object of the store, if a cache has it."""
        return self._nodes.remembered(address)

    @staticmethod
    def check_node(address: bytes, packed: bytes) -> None:
        """Holds an object of the store against the address that it has.

        Raises:
            Corrupt: it is not that node.
        """
        unpack(packed, address)

    @staticmethod
    def key_of(address: bytes) -> str:
        """The key of the object that holds a node."""
        return object_key(address)

    def verify(self, root: Root, sound: set[checking.Place] | None = None) -> Iterator[str]:
        """What is wrong with the map, in words: nodes missing or altered, wrong sums, order or boundaries.

        Reads nodes from the store, not from the cache.

        Args:
            root: of the map.
            sound: an empty set to hand to every call of one fsck: what an earlier call found right is in it
                and is not read again.
        """
        return checking.Check(self._nodes, root, set() if sound is None else sound).problems()

    def _written(self, feed: Callable[[Builder], None]) -> Root:
        writer = Writer(self._nodes)
        into = Builder(self._nodes, writer)
        feed(into)
        top = into.finish()
        return writer.finish(*top) if top else EMPTY


def _covers(root: Root, lo: bytes, hi: bytes | None) -> bool:
    return not root.count or (not lo and hi is None)
