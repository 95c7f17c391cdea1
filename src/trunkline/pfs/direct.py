"""Files whose content a client has stored by itself, as layers: what it says of them is checked here.

The client sends paths, sizes, hashes and slices. Checked is everything that others could stumble over: that paths
are clean and ascend, that numbers add up, that each chunk is in the store (and is pinned, so that it stays), and
that slices lie inside of them by the length that each chunk states. Maps are built here, never taken.
Not checked is that a file's bytes have the hash that the client says, since that would mean to read them all:
`docs/format.md` says what a lie does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import lt

import msgspec

from trunkline.content.codec import HEAD, MAX_CHUNK, chunk_key, plain_length
from trunkline.content.entry import HASH_SIZE, FileEntry, Slice, file_of, to_entry
from trunkline.kernel import paths
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest, TrunklineError
from trunkline.maps import EMPTY, Root
from trunkline.objects.presence import at_once, head, missing
from trunkline.pfs import layers
from trunkline.pfs.layers import DEFAULT_TAG, Layer
from trunkline.pfs.pfs import Pfs

LARGEST_FILE = 1 << 62
"""Bytes; sums of sizes stay far from the end of 64 bits."""

_UNUSUAL = re.compile(rb"\n(?!/)|//|/\.{1,2}(?=[/\n])|/(?=\n)|[^/\n]{256}|\n[^\n]{4097}")
"""What no list of clean paths has, each of them between line feeds."""


class Files(msgspec.Struct, frozen=True):
    """Files of one message, by columns.

    Attributes:
        paths: UTF-8, clean, ascending.
        sizes: bytes.
        hashes: BLAKE3-256 of the contents.
        places: where the bytes lie: MessagePack of `[tag, slices]`, as in the entry of a map; the tag is not used.
        replace: they take the place of what is there; otherwise they are appended to it.
        tag: who wrote them; empty: nobody in particular.
    """

    paths: Sequence[bytes]
    sizes: Sequence[int]
    hashes: Sequence[bytes]
    places: Sequence[bytes]
    replace: bool
    tag: str = ""


class RemoveBelow(msgspec.Struct, frozen=True):
    """Everything below a directory goes."""

    path: str


def layers_of(pfs: Pfs, parts: Iterable[Files | RemoveBelow]) -> list[Layer]:
    """A stream of files as layers, durable but not yet part of anything. Within a session of the pins.

    Raises:
        InvalidRequest: a file that breaks a rule.
        FailedPrecondition: a chunk that is not in the store.
    """
    written: list[Layer] = []
    removed: list[str] = []
    for part in parts:
        if isinstance(part, RemoveBelow):
            if not part.path.endswith("/"):
                raise InvalidRequest(f"path ({part.path[:60]}) invalid: what is removed as a whole ends with /")
            paths.check(part.path)
            removed.append(paths.as_directory(paths.clean(part.path)))
            continue
        if part.paths:
            written.append(_layer(pfs, tuple(dict.fromkeys(removed)), part))
            removed = []
    if removed:
        written.append(Layer(tuple(dict.fromkeys(removed)), EMPTY))
    return written


def _layer(pfs: Pfs, removed: tuple[str, ...], files: Files) -> Layer:
    check_paths(files.paths)
    entries = list(_entries(files))
    _check_chunks(pfs, entries)
    delta = pfs.maps.build(to_entry(key, file) for key, file in entries)
    layer = Layer(removed, delta, whole=True, replaces=files.replace)
    if _is_sound(pfs, delta, files.paths):
        return layer
    # Only a map of files that can be a commit may be taken as it is; this one goes the long way, to be refused there.
    return layers.build(pfs.maps, removed, layers.operations(pfs.maps, layer))


def check_paths(keys: Sequence[bytes]) -> None:
    """Refuses paths that no commit can have, or that do not ascend.

    Raises:
        InvalidRequest, Refused: says which path, and why.
    """
    if not all(map(lt, keys, keys[1:])):
        raise InvalidRequest("the paths of one message must ascend, each of them once")
    text = b"\n".join([b"", *keys, b""])
    if text.count(b"\n") == len(keys) + 1 and _UNUSUAL.search(text) is None:
        try:
            if b"".join(keys).decode().isprintable():
                return
        except UnicodeDecodeError:
            pass
    for key in keys:
        _check_path(key)


def _check_path(key: bytes) -> None:
    try:
        path = key.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"path ({key[:60]!r}) invalid: not valid Unicode") from None
    if paths.file_path(path) != path:
        raise InvalidRequest(f"path ({path[:60]}) invalid: give it clean, as {paths.clean(path)[:60]}")


def _entries(files: Files) -> Iterator[tuple[bytes, FileEntry]]:
    if not len(files.paths) == len(files.sizes) == len(files.hashes) == len(files.places):
        raise InvalidRequest("the columns of files must have one length")
    tag = files.tag or DEFAULT_TAG
    for key, size, digest, place in zip(files.paths, files.sizes, files.hashes, files.places, strict=True):
        try:
            file = file_of(size, digest, place, tag)
        except TrunklineError:
            raise _unfit(key, "its slices are not those of a file of its size") from None
        if len(digest) != HASH_SIZE or not 0 <= size < LARGEST_FILE:
            raise _unfit(key, "its size or hash cannot be")
        for each in file.slices:
            if len(each.chunk) != HASH_SIZE or each.offset < 0 or each.length <= 0 or _end(each) > MAX_CHUNK:
                raise _unfit(key, "a slice is not inside of any chunk")
        yield key, file


def _check_chunks(pfs: Pfs, entries: Sequence[tuple[bytes, FileEntry]]) -> None:
    """Refuses files whose chunks are not there, or shorter than a slice needs."""
    needed: dict[bytes, tuple[int, bytes]] = {}
    for key, file in entries:
        for each in file.slices:
            if _end(each) > needed.get(each.chunk, (0, b""))[0]:
                needed[each.chunk] = (_end(each), key)
    lacking = missing(pfs.store, map(chunk_key, needed))
    for chunk, (_, key) in needed.items():
        if chunk_key(chunk) in lacking:
            raise FailedPrecondition(
                f"file {_said(key)}: the store has no chunk {chunk.hex()}; ask which are needed, and put them first"
            )
    ends = {chunk_key(chunk): end for chunk, (end, _) in needed.items()}
    lengths = at_once(pfs.store, lambda name: _length(pfs, name, ends[name]), ends)
    for (chunk, (end, key)), (_, length) in zip(needed.items(), lengths, strict=True):
        if length < end:
            raise _unfit(key, f"it needs bytes behind the end of chunk {chunk.hex()}")


def _length(pfs: Pfs, name: str, end: int) -> int:
    """How long a chunk is; less than that if it is known to be longer than `end` anyway."""
    # Compression only ever makes a chunk shorter; so its head need not be read if even its object is long enough.
    stored = pfs.store.size(name)
    return stored if end < stored else plain_length(head(pfs.store, name, HEAD), stored)


def _is_sound(pfs: Pfs, delta: Root, keys: Sequence[bytes]) -> bool:
    """Whether no path is both a file and a directory."""
    folders: set[bytes] = set()
    for folder in {key[: key.rindex(b"/")] for key in keys}:
        above = folder
        while above and above not in folders:
            folders.add(above)
            above = above[: above.rindex(b"/")]
    return all(pfs.maps.get(delta, folder) is None for folder in folders)


def _end(part: Slice) -> int:
    return part.offset + part.length


def _unfit(key: bytes, reason: str) -> InvalidRequest:
    return InvalidRequest(f"file {_said(key)}: {reason}")


def _said(key: bytes) -> str:
    return key[:80].decode("utf-8", "replace")
