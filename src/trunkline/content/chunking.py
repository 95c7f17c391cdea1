"""Where a long file is cut: at places that its own bytes decide, so that an insertion moves few cuts.

A gear hash over the last 32 bytes is taken at every position; the first position at which it is small ends
the chunk. In the beginning of a chunk it must be smaller, later it may be larger (normalised chunking), which
keeps the sizes near the average. All numbers here are part of the format: other numbers would still be read,
but would share nothing with what is stored.
Invariant: the cuts depend on the bytes alone, not on the parts in which they arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blake3 import blake3

from trunkline.content.codec import MAX_CHUNK

if TYPE_CHECKING:
    import numpy

    Words = numpy.ndarray[tuple[int], numpy.dtype[numpy.uint32]]

MIN_CHUNK = 512 << 10
"""Bytes; no cut before, and a file below this is not cut at all."""

NORMAL_CHUNK = 1 << 20
"""Bytes; up to here `STRICT` holds, from here on `LOOSE`."""

STRICT = 1 << 11
"""A hash below this ends a chunk before `NORMAL_CHUNK`: one position in 2^21."""

LOOSE = 1 << 13
"""A hash below this ends a chunk from `NORMAL_CHUNK` on: one position in 2^19."""

WINDOW = 32
"""Bytes that a hash covers: each one's word is shifted out of 32 bits after so many."""

GEAR_SEED = b"trunkline gear 1"
"""The 256 words of the gear table are the first 1,024 bytes of the BLAKE3 output of this, little-endian."""

SPAN = 64 << 10
"""Positions hashed at once; what fits into the second-level cache of a core. Not part of the format."""

STEP = 256 << 10
"""Bytes taken in at once."""

FIRST_ROOM = 4 << 20
"""Bytes of memory for what is not cut yet; more is taken by streams that need it."""


def gear() -> list[int]:
    """The gear table: for each byte a word of 32 bits."""
    stream = blake3(GEAR_SEED).digest(length=1024)
    return [int.from_bytes(stream[at : at + 4], "little") for at in range(0, 1024, 4)]


class Chunker:
    """Cuts one stream: `feed` it with everything, then `finish`; both hand out chunks when complete.

    `reset` begins the next stream. For one thread at a time.
    """

    def __init__(self) -> None:
        # What is not handed out yet lies from `_begin` to `_end`. It is moved to the front only when the room
        # ends, since moving it after each chunk costs as much as hashing does.
        self._room = bytearray(FIRST_ROOM)
        self._begin = self._end = 0
        self._seen = MIN_CHUNK  # cuts before this length of the held bytes are ruled out
        self._scan = _Scanner()

    def reset(self) -> None:
        """Begins another stream; what is left of the last one is dropped."""
        self._begin = self._end = 0
        self._seen = MIN_CHUNK

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Takes further bytes. Holds at most one chunk and a little, if the chunks are taken as they come."""
        view = memoryview(data)
        for at in range(0, len(view), STEP):
            self._append(view[at : at + STEP])
            yield from self._cut(last=False)

    def finish(self) -> Iterator[bytes]:
        """Cuts what is left; the last chunk may be short."""
        yield from self._cut(last=True)
        if self._end > self._begin:
            yield self._take(self._end - self._begin)

    def _append(self, data: memoryview) -> None:
        if self._end + len(data) > len(self._room):
            held = bytes(memoryview(self._room)[self._begin : self._end])
            if 2 * len(held) + len(data) > len(self._room):
                self._room = bytearray(2 * len(self._room))
            self._room[: len(held)] = held
            self._begin, self._end = 0, len(held)
        self._room[self._end : self._end + len(data)] = data
        self._end += len(data)

    def _cut(self, last: bool) -> Iterator[bytes]:
        while (rest := self._end - self._begin - self._seen) >= (1 if last else SPAN):
            stop = min(self._seen + min(rest, SPAN), MAX_CHUNK)
            found = self._scan.first(self._room, self._begin, self._seen, stop)
            if found is None and stop == MAX_CHUNK:
                found = MAX_CHUNK
            if found is None:
                self._seen = stop
            else:
                yield self._take(found)

    def _take(self, length: int) -> bytes:
        chunk = bytes(memoryview(self._room)[self._begin : self._begin + length])
        self._begin += length
        self._seen = MIN_CHUNK
        return chunk


class _Scanner:
    """Finds cuts with whole arrays at a time; numpy is imported here, by the first long file."""

    def __init__(self) -> None:
        import numpy

        self._numpy = numpy
        self._gear = numpy.array(gear(), dtype=numpy.uint32)
        self._codes = numpy.empty(SPAN + WINDOW, dtype=numpy.intp)
        self._hash = numpy.empty(SPAN + WINDOW, dtype=numpy.uint32)
        self._spare = numpy.empty(SPAN + WINDOW, dtype=numpy.uint32)

    def first(self, data: bytearray, begin: int, start: int, stop: int) -> int | None:
        """The first length in [start, stop) at which a chunk that begins at `begin` ends."""
        hashes = self._hashes(data, begin + start - WINDOW, stop - start)
        if hashes.min() >= LOOSE:
            return None
        for at in self._numpy.flatnonzero(hashes < LOOSE).tolist():
            if start + at >= NORMAL_CHUNK or hashes[at] < STRICT:
                return start + int(at)
        return None

    def _hashes(self, data: bytearray, warm: int, positions: int) -> Words:
        """The hashes of the `WINDOW` bytes before each of the positions; the first such byte is at `warm`."""
        numpy = self._numpy
        count = positions - 1 + WINDOW
        hashes, spare = self._hash[:count], self._spare[:count]
        # Widened here: `take` would do so itself, into new memory each time.
        codes = self._codes[:count]
        codes[:] = numpy.frombuffer(data, dtype=numpy.uint8, count=count, offset=warm)
        numpy.take(self._gear, codes, out=hashes, mode="clip")
        # Each step doubles the bytes that a hash covers: that of the later half, plus that of the earlier
        # half shifted by as many bits as the later half has bytes.
        width = 1
        while width < WINDOW:
            numpy.left_shift(hashes[:-width], width, out=spare[width:])
            numpy.add(hashes[width:], spare[width:], out=hashes[width:])
            width *= 2
        return hashes[WINDOW - 1 :]
