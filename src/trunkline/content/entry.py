"""A file as the rest of the system knows it: its size, its hash, and where its bytes lie.

Invariant: the lengths of the slices add up to the size. A file entry travels as a map entry whose digest
covers path, size and hash, but neither the tag nor the slices: where bytes lie is not part of what they are.
"""

from __future__ import annotations

import msgspec

from trunkline.kernel.errors import Corrupt

HASH_SIZE = 32
"""Bytes of a BLAKE3-256 digest: of every chunk id and every file hash."""

MapEntry = tuple[bytes, bytes, int, bytes]
"""key, value, weight, aux: the entry of a sorted Merkle map."""


class Slice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Part of a file: `length` bytes of the chunk from `offset` on.

    Attributes:
        chunk: the id of the chunk, 32 bytes.
        offset: where the slice begins in the plain bytes of the chunk.
        length: bytes, more than zero.
    """

    chunk: bytes
    offset: int
    length: int


class FileEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file.

    Attributes:
        size: bytes.
        hash: BLAKE3-256 of the content, or of the parts it was appended from (`trunkline.content.append`).
        slices: where the bytes lie, in order; none for an empty file.
        tag: the datum or the caller that wrote the file; not part of its identity.
    """

    size: int
    hash: bytes
    slices: tuple[Slice, ...] = ()
    tag: str = ""


class _Aux(msgspec.Struct, frozen=True, array_like=True, gc=False):
    tag: str
    slices: tuple[Slice, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Aux)
_tag_decoder = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


def to_entry(path_key: bytes, file: FileEntry) -> MapEntry:
    """The map entry of a file: value is the hash, weight the size, aux the tag and the slices."""
    return path_key, file.hash, file.size, _encoder.encode(_Aux(file.tag, file.slices))


def from_entry(entry: MapEntry) -> FileEntry:
    """The file of a map entry that `to_entry` made; its path stays with the caller, who has the entry's key.

    Raises:
        Corrupt: the entry is not that of a file.
    """
    key, value, weight, aux = entry
    try:
        decoded = _decoder.decode(aux)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"file entry {_name(key)}: its slices cannot be read ({error}); run pachctl fsck") from error
    if len(value) != HASH_SIZE or sum(each.length for each in decoded.slices) != weight:
        raise Corrupt(f"file entry {_name(key)}: its slices do not add up to its size; run pachctl fsck")
    return FileEntry(size=weight, hash=value, slices=decoded.slices, tag=decoded.tag)


def file_of(size: int, digest: bytes, aux: bytes, tag: str) -> FileEntry:
    """The file of which somebody says this; with another tag than it says.

    Raises:
        Corrupt: the aux is not that of a file, or its slices do not add up to the size.
    """
    slices = slices_of(aux)
    if sum(each.length for each in slices) != size:
        raise Corrupt("the slices of a file do not add up to its size")
    return FileEntry(size, digest, slices, tag)


def slices_of(aux: bytes) -> tuple[Slice, ...]:
    """Where the bytes of a file lie, from the aux of its map entry alone.

    Raises:
        Corrupt: it is not that of a file.
    """
    try:
        return _decoder.decode(aux).slices
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"the slices of a file cannot be read ({error}); run pachctl fsck") from error


def tag_of(aux: bytes) -> str:
    """Who wrote a file, from the aux of its map entry alone; where its bytes lie is not looked at.

    Raises:
        Corrupt: it is not that of a file.
    """
    try:
        return _tag_decoder.decode(aux)[0]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"the tag of a file cannot be read ({error}); run pachctl fsck") from error


def _name(key: bytes) -> str:
    return key.decode("utf-8", "replace")
