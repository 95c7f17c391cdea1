"""Files on their way into a write, in batches: each batch is made durable, then put into columns for the wire.

Invariant: what stands in `columns` names only chunks that are in the store, or that are in `remembered`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from trunkline.content.codec import chunk_key
from trunkline.content.entry import FileEntry, to_entry
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel.errors import InvalidRequest
from trunkline.wire import content_pb2 as wire

MOST_FILES = 50_000
MOST_BYTES = 8 << 20
"""Of one message; the limit of the API is 20 MiB."""

_SLICE_BYTES = 44
_FILE_BYTES = 60


class Batches:
    """For one thread.

    Attributes:
        columns: the messages so far.
        remembered: keys of chunks that are only remembered to be in the store.
    """

    def __init__(self, writer: ContentWriter, replace: bool) -> None:
        self._writer, self._replace = writer, replace
        self._files: list[tuple[bytes, Pending | FileEntry]] = []
        self._weight = 0
        self._after: list[Callable[[], None]] = []
        self.columns: list[wire.FileColumns] = []
        self.remembered: set[str] = set()

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
            self.remembered.update([chunk_key(each.chunk) for each in file.slices])
        self._files.append((key, file))
        self._weight += len(key) + _FILE_BYTES + (file.size >> 20) * _SLICE_BYTES
        if len(self._files) >= MOST_FILES or self._weight >= MOST_BYTES:
            self.end()

    def afterwards(self, call: Callable[[], None]) -> None:
        """Calls this when all that was added so far is durable."""
        self._after.append(call)

    def end(self) -> None:
        """Makes everything durable, and a message of it.

        Raises:
            InvalidRequest: a path that comes twice.
            StorageFull, StorageFailed: it could not be stored.
        """
        self._writer.flush()
        files = sorted(self._files, key=lambda one: one[0])
        for (one, _), (other, _) in pairwise(files):
            if one == other:
                raise InvalidRequest(f"multiple files put with the path {one.decode()}, aborting; nothing has been put")
        if files:
            entries = [to_entry(key, each if isinstance(each, FileEntry) else each.file()) for key, each in files]
            keys, hashes, sizes, places = zip(*entries, strict=True)
            self.columns.append(
                wire.FileColumns(paths=keys, sizes=sizes, hashes=hashes, places=places, replace=self._replace)
            )
        for call in self._after:
            call()
        self._files, self._after, self._weight = [], [], 0
