"""Puts by the thick client: whether it is worth it, and what sources are to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from trunkline.client import sources as client
from trunkline.client.localfiles import Progress
from trunkline.client.putting import Result, put
from trunkline.pachctl.connect import Server
from trunkline.pachctl.sources import STDIN, Source
from trunkline.wire import pfs_pb2 as pfs

FEW_FILES = 64
LITTLE = 1 << 20
"""Bytes; up to both, one call that carries everything is quicker than several that ask first."""

_PART = 1 << 20


def is_worth_it(sources: Sequence[Source]) -> bool:
    """Whether these sources should go this way. URLs cannot: the server reads them."""
    if any(source.is_url for source in sources):
        return False
    if len(sources) > FEW_FILES or any(source.is_folder or source.origin == STDIN for source in sources):
        return True
    size = 0
    for source in sources:
        with suppress(OSError):  # told by whoever reads it
            size += os.stat(source.origin).st_size  # noqa: PTH116
    return size > LITTLE


def upload(
    server: Server,
    commit: pfs.Commit,
    sources: Sequence[Source],
    *,
    replace: bool,
    memory: Path | None,
    parallelism: int,
    progress: Progress,
) -> Result:
    """As `trunkline.client.putting.put`."""
    given = [_source(source) for source in sources]
    return put(server, commit, given, replace=replace, memory=memory, parallelism=parallelism, progress=progress)


def _source(source: Source) -> client.Source:
    if source.is_folder:
        return client.Folder(source.origin, source.target)
    if source.origin == STDIN:
        return client.Stream(_stdin(), source.target)
    return client.File(source.origin, source.target)


def _stdin() -> Iterator[bytes]:
    while part := sys.stdin.buffer.read(_PART):
        yield part
