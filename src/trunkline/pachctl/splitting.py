"""`put-file --split`: a file becomes a directory of numbered pieces, each with some of its records.

Invariant: no more than one piece of a file is in memory; the pieces in their order are the records in theirs.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trunkline.kernel.errors import InvalidRequest, NotBuilt, NotFound
from trunkline.pachctl.connect import Server
from trunkline.pachctl.sources import STDIN, Source, expanded
from trunkline.wire import pfs_pb2 as pfs

_READ = 1 << 20
_LARGEST_RECORD = 1 << 28


class Split(NamedTuple):
    """How to split.

    Attributes:
        kind: `json` or `line`.
        records: in a piece; 0 for no limit.
        size: bytes after which a piece ends; 0 for no limit. With no limit at all each record is a piece.
    """

    kind: str
    records: int = 0
    size: int = 0

    def check(self) -> None:
        """Refuses what is not known."""
        if self.kind not in ("json", "line"):
            raise InvalidRequest(f"unrecognized delimiter '{self.kind}'; only accepts 'json' or 'line'")
        if self.records < 0 or self.size < 0:
            raise InvalidRequest("--target-file-datums and --target-file-bytes must be zero or positive")


def folders(
    server: Server, commit: pfs.Commit, sources: Iterable[Source], split: Split, place: Path, *, overwrite: bool
) -> Iterator[Source]:
    """Each source as a folder of its pieces.

    Args:
        server: asked which pieces are there, so that new ones come after them.
        commit: where they go.
        sources: files; folders are those below them.
        split: how.
        place: where pieces are kept until they are sent.
        overwrite: whether what was there is gone, so that numbers begin at 0.

    Raises:
        InvalidRequest: a source that cannot be read, or is not what `split` says.
        NotBuilt: a URL, which the server reads.
    """
    for number, source in enumerate(expanded(sources)):
        if source.is_url:
            raise NotBuilt(f"{source.origin}: the server reads URLs, and does not split them; download it first")
        folder = place / str(number)
        folder.mkdir()
        first = 0 if overwrite else _next(server, commit, source.target)
        for index, piece in enumerate(_pieces_of(source, split), start=first):
            (folder / f"{index:016x}").write_bytes(piece)
        yield Source(str(folder), source.target, True)


def pieces(records: Iterable[bytes], split: Split) -> Iterator[bytes]:
    """The records, as many to a piece as there should be."""
    most = split.records or (0 if split.size else 1)
    held: list[bytes] = []
    size = 0
    for record in records:
        held.append(record)
        size += len(record)
        if (most and len(held) >= most) or (split.size and size >= split.size):
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def values(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The JSON values of a stream, as they were written, each with a newline.

    Raises:
        InvalidRequest: something else is in it.
    """
    decoder, characters = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")()
    text, place, ended = "", 0, False
    while True:
        place = _skip_space(text, place)
        try:
            _, end = decoder.raw_decode(text, place)
            whole = ended or end < len(text)  # a number at the end may go on
        except ValueError as error:
            whole = False
            if ended and place < len(text):
                raise InvalidRequest(f"{name} is not JSON: {error}") from None
        if whole:
            yield f"{text[place:end]}\n".encode()
            place = end
            continue
        if ended:
            return
        text, place = text[place:], 0
        if len(text) > _LARGEST_RECORD:
            raise InvalidRequest(f"{name} has a JSON value of more than {_LARGEST_RECORD} characters, or is not JSON")
        part = stream.read(max(_READ, len(text)))
        ended = not part
        text += _decoded(characters, part, name)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _decoded(characters: codecs.IncrementalDecoder, part: bytes, name: str) -> str:
    try:
        return characters.decode(part, final=not part)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is not JSON: it is not UTF-8: {error.reason}") from None


def _pieces_of(source: Source, split: Split) -> Iterator[bytes]:
    if source.origin == STDIN:
        yield from pieces(_records(sys.stdin.buffer, "standard input", split), split)
        return
    try:
        with Path(source.origin).open("rb") as stream:
            yield from pieces(_records(stream, source.origin, split), split)
    except OSError as error:
        raise InvalidRequest(f"{source.origin} cannot be read: {error.strerror}") from None


def _records(stream: BinaryIO, name: str, split: Split) -> Iterator[bytes]:
    return values(stream, name) if split.kind == "json" else iter(stream)


def _next(server: Server, commit: pfs.Commit, path: str) -> int:
    """The number after that of the last piece that is there."""
    request = pfs.ListFileRequest(file=pfs.File(commit=commit, path=path), number=1, reverse=True)
    try:
        last = next(iter(server.pfs.ListFile(request)), None)
    except NotFound:
        return 0
    name = last.file.path.rpartition("/")[2] if last is not None else ""
    try:
        return int(name, 16) + 1
    except ValueError:
        return 0
