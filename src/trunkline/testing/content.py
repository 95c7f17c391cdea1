"""Helpers for tests of whatever keeps files: content that never varies, and short ways in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from blake3 import blake3

from trunkline.content.entry import FileEntry
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.objects.protocol import ObjectStore


def noise(seed: str, length: int) -> bytes:
    """Bytes that look random and do not compress; the same for the same seed, forever."""
    return blake3(seed.encode()).digest(length=length)


def parts(data: bytes, length: int) -> Iterator[bytes]:
    """The bytes in parts of this length."""
    return (data[at : at + length] for at in range(0, len(data), length))


def write_files(store: ObjectStore, contents: Iterable[bytes]) -> list[FileEntry]:
    """The files of these contents, stored by one writer."""
    writer = ContentWriter(store)
    pending = [writer.add(content) for content in contents]
    writer.flush()
    return [each.file() for each in pending]


def write_file(store: ObjectStore, content: bytes) -> FileEntry:
    """One file, stored by a writer of its own."""
    return write_files(store, [content])[0]


def read_file(store: ObjectStore, file: FileEntry) -> bytes:
    """The whole content of a file, read with nothing cached."""
    return b"".join(ContentReader(store, 0).read(file))
