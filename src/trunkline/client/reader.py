"""A process that reads shares for a put: cuts, hashes, packs, and writes chunks to the folder of the store.

It is started by `hands`, speaks to it by its standard input and output, and ends when that side is gone. Invariant:
what it says to be read is durable. It imports no gRPC: it has to be quicker to start than to do without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from trunkline.client import pipes
from trunkline.client.ahead import Ahead
from trunkline.client.pipes import Closed
from trunkline.client.share_reader import READ_BYTES, ShareReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import TrunklineError
from trunkline.objects.local import LocalStore

PROGRESS_BYTES = 4 << 20
"""Bytes after which they are told."""


class _Store:
    """The folder of the store; whoever started this process knows what it lacks."""

    def __init__(self, folder: Path, source: BinaryIO, target: BinaryIO) -> None:
        self._store, self._source, self._target = LocalStore(folder), source, target

    def missing(self, keys: Collection[str]) -> set[str]:
        """As `trunkline.objects.presence.AsksForMany.missing`."""
        if not keys:
            return set()
        pipes.send(self._target, pipes.Ask(list(keys)))
        match pipes.receive(self._source):
            case pipes.Lacking(lacking):
                return set(lacking)
        raise Closed

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """As `ObjectStore.put_many`."""
        self._store.put_many(items)


class _Progress:
    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._files = self._size = 0

    def __call__(self, files: int, size: int) -> None:
        self._files += files
        self._size += size
        if self._size > PROGRESS_BYTES:
            self.tell()

    def tell(self) -> None:
        """Tells what was not told."""
        pipes.send(self._target, pipes.Done(self._files, self._size))
        self._files = self._size = 0


def main() -> None:
    """Serves until the other side is gone, or says that there is no more."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    try:
        _serve(source, target)
    except Closed:
        pass
    except TrunklineError as error:
        _fail(target, error.code, error.message)
    except BaseException as error:
        _fail(target, TrunklineError.code, f"a process that reads files broke ({type(error).__name__}: {error})")


def _fail(target: BinaryIO, code: str, message: str) -> None:
    with suppress(Closed):
        pipes.send(target, pipes.Failed(code, message))


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    begin = pipes.receive(source)
    if not isinstance(begin, pipes.Begin):
        raise Closed
    progress = _Progress(target)
    writer = ContentWriter(_Store(Path(os.fsdecode(begin.folder)), source, target))
    with Ahead(begin.threads) as ahead:
        reader = ShareReader(writer, ahead, progress)
        more = True
        while more:
            pipes.send(target, pipes.Ready())
            match pipes.receive(source):
                case pipes.Do(share):
                    more = bool(share)
                case _:
                    raise Closed
            if share:
                reader.read(share)
            if reader.weight > READ_BYTES or not more:
                pipes.send(target, pipes.Read(reader.durable()))
                progress.tell()
        pipes.send(target, pipes.Ready())
