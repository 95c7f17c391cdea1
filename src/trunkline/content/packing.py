"""Small files laid back to back in shared chunks, whose ends the files' own hashes decide.

A pack ends after a file if the file's hash, taken as a number, is small for the file's size; so the same
files in the same order make the same packs wherever they begin, and one more file moves few borders.
Invariant: a pack holds whole files. The numbers are part of the format in the sense of `chunking`: others
would be read as well, but share nothing with what is stored.
"""

from __future__ import annotations

from trunkline.content.codec import MAX_CHUNK
from trunkline.content.entry import HASH_SIZE, Slice

PACK_MIN = 256 << 10
"""Bytes; a pack does not end by choice before."""

PACK_STEP = 1 << 20
"""Bytes; what a pack gets beyond `PACK_MIN`, on average."""

PACK_FILE = 512 << 10
"""Bytes; a file of so many lies in chunks of its own."""

PACK_MAX = 4 << 20
"""Bytes; a pack ends before a file that would lead beyond."""

assert PACK_MAX <= MAX_CHUNK


class Pack:
    """A chunk that is being filled with small files.

    Attributes:
        identity: the id of the chunk; None until the pack is closed and its id known.
    """

    __slots__ = ("_held", "identity")

    def __init__(self) -> None:
        self.identity: bytes | None = None
        self._held = bytearray()

    def __len__(self) -> int:
        return len(self._held)

    def fits(self, size: int) -> bool:
        """Whether a file of this size may be added."""
        return len(self._held) + size <= PACK_MAX

    def add(self, data: bytes) -> Place:
        """Lays a file, which is not empty, behind the others."""
        place = Place(self, len(self._held), len(data))
        self._held += data
        return place

    def ends_after(self, digest: bytes, size: int) -> bool:
        """Whether the pack ends behind a file of this hash and size that was just added."""
        drawn = int.from_bytes(digest[:8], "big")
        return len(self._held) >= PACK_MIN and drawn * PACK_STEP < size << 64

    def content(self) -> bytes:
        """The plain bytes of the chunk."""
        return bytes(self._held)

    def close(self, identity: bytes) -> None:
        """Gives the pack its id, and its memory back."""
        assert len(identity) == HASH_SIZE
        self.identity = identity
        self._held = bytearray()


class Place:
    """Where a small file lies: part of a pack."""

    __slots__ = ("_length", "_offset", "_pack")

    def __init__(self, pack: Pack, offset: int, length: int) -> None:
        self._pack = pack
        self._offset = offset
        self._length = length

    def slices(self) -> tuple[Slice, ...] | None:
        """The one slice of the file; None while the pack is open."""
        if self._pack.identity is None:
            return None
        return (Slice(self._pack.identity, self._offset, self._length),)
