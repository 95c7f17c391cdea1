"""What a client remembers of files that it has read: like git's index, so that unchanged ones are not read again.

There is one memory for each installation and source. A file counts as unchanged if size, times of change, and the
identity of its inode are those of when it was read. Invariants: a file that may have changed while, or just after,
it was read is not remembered, since the next change might not show in its times; and what is remembered is only a
hint: pachd is asked for every chunk before a file is made of it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from blake3 import blake3

from trunkline.client.scanning import Stat, seen_of, stats_of
from trunkline.content.entry import FileEntry

VERSION = 2

GRAIN = 100_000_000
"""Nanoseconds; longer than the steps in which file systems count time, if they count parts of seconds."""

COARSE_GRAIN = 2_500_000_000
"""The same for those that do not."""

LARGEST_FOLDER = 1 << 30
"""Bytes of memories; beyond, those that were not used for longest go."""


def stat_of(name: str, status: os.stat_result) -> Stat:
    """What is compared."""
    return name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def is_settled(stat: Stat, looked: int) -> bool:
    """Whether a file that was read from the time `looked` (nanoseconds) on would show the next change."""
    latest = max(stat[2], stat[3])
    coarse = latest % 1_000_000_000 == 0
    return looked - latest > (COARSE_GRAIN if coarse else GRAIN)


def unsettled(stat: Stat) -> Stat:
    """What is remembered of a file that would not show the next change: nothing that a file can look like."""
    return stat[0], stat[1], -1, -1, stat[4]


class _Folder(msgspec.Struct, array_like=True):
    """One folder: its files by name (a list of `Stat`), and what their bytes came to, in the same order.

    Both stay as they are written: most folders did not change, and bytes are compared and copied at once.
    """

    stats: msgspec.Raw
    files: msgspec.Raw


class _Put(msgspec.Struct, array_like=True):
    """What a target held below its directory right after everything remembered was put there."""

    state: bytes
    digest: bytes


class _Stored(msgspec.Struct, array_like=True):
    version: int
    cluster: str
    source: str
    state: bytes
    folders: dict[str, _Folder]
    puts: dict[str, _Put]


_decoder = msgspec.msgpack.Decoder(_Stored)
_files = msgspec.msgpack.Decoder(list[FileEntry])
_encoder = msgspec.msgpack.Encoder()


class Memory:
    """What is remembered of one source, and what is learnt of it now. For one thread."""

    def __init__(self, folder: Path | None, cluster: str, source: str) -> None:
        """Args:
        folder: for memories; None for none.
        cluster: the id of the installation.
        source: absolute path of a file or folder.
        """
        name = blake3(f"{cluster}\0{source}".encode("utf-8", "surrogateescape")).hexdigest()[:40]
        self._path = None if folder is None else folder / name
        self._stored = self._read(cluster, source)
        self._learnt: dict[str, _Folder] = {}
        self._changed = False

    def unchanged(self, below: str, seen: bytes) -> bool:
        """Whether a folder's files are all as they were; which then need no look at each."""
        known = self._stored.folders.get(below)
        if known is None or bytes(known.stats) != seen:
            return False
        self._learnt[below] = known
        return True

    def files(self, below: str) -> dict[Stat, FileEntry]:
        """The files of a folder that are remembered."""
        known = self._stored.folders.get(below)
        return {} if known is None else dict(zip(stats_of(known.stats), _files.decode(known.files), strict=True))

    def learn(self, below: str, stats: list[Stat], files: list[FileEntry] | msgspec.Raw) -> None:
        """Remembers a folder's files, in the order in which the folder will be looked at.

        Args:
            files: as many; they may be MessagePack already.
        """
        raw = files if isinstance(files, msgspec.Raw) else msgspec.Raw(_encoder.encode(files))
        self._learnt[below] = _Folder(msgspec.Raw(seen_of(stats)), raw)
        self._changed = True

    def forget(self) -> None:
        """Forgets everything: the installation has lost what was stored."""
        self._stored.folders.clear()
        self._learnt.clear()
        self._stored.puts.clear()
        self._changed = True

    def digest(self, target: str) -> bytes | None:
        """What a target held below its directory after exactly what is remembered was put there; None: unknown."""
        put = self._stored.puts.get(target)
        return put.digest if put is not None and put.state == self._stored.state else None

    def save(self, target: str, digest: bytes | None) -> None:
        """Writes down what was learnt; it is no error if that cannot be done."""
        if self._path is None:
            return
        stored = self._stored
        if self._changed or self._learnt.keys() != stored.folders.keys():
            stored.state = os.urandom(16)
            stored.folders = self._learnt
        stored.puts.pop(target, None)
        if digest is not None:
            stored.puts = {name: put for name, put in stored.puts.items() if put.state == stored.state}
            stored.puts[target] = _Put(stored.state, digest)
        with suppress(OSError, UnicodeError):  # a path that is no text cannot be written down
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            try:
                draft.write_bytes(_encoder.encode(stored))
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)
            _shrink(self._path.parent)

    def _read(self, cluster: str, source: str) -> _Stored:
        if self._path is not None:
            with suppress(OSError, msgspec.MsgspecError):
                stored = _decoder.decode(self._path.read_bytes())
                if (stored.version, stored.cluster, stored.source) == (VERSION, cluster, source):
                    return stored
        return _Stored(VERSION, cluster, source, b"", {}, {})


def _shrink(folder: Path) -> None:
    found = [(path, path.stat()) for path in folder.iterdir()]
    total = sum(status.st_size for _, status in found)
    for path, status in sorted(found, key=lambda one: one[1].st_mtime_ns):
        # A draft of another process is left to it for a day.
        young = path.name.startswith(".") and time.time() - status.st_mtime < 86400
        if total <= LARGEST_FOLDER:
            return
        if not young:
            path.unlink(missing_ok=True)
            total -= status.st_size
