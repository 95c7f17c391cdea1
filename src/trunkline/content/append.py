"""Appending to a file at a price that follows what is appended.

The joined file has the slices of both. Its hash cannot be that of its bytes, unless they are read again; so
above `READ_AGAIN` it is a hash of the two hashes and sizes. Such a hash is the same for the same content
written in the same steps, and another one than that of the same content written at once.
Invariant: up to `READ_AGAIN` bytes a file's hash is always the BLAKE3-256 of its content.
"""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3

from trunkline.content.entry import FileEntry, Slice
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter, Pending

READ_AGAIN = 1 << 20
"""Bytes up to which a joined file is read to be hashed. Part of the format."""

JOIN_CONTEXT = "trunkline 2026-01 hash of an appended file"
"""The key derivation context of BLAKE3 that keeps hashes of joined files apart from those of bytes."""

SHORT = 512 << 10
"""Bytes; a shorter slice at the end of a file may be laid together with its neighbours."""

MOST_SHORT = 64
"""Short slices at the end of a file, before `Shortened.needed` asks for that."""


def join(old: FileEntry, new: FileEntry, reader: ContentReader) -> FileEntry:
    """The file that has the bytes of `old`, then those of `new`; the tag is that of `new`.

    Raises:
        Corrupt, StorageFailed: a file that joins to at most `READ_AGAIN` bytes could not be read.
    """
    if old.size == 0:
        return new
    if new.size == 0:
        return FileEntry(old.size, old.hash, old.slices, new.tag)
    size = old.size + new.size
    if size <= READ_AGAIN:
        hasher = blake3()
        for file in (old, new):
            for part in reader.read(file):
                hasher.update(part)
    else:
        hasher = blake3(derive_key_context=JOIN_CONTEXT)
        for file in (old, new):
            hasher.update(file.hash + file.size.to_bytes(8, "little"))
    return FileEntry(size, hasher.digest(), coalesce(old.slices + new.slices), new.tag)


def coalesce(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """The same bytes in fewer slices, where neighbours lie side by side in one chunk."""
    found: list[Slice] = []
    for each in slices:
        last = found[-1] if found else None
        if last is not None and last.chunk == each.chunk and last.offset + last.length == each.offset:
            found[-1] = Slice(last.chunk, last.offset, last.length + each.length)
        else:
            found.append(each)
    return tuple(found)


class Shortened:
    """A file whose many short slices at the end are being laid together, so that its entry stays small.

    Without it a file that was appended to a million times would have a million slices, and each append
    would copy them. Size and hash stay as they are.
    """

    def __init__(self, file: FileEntry, reader: ContentReader, writer: ContentWriter) -> None:
        """Reads the short slices at the end and adds their bytes to the writer.

        Raises:
            Corrupt, StorageFailed, StorageFull: as the reader and the writer.
        """
        self._file = file
        self._kept = file.slices[: len(file.slices) - _short_at_end(file)]
        start = sum(each.length for each in self._kept)
        self._pending: Pending = writer.add(reader.read(file, start))

    @staticmethod
    def needed(file: FileEntry) -> bool:
        """Whether a file has more than `MOST_SHORT` short slices at its end."""
        return _short_at_end(file) > MOST_SHORT

    def file(self, tag: str | None = None) -> FileEntry:
        """The entry, once the writer was flushed; with the file's own tag, or another one."""
        slices = coalesce(self._kept + self._pending.file().slices)
        return FileEntry(self._file.size, self._file.hash, slices, self._file.tag if tag is None else tag)


def _short_at_end(file: FileEntry) -> int:
    count = 0
    for each in reversed(file.slices):
        if each.length >= SHORT:
            break
        count += 1
    return count
