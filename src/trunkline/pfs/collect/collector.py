"""The collector: deletes the objects that no root reaches and nobody pins, while others read and write.

The order is what makes it safe (`docs/format.md`, "Order of deletion"):

1. From here on no session lets go of what it pins or holds.
2. The store is listed: what is not there yet cannot be garbage.
3. One snapshot of the catalog gives the roots. Then whoever was reading roots is waited for, and what sessions hold
   is followed like the roots.
4. What was not reached is deleted, batch by batch, unless a session pins it at that very moment.

Invariants: nothing is deleted before everything was followed; an error on the way deletes nothing. Memory: about 200
bytes for each object in the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from itertools import islice
from time import monotonic

from trunkline.catalog import Tx
from trunkline.kernel import meters
from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import Cancelled, Conflict, Corrupt
from trunkline.maps import Maps
from trunkline.objects.inventory import inventory
from trunkline.objects.keys import hash_key
from trunkline.objects.pins import Collection
from trunkline.pfs.collect.claims import CLAIMS, check
from trunkline.pfs.collect.reach import CACHE_BYTES, Reach
from trunkline.pfs.collect.report import CHUNKS, KINDS, NODES, Amount, Progress, Summary, Tally
from trunkline.pfs.collect.roots import Source, roots
from trunkline.pfs.pfs import Pfs

BATCH = 512
"""Objects that are deleted at once; who wants to pin one of them waits for these."""

LANES = 8
"""Threads that delete."""

REPORT_EVERY = 10_000

RECENT_SECONDS = 20.0
"""How long it is relied on that no other server has come; a third of what `Catalog.alone` promises."""

MARGIN_SECONDS = 60.0
"""By how much the clock of the store may differ from ours."""

Garbage = dict[str, dict[bytes, int]]
"""By kind: the digests that may go, with their sizes."""


class Collector:
    """Collects garbage; one collection at a time.

    Args:
        sources: give the roots of the rooms above.
        preparations: clear away rows that nobody needs any more; each says in words what it did, or nothing.
        busy_seconds: for how long, at least, somebody who does not pin has been writing into the store; None: nobody.
        cluster: gives the id under which this catalog claims the store; None: nobody claims it.
    """

    def __init__(
        self,
        pfs: Pfs,
        sources: Sequence[Source] = (),
        preparations: Sequence[Callable[[], str]] = (),
        busy_seconds: Callable[[], float | None] = lambda: None,
        cluster: Callable[[], str] | None = None,
    ) -> None:
        self._pfs, self._preparations = pfs, preparations
        self._sources = (roots, *sources)
        self._busy_seconds = busy_seconds
        self._cluster = cluster

    def run(self, *, dry_run: bool = False, alive: Callable[[], bool] = lambda: True) -> Iterator[Progress | Summary]:
        """Collects; the last message is the summary.

        Raises:
            Conflict: a collection is under way; or another server came, and what was deleted before stays deleted.
            FailedPrecondition: another server uses the catalog, or another catalog the store.
            Corrupt: something that is reachable is missing or altered; nothing was deleted.
            StorageFailed: what was deleted before stays deleted; nothing that is reachable was.
            Cancelled: the caller went away; as before.
        """
        # What other servers pin is not known here.
        alone = nullcontext(lambda: True) if dry_run else self._pfs.catalog.alone()
        with alone as still_alone, self._pfs.pins.collection() as collection:
            if self._cluster is not None:
                check(self._pfs.store, self._cluster())
            notes = () if dry_run else tuple(note for prepare in self._preparations if (note := prepare()))
            run = _Run(self._pfs, self._sources, collection, alive, dry_run, notes)
            yield from run.steps(self._busy_seconds(), still_alone)


COLLECTIONS = meters.counter("garbage_collections", "Collections of garbage that came to their end.")
FREED_OBJECTS = meters.counter("garbage_freed_objects", "Objects that collections deleted, by kind.", "kind")
FREED_BYTES = meters.counter("garbage_freed_bytes", "Stored bytes that collections deleted, by kind.", "kind")


def _count(summary: Summary) -> None:
    COLLECTIONS.add()
    for kind, tally in summary.kinds.items():
        FREED_OBJECTS.add(tally.garbage.objects, kind)
        FREED_BYTES.add(tally.garbage.bytes, kind)


class _Recent:
    """Whether we are alone, known from not long ago, since deleting in a slow store takes its time.

    Args:
        ask: whether we still are; nobody comes within a minute after it was asked.
    """

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask, self._lock, self._asked = ask, threading.Lock(), 0.0

    def check(self) -> None:
        """Asks if that was too long ago.

        Raises:
            Conflict: another server may use the store.
        """
        with self._lock:
            if monotonic() > self._asked + RECENT_SECONDS:
                self._look()

    def ask(self) -> None:
        """Asks; raises as `check`."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        now = monotonic()
        if not self._ask():
            raise Conflict("another server may use the store by now: the garbage collection ends here")
        self._asked = now


class _Run:
    def __init__(
        self,
        pfs: Pfs,
        sources: Sequence[Source],
        collection: Collection,
        alive: Callable[[], bool],
        dry_run: bool,
        notes: tuple[str, ...],
    ) -> None:
        self._pfs, self._sources, self._collection, self._alive = pfs, sources, collection, alive
        self._dry_run, self._notes = dry_run, notes
        self._garbage: Garbage = {kind: {} for kind in KINDS}
        self._tallies = {kind: Tally() for kind in KINDS}
        self._foreign = Amount()
        self._roots = 0

    def steps(self, busy: float | None, still_alone: Callable[[], bool]) -> Iterator[Progress | Summary]:
        """Lists, marks, sweeps; `still_alone` is asked before each batch goes, and in between."""
        # What open commits and file sets hold is remembered without a row: it is worked out anew.
        self._pfs.opened.forget()
        yield from self._list(busy)
        yield from self._mark()
        for kind, tally in self._tallies.items():
            tally.reachable = Amount(tally.seen.objects - tally.young.objects, tally.seen.bytes - tally.young.bytes)
            tally.reachable.objects -= len(self._garbage[kind])
            tally.reachable.bytes -= sum(self._garbage[kind].values())
        yield from self._sweep(still_alone)
        summary = Summary(self._dry_run, self._roots, self._tallies, self._foreign, self._notes)
        if not self._dry_run:
            _count(summary)
        yield summary

    def _list(self, busy: float | None) -> Iterator[Progress]:
        young = None if busy is None else self._pfs.clock.now() - int((busy + MARGIN_SECONDS) * SECOND)
        for number, item in enumerate(inventory(self._pfs.store)):
            if number % REPORT_EVERY == 0:
                self._check()
                yield Progress("listing", number)
            found = parse(item.key)
            if item.key.startswith(CLAIMS):
                continue
            if found is None:
                self._foreign.add(item.size)
                continue
            kind, digest = found
            self._tallies[kind].seen.add(item.size)
            if young is not None and item.written is not None and item.written >= young:
                self._tallies[kind].young.add(item.size)
            else:
                self._garbage[kind][digest] = item.size

    def _mark(self) -> Iterator[Progress]:
        reach = Reach(Maps(self._pfs.store, CACHE_BYTES))
        with self._pfs.catalog.read() as tx:
            tx.row("SELECT max(id) AS newest FROM commits")  # from here on the snapshot is fixed
            self._collection.settle()
            for kind, packed in self._of_catalog(tx):
                if self._roots % REPORT_EVERY == 0:
                    yield Progress("marking", self._roots)
                self._roots += 1
                self._follow(reach, kind, packed)
        # Last: what a broken one leaves unseen has been seen from the catalog, or is nobody's.
        for kind, packed in self._collection.held():
            self._follow(reach, kind, packed, gone=True)
        for seen in reach.nodes.values():
            for address in seen:
                self._garbage[NODES].pop(address, None)

    def _of_catalog(self, tx: Tx) -> Iterator[tuple[str, bytes]]:
        return ((kept.kind, kept.root) for source in self._sources for kept in source(tx))

    def _follow(self, reach: Reach, kind: str, packed: bytes, *, gone: bool = False) -> None:
        """Takes what a root reaches off the list; of one whose row may be gone, some may be missing already."""
        chunks = self._garbage[CHUNKS]
        self._check()
        try:
            for found in reach.follow(kind, packed):
                self._check()
                for chunk in found:
                    chunks.pop(chunk, None)
        except Corrupt as error:
            if not gone:
                message = f"what is reachable cannot be told, so nothing was deleted: {error}"
                raise type(error)(message) from error

    def _sweep(self, still_alone: Callable[[], bool]) -> Iterator[Progress]:
        done = 0
        alone = _Recent(still_alone)
        with ThreadPoolExecutor(LANES, thread_name_prefix="sweep") as pool:
            for kind in KINDS:
                rest = iter(self._garbage[kind].items())
                while batch := dict(islice(rest, BATCH)):
                    self._check()
                    alone.ask()
                    self._sweep_batch(kind, batch, pool, alone)
                    done += len(batch)
                    yield Progress("sweeping", done)

    def _sweep_batch(self, kind: str, batch: dict[bytes, int], pool: ThreadPoolExecutor, alone: _Recent) -> None:
        sizes = {hash_key(kind, digest): size for digest, size in batch.items()}
        tally = self._tallies[kind]
        with self._collection.condemned(sizes) as condemned:
            if not self._dry_run:
                # Every deletion is waited for: none may happen after somebody was told that it has.
                lanes = [pool.submit(self._delete, condemned[lane::LANES], alone) for lane in range(LANES)]
                wait(lanes)
                for lane in lanes:
                    lane.result()
        for key in condemned:
            tally.garbage.add(sizes.pop(key))
        for size in sizes.values():
            tally.pinned.add(size)

    def _delete(self, keys: Sequence[str], alone: _Recent) -> None:
        for key in keys:
            alone.check()
            self._pfs.store.delete(key)

    def _check(self) -> None:
        if not self._alive():
            raise Cancelled("the caller went away: the garbage collection ends here, and leaves everything whole")


def parse(key: str) -> tuple[str, bytes] | None:
    """The kind and the digest that a key names; None if it is neither a chunk's nor a node's."""
    kind, _, name = key.partition("/")
    try:
        digest = bytes.fromhex(name.rpartition("/")[2])
    except ValueError:
        return None
    return (kind, digest) if kind in KINDS and key == hash_key(kind, digest) and len(digest) == 32 else None
