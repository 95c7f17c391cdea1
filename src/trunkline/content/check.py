"""Whether the bytes that files name are there and are what they were: for `fsck`.

Invariant: nothing is repaired or written here, each chunk is read once however many files share it, from the store
itself and no cache of it, and what is held in memory is a few dozen bytes for each chunk seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from blake3 import blake3

from trunkline.content.append import READ_AGAIN
from trunkline.content.codec import KIND, chunk_key, decode
from trunkline.content.entry import HASH_SIZE, FileEntry
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import Cancelled, Corrupt
from trunkline.objects.fresh import get_fresh
from trunkline.objects.presence import at_once
from trunkline.objects.protocol import ObjectStore

Seen = dict[bytes, int | str]
"""For each chunk that was read: the length of its plain bytes, or what is wrong with it."""


def check_file(store: ObjectStore, file: FileEntry, seen: Seen) -> Iterator[str]:
    """The problems of one file, in words; none if all of its bytes are there.

    Args:
        seen: what is known of chunks already; filled as chunks are read. The caller keeps it from one
            file to the next.

    Raises:
        StorageFailed: the store cannot be read at all; this says nothing about the file.
    """
    if len(file.hash) != HASH_SIZE:
        yield f"its hash has {len(file.hash)} bytes"
    _look_ahead(store, file, seen)
    total = 0
    told: set[bytes] = set()
    for each in file.slices:
        total += each.length
        known = seen.get(each.chunk)
        if known is None:
            known = seen[each.chunk] = _look(store, each.chunk)
        if isinstance(known, str):
            if each.chunk not in told:
                yield known
                told.add(each.chunk)
        elif each.offset < 0 or each.length <= 0 or each.offset + each.length > known:
            yield (
                f"chunk {each.chunk.hex()}: bytes {each.offset} to {each.offset + each.length} are needed, "
                f"it has {known}"
            )
    if total != file.size:
        yield f"its slices have {total} bytes together, its size is {file.size}"


def check_hash(reader: ContentReader, file: FileEntry) -> Iterator[str]:
    """Whether a file's bytes have its hash, where that can be known: up to `READ_AGAIN` bytes.

    Finds slices that lie inside sound chunks but at the wrong place. Reads the file.

    Raises:
        Corrupt: a chunk is missing or altered; `check_file` says so in words.
        StorageFailed: the store cannot be read.
    """
    if file.size > READ_AGAIN:
        return
    hasher = blake3()
    for part in reader.read(file):
        hasher.update(part)
    if hasher.digest() != file.hash:
        yield "its bytes do not have its hash"


def check_chunks(
    store: ObjectStore, *, begin: bytes = b"", end: bytes = b"", read: bool, alive: Callable[[], bool]
) -> int:
    """Counts the chunks whose ids lie in a range, `begin` included and `end` not; no bytes for an open end.

    Args:
        read: read each of them, too.

    Raises:
        Corrupt, StorageFailed: one of them is not what was written, or cannot be read.
        Cancelled: the caller went away.
    """

    def within() -> Iterator[str]:
        for key in store.keys(f"{KIND}/"):
            identity = _identity(key)
            if identity >= begin and (not end or identity < end):
                yield key

    def verify(key: str) -> None:
        decode(_identity(key), get_fresh(store, key))

    count = 0
    for _ in at_once(store, verify, within()) if read else within():
        if not alive():
            raise Cancelled("the caller went away")
        count += 1
    return count


def _identity(key: str) -> bytes:
    return bytes.fromhex(key.rpartition("/")[2])


def _look_ahead(store: ObjectStore, file: FileEntry, seen: Seen) -> None:
    """Fills `seen` with the chunks of a file, several at once if the store is far away."""
    unknown = {each.chunk for each in file.slices if each.chunk not in seen and len(each.chunk) == HASH_SIZE}
    names = {chunk_key(chunk): chunk for chunk in sorted(unknown)}
    for name, found in at_once(store, lambda name: _look(store, names[name]), names):
        seen[names[name]] = found


def _look(store: ObjectStore, identity: bytes) -> int | str:
    if len(identity) != HASH_SIZE:
        return f"a chunk id has {len(identity)} bytes"
    try:
        return len(decode(identity, get_fresh(store, chunk_key(identity))))
    except Corrupt as error:
        return error.message
