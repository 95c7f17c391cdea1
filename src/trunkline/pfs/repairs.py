"""Repairs of objects: what is missing or altered is written again if a cache, in memory or on disk, still has it.

An altered object that nobody has any more is set aside, under a key that begins with `damaged/`: then whoever puts the
same content again is told that it is not there, writes it, and heals every file that needs it. Invariants: only bytes
that have the hash which names them are written; nothing that is whole is touched, so what was read wrongly once is read
again before it is moved. Reads everything that is reachable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from trunkline.content.codec import chunk_key, decode, encode
from trunkline.kernel.errors import Corrupt, ObjectMissing
from trunkline.maps import Maps
from trunkline.objects.fresh import get_fresh
from trunkline.pfs.collect.reach import CACHE_BYTES, Reach
from trunkline.pfs.collect.roots import Source, roots
from trunkline.pfs.pfs import Pfs

ASIDE = "damaged/"


def objects(pfs: Pfs, sources: Sequence[Source] = ()) -> Iterator[str]:
    """Repairs the objects that roots reach; says what it did.

    Args:
        sources: give the roots of the rooms above.

    Raises:
        StorageFailed, StorageFull: the store cannot be read, or takes nothing.
    """
    maps = Maps(pfs.store, CACHE_BYTES)
    reach = Reach(maps)
    chunks: set[bytes] = set()
    with pfs.reading() as tx:
        every = [kept for source in (roots, *sources) for kept in source(tx)]
        pfs.pins.hold((kept.kind, kept.root) for kept in every)
    nodes: set[bytes] = set()
    for kept in every:
        yield from _nodes(pfs, maps, kept.root, nodes)
        try:
            for found in reach.follow(kept.kind, kept.root):
                chunks |= found
        except Corrupt:
            continue  # what could not be repaired is reported by the check that follows
    for chunk in sorted(chunks):
        yield from _chunk(pfs, chunk)


def _nodes(pfs: Pfs, maps: Maps, packed: bytes, seen: set[bytes]) -> Iterator[str]:
    """Repairs the nodes of one map, from the top down."""
    for address, error in maps.broken(packed, seen):
        plain = pfs.maps.remembered(address)
        if not _set_aside(pfs, maps.key_of(address), error, partial(maps.check_node, address)):
            continue
        if plain is not None:
            pfs.store.put(maps.key_of(address), plain)
            yield f"map node {address.hex()} written again, from a cache"
        elif not isinstance(error, ObjectMissing):
            yield f"map node {address.hex()} is altered; set aside as {ASIDE}{maps.key_of(address)}"


def _chunk(pfs: Pfs, identity: bytes) -> Iterator[str]:
    key = chunk_key(identity)
    try:
        decode(identity, get_fresh(pfs.store, key))
    except Corrupt as error:
        plain = _remembered(pfs, identity)
        if not _set_aside(pfs, key, error, partial(decode, identity)):
            return
        if plain is not None:
            pfs.store.put(key, encode(plain))
            yield f"chunk {identity.hex()} written again, from a cache"
        elif not isinstance(error, ObjectMissing):
            yield f"chunk {identity.hex()} is altered; set aside as {ASIDE}{key}: put the same files again to heal it"


def _remembered(pfs: Pfs, identity: bytes) -> bytes | None:
    """The bytes of a chunk that is in memory, or in a cache of the store."""
    plain = pfs.reader.remembered(identity)
    if plain is not None:
        return plain
    try:
        return decode(identity, pfs.store.get(chunk_key(identity)))
    except Corrupt:
        return None


def _set_aside(pfs: Pfs, key: str, error: Corrupt, check: Callable[[bytes], object]) -> bool:
    """Moves an altered object; whoever relied on it relied on nothing. False if it is whole after all."""
    if isinstance(error, ObjectMissing):
        return True
    try:
        data = get_fresh(pfs.store, key)
        check(data)
        return False  # the medium, or the way from it, was at fault that one time; or somebody else repaired it
    except ObjectMissing:
        return True
    except Corrupt:
        pfs.store.put(ASIDE + key, data)
        pfs.store.delete(key)
        return True
