"""The files of a folder in shares: parts that are read apart from each other, by one process or by several.

Where a share ends is drawn by name and size of its last file alone, so the same folder has the same shares, and one
more file moves few borders. A pack never goes beyond its share; so how many processes read makes no difference to
what is stored. Invariant: shares come in the order of the walk, and a piece holds files of one folder in their order.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import msgspec

from trunkline.client.scanning import Stat
from trunkline.kernel.errors import InvalidRequest

SHARE_BYTES = 4 << 20
"""What a share comes to on average."""

FILE_BYTES = 512
"""What a file counts beside its bytes: opening it takes as long as reading so many and more."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Some files of one folder.

    Attributes:
        number: says which piece it is, to whoever made it.
        origin: the folder, as the system names it.
        target: the directory in the repo, ending with a slash.
        stats: the files, by name.
    """

    number: int
    origin: bytes
    target: str
    stats: list[Stat]

    @property
    def folder(self) -> str:
        """The folder, as paths are in this program."""
        return os.fsdecode(self.origin)


class Columns(msgspec.Struct, frozen=True, array_like=True):
    """Files as a write takes them, by path: see `FileColumns` in content.proto."""

    paths: list[bytes]
    sizes: list[int]
    hashes: list[bytes]
    places: list[bytes]


class ReadPiece(msgspec.Struct, frozen=True, array_like=True):
    """What became of a piece.

    Attributes:
        number: of the piece.
        files: MessagePack of the list of its `FileEntry`.
    """

    number: int
    files: msgspec.Raw


class ReadShare(msgspec.Struct, frozen=True, array_like=True):
    """A share that was read, and is durable.

    Attributes:
        size: bytes that were read.
    """

    columns: Columns
    pieces: list[ReadPiece]
    size: int


class Cutter:
    """Cuts pieces into shares."""

    def __init__(self) -> None:
        self._share: list[Piece] = []
        self._numbers = 0

    def cut(self, origin: str, target: str, stats: list[Stat]) -> Iterator[tuple[Piece, bool]]:
        """The pieces that some files of a folder make, and whether a share, which `rest` gives, ends with them.

        Raises:
            InvalidRequest: a path that is not Unicode.
        """
        try:
            target.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(f"path ({target!r}) invalid: not valid Unicode") from None
        begin = 0
        for at, stat in enumerate(stats, 1):
            ends = _ends(stat)
            if ends or at == len(stats):
                piece = Piece(self._numbers, os.fsencode(origin), target, stats[begin:at])
                self._numbers += 1
                self._share.append(piece)
                begin = at
                yield piece, ends

    def rest(self) -> list[Piece]:
        """What was cut since the last share."""
        share, self._share = self._share, []
        return share


def _ends(stat: Stat) -> bool:
    return zlib.crc32(stat[0].encode()) * SHARE_BYTES < (stat[1] + FILE_BYTES) << 32
