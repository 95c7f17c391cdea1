"""Where a long file is cut: at places that its own bytes decide, so that an insertion moves few cuts.

A place is a cut if the 32 bytes before it, multiplied, come to a large number. Multiplying all of them in 64 bits at
every position would take several times as long as the last 16 in 32 bits, so those are asked first: one position in a
thousand passes, and is looked at again. (Fewer than 16 would not do: a genome has four letters, a mask two.)
All numbers here are part of the format: other numbers would still be read, but would share nothing with what is stored.
Invariant: the cuts depend on the bytes alone, not on the parts in which they arrived.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trunkline.content.codec import MAX_CHUNK, Framed

if TYPE_CHECKING:
    import numpy

    Positions = numpy.ndarray[tuple[int], numpy.dtype[numpy.intp]]

MIN_CHUNK = 768 << 10
"""Bytes; no cut before."""

WINDOW = 32
"""Bytes before a place that decide whether it is a cut."""

GATE = 0x9E3779B1
FAR = 0x85EBCA6B
"""Multiply the last 16 bytes, in 32 bits; see `passes`."""

GATE_LEAST = (1 << 32) - (1 << 22)
"""The least product that passes: one in 2^10."""

MIX = 0x9E3779B97F4A7C15
"""Multiplies what the 32 bytes came to so far, in 64 bits, after each eight of them."""

CUT_LEAST = (1 << 64) - (1 << 54)
"""The least product that is a cut: one in 2^10 of those that pass, one position in 2^20."""

SPAN = 128 << 10
"""Positions looked at at once; what fits into the second-level cache of a core. Not part of the format."""

STEP = 256 << 10
"""Bytes taken in at once."""

FIRST_ROOM = 4 << 20
"""Bytes of memory for what is not cut yet; more is taken by streams that need it."""


_FOUR = struct.Struct("<4I")


def passes(four: tuple[int, int, int, int]) -> bool:
    """Whether four words, little-endian, of the 16 bytes before a place let it be looked at again."""
    a, b, c, d = four
    return ((a * GATE + b) * FAR + c * GATE + d) * GATE % (1 << 32) >= GATE_LEAST


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

    def feed(self, data: bytes | memoryview) -> Iterator[Framed]:
        """Takes further bytes. Holds at most one chunk and a little, if the chunks are taken as they come."""
        view = memoryview(data)
        for at in range(0, len(view), STEP):
            self._append(view[at : at + STEP])
            yield from self._cut(last=False)

    def finish(self) -> Iterator[Framed]:
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

    def _cut(self, last: bool) -> Iterator[Framed]:
        while (rest := self._end - self._begin - self._seen) >= (1 if last else SPAN):
            stop = min(self._seen + min(rest, SPAN), MAX_CHUNK)
            found = self._scan.first(self._room, self._begin, self._seen, stop)
            if found is None and stop == MAX_CHUNK:
                found = MAX_CHUNK
            if found is None:
                self._seen = stop
            else:
                yield self._take(found)

    def _take(self, length: int) -> Framed:
        chunk = Framed(memoryview(self._room)[self._begin : self._begin + length])
        self._begin += length
        self._seen = MIN_CHUNK
        return chunk


class _Scanner:
    """Finds cuts with whole arrays at a time; numpy is imported here, by the first long file."""

    def __init__(self) -> None:
        import numpy

        self._numpy = numpy
        self._words = numpy.empty(SPAN + 12, dtype="<u4")
        self._spare = numpy.empty(SPAN + 12, dtype="<u4")
        self._passed = numpy.empty(SPAN + 12, dtype=numpy.bool_)
        self._far = numpy.uint32(FAR)
        self._gate, self._gate_least = numpy.uint32(GATE), numpy.uint32(GATE_LEAST)
        self._mix, self._cut_least = numpy.uint64(MIX), numpy.uint64(CUT_LEAST)

    def first(self, data: bytearray, begin: int, start: int, stop: int) -> int | None:
        """The first length in [start, stop) at which a chunk that begins at `begin` ends."""
        found = self._gated(data, begin + start, stop - start)
        if len(found) == 0:
            return None
        base = begin + start - WINDOW
        hashes = self._numpy.zeros(len(found), dtype=self._numpy.uint64)
        for at in range(base, base + WINDOW, 8):
            words = self._numpy.ndarray((stop - start,), "<u8", data, at, (1,))
            hashes += words[found]
            hashes *= self._mix
        cuts = found[hashes >= self._cut_least]
        return start + int(cuts[0]) if len(cuts) else None

    def _gated(self, data: bytearray, place: int, count: int) -> Positions:
        """Those of `count` places from `place` on that pass, in order."""
        numpy = self._numpy
        # Words that overlap do not go through the vector unit, neighbours do. So the bytes are copied four times, each
        # time from one byte further on: one row for each of the four ways in which words lie side by side.
        rows = count // 4
        columns = rows + 3
        size = 4 * columns
        words, spare, passed = self._words[:size], self._spare[:size], self._passed[: size - 3]
        each = words.view(numpy.uint8).reshape(4, size)
        each[:] = numpy.ndarray((4, size), numpy.uint8, data, place - 16, (1, 1))
        numpy.multiply(words[:-1], self._gate, out=spare[:-1])
        numpy.add(spare[:-1], words[1:], out=spare[:-1])
        numpy.multiply(spare[:-3], self._far, out=words[:-3])
        numpy.add(words[:-3], spare[2:-1], out=words[:-3])
        numpy.multiply(words[:-3], self._gate, out=words[:-3])
        numpy.greater_equal(words[:-3], self._gate_least, out=passed)
        row, column = numpy.divmod(numpy.flatnonzero(passed), columns)
        whole = column < rows  # the others begin in one row and end in the next
        found: Positions = column[whole] * 4 + row[whole]
        for at in range(rows * 4, count):
            if passes(_FOUR.unpack_from(data, place - 16 + at)):
                found = numpy.append(found, at)
        found.sort()
        return found
