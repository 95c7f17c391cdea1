"""Sorting more records than memory should hold: sorted runs in a temporary file, merged while they are read.

Changes of datums come in the order of the operators and leave in the order of a map's keys, so that one pass edits
the map. Invariant: at most `limit` records and one block of each run are in memory; the file has no name and is gone
with the process.
"""

from __future__ import annotations

import errno
import heapq
import os
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import msgspec

from trunkline.kernel.errors import StorageFailed, StorageFull

Record: TypeAlias = tuple[bytes, *tuple[Any, ...]]
"""A key and whatever belongs to it, of types that msgpack has; comes back as a list."""

IN_MEMORY = 100_000
BLOCK = 1_000
"""Records."""

_key = itemgetter(0)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode


class Spool:
    """Takes records in any order, gives them sorted by key; those of one key in the order in which they came.

    Args:
        limit: records in memory; the usual number by default.
        folder: where the temporary file is made; the system's choice by default.
    """

    def __init__(self, limit: int = 0, folder: Path | None = None) -> None:
        self._limit, self._folder = limit or IN_MEMORY, folder
        self._recent: list[Any] = []
        self._runs: list[list[tuple[int, int]]] = []
        self._file: Any = None
        self._end = 0
        self.count = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record) -> None:
        """Takes a record.

        Raises:
            StorageFull, StorageFailed: of the temporary file.
        """
        self._recent.append(record)
        self.count += 1
        if len(self._recent) >= self._limit:
            self._spill()

    def sorted(self) -> Iterator[Any]:
        """All records, sorted; may be called again."""
        self._recent.sort(key=_key)
        if not self._runs:
            return iter(self._recent)
        return heapq.merge(*map(self._read, self._runs), self._recent, key=_key)

    def _spill(self) -> None:
        self._recent.sort(key=_key)
        blocks = []
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, prefix="trunkline-")  # noqa: SIM115
            for at in range(0, len(self._recent), BLOCK):
                data = _encode(self._recent[at : at + BLOCK])
                self._file.write(data)
                blocks.append((self._end, len(data)))
                self._end += len(data)
            self._file.flush()
        except OSError as error:
            raise _as_ours(error) from error
        self._runs.append(blocks)
        self._recent = []

    def _read(self, blocks: list[tuple[int, int]]) -> Iterator[Any]:
        for offset, length in blocks:
            try:
                data = os.pread(self._file.fileno(), length, offset)
            except OSError as error:
                raise _as_ours(error) from error
            yield from _decode(data)


def _as_ours(error: OSError) -> StorageFull | StorageFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("no space left for temporary files: free some, the job goes on by itself")
    return StorageFailed(f"a temporary file could not be used ({error.strerror}): check the folder of temporary files")
