"""Files on their way into a write, in batches: each batch is made durable, then sent.

Invariant: what is sent names only chunks that are in the store: those that are only remembered are asked for first.
"""

from __future__ import annotations

from collections.abc import Callable

from trunkline.client.shares import Columns
from trunkline.client.writing import Writing
from trunkline.content.codec import chunk_key
from trunkline.content.entry import FileEntry, MapEntry, to_entry
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest
from trunkline.objects.presence import Sink

MOST_FILES = 50_000
MOST_BYTES = 8 << 20
"""Of one batch; a file takes so many bytes in it."""

_SLICE_BYTES = 44
_FILE_BYTES = 60


class Batches:
    """For one thread."""

    def __init__(self, writer: ContentWriter, store: Sink, writing: Writing) -> None:
        """Args:
        store: says which chunks it lacks.
        """
        self._writer, self._store, self._writing = writer, store, writing
        self._files: list[tuple[bytes, Pending | FileEntry]] = []
        self._weight = 0
        self._after: list[Callable[[], None]] = []
        self._remembered: dict[str, None] = {}
        self._asked: set[str] = set()

    def add(self, path: str, file: Pending | FileEntry) -> None:
        """Takes a file that was added to the writer, or one that is remembered.

        Args:
            path: clean.

        Raises:
            InvalidRequest: a path that is not Unicode.
        """
        try:
            key = path.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(f"path ({path!r}) invalid: not valid Unicode") from None
        if isinstance(file, FileEntry):
            self._remembered |= dict.fromkeys([chunk_key(each.chunk) for each in file.slices])
        self._files.append((key, file))
        self._weight += len(key) + _FILE_BYTES + (file.size >> 20) * _SLICE_BYTES
        if len(self._files) >= MOST_FILES or self._weight >= MOST_BYTES:
            self.end()

    def afterwards(self, call: Callable[[], None]) -> None:
        """Calls this when all that was added so far is durable."""
        self._after.append(call)

    def end(self) -> None:
        """Makes everything durable, and sends it.

        Raises:
            InvalidRequest: a path that comes twice.
            FailedPrecondition: a chunk that is only remembered is gone.
            StorageFull, StorageFailed: it could not be stored.
        """
        self._writer.flush()
        asked = [key for key in self._remembered if key not in self._asked]
        if asked and self._store.missing(asked):
            raise FailedPrecondition("chunks that were stored before are gone")
        self._asked.update(asked)
        rows: list[MapEntry] = [
            to_entry(key, each if isinstance(each, FileEntry) else each.file()) for key, each in self._files
        ]
        if rows:
            rows.sort()
            keys, hashes, sizes, places = (list(column) for column in zip(*rows, strict=True))
            self._writing.send(Columns(keys, sizes, hashes, places))
        for call in self._after:
            call()
        self._files, self._after, self._weight, self._remembered = [], [], 0, {}
