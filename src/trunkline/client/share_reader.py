"""Shares into a content writer: each file is read once, by whichever process this runs in.

Invariant: what is said to be read is durable. Which files are read is for `folders` to say, and by which process for
`crew`; gRPC is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.client.ahead import Ahead
from trunkline.client.localfiles import Progress, add_long
from trunkline.client.shares import FILE_BYTES, Columns, Piece, ReadPiece, ReadShare
from trunkline.content.entry import MapEntry, to_entry
from trunkline.content.packing import PACK_FILE
from trunkline.content.writer import ContentWriter, Pending

READ_BYTES = 12 << 20
"""Bytes, as shares count them, that are read before they are made durable."""

_encoder = msgspec.msgpack.Encoder()


class ShareReader:
    """Reads shares, one after the other.

    Attributes:
        weight: bytes and files that wait to be made durable, as `shares.FILE_BYTES` counts them.
    """

    def __init__(self, writer: ContentWriter, ahead: Ahead, progress: Progress) -> None:
        self._writer, self._ahead, self._progress = writer, ahead, progress
        self._waiting: list[list[tuple[Piece, list[Pending]]]] = []
        self.weight = 0

    def read(self, share: list[Piece]) -> None:
        """Reads a share.

        Raises:
            InvalidRequest: a file that cannot be read.
            StorageFull, StorageFailed: its content could not be stored.
        """
        self._waiting.append([(piece, list(self._files(piece))) for piece in share])
        self._writer.part()

    def durable(self) -> list[ReadShare]:
        """What was read since the last call; durable now.

        Raises:
            StorageFull, StorageFailed: it could not be made so.
        """
        self._writer.flush()
        waiting, self._waiting, self.weight = self._waiting, [], 0
        return [_read_share(each) for each in waiting]

    def _files(self, piece: Piece) -> Iterator[Pending]:
        folder, size = piece.folder, 0
        small = ((f"{folder}/{stat[0]}", stat[1]) for stat in piece.stats if stat[1] < PACK_FILE)
        contents = self._ahead.contents(small)
        for stat in piece.stats:
            data = next(contents) if stat[1] < PACK_FILE else None
            if data is None:
                file = add_long(self._writer, f"{folder}/{stat[0]}", self._progress)
            else:
                file = self._writer.add(data)
                size += file.size
            self.weight += file.size + FILE_BYTES
            yield file
        self._progress(len(piece.stats), size)


def _read_share(read: list[tuple[Piece, list[Pending]]]) -> ReadShare:
    rows: list[MapEntry] = []
    pieces: list[ReadPiece] = []
    for piece, pending in read:
        files = [each.file() for each in pending]
        names = (f"{piece.target}{stat[0]}".encode() for stat in piece.stats)
        rows += map(to_entry, names, files)
        pieces.append(ReadPiece(piece.number, msgspec.Raw(_encoder.encode(files))))
    rows.sort()
    keys, hashes, sizes, places = (list(column) for column in zip(*rows, strict=True))
    return ReadShare(Columns(keys, sizes, hashes, places), pieces, sum(sizes))
