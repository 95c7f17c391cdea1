"""Content from the server to the local disk: one file, or a tar stream into a directory.

Invariant: nothing is written outside the directory that was asked for, whatever the server sends; a file that was
there is replaced only when all of the new one has arrived.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from trunkline.kernel.errors import Corrupt, InvalidRequest, TrunklineError

COPY_BYTES = 1024 * 1024


class PieceReader(io.RawIOBase):
    """A stream of byte strings as a file to read; what is read once is gone."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, or fewer at the end."""
        parts: list[bytes] = []
        missing = size if size >= 0 else None
        while missing is None or missing > 0:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            taken = self._rest if missing is None else self._rest[:missing]
            parts.append(bytes(taken))
            self._rest = self._rest[len(taken) :]
            missing = None if missing is None else missing - len(taken)
        return b"".join(parts)


def write_file(output: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Writes the pieces to a file, under another name until all of it is there.

    A device or a pipe is written directly. Nothing is touched before the first piece has arrived.
    """
    incoming = iter(pieces)
    first: bytes | memoryview = next(incoming, b"")
    if output.exists() and not output.is_file():
        with output.open("wb") as handle:
            _copy(first, incoming, handle)
        return
    with replacing(output) as handle:
        _copy(first, incoming, handle)


def unpack(output: Path, pieces: Iterable[bytes], base: str) -> int:
    """Writes what a tar stream holds below a directory.

    Args:
        output: the directory; made if it is not there.
        pieces: the tar.
        base: directory in the repo that becomes `output`; it is taken off the front of every path.

    Returns:
        The number of files.

    Raises:
        InvalidRequest: a path that leaves the directory, or an entry that is not a file or a directory.
        Corrupt: the stream is not a tar, or ends too early.
    """
    count = 0
    try:
        with tarfile.open(fileobj=PieceReader(pieces), mode="r|", bufsize=COPY_BYTES) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # else it keeps every entry of the stream
                target = inside(output, member.name, base)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                _write_member(archive, member, target)
                count += 1
    except tarfile.TarError as error:
        raise Corrupt(f"what the server sent cannot be unpacked: {error}") from None
    return count


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise InvalidRequest(f"{member.name} is neither a file nor a directory: it is not unpacked")
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with content, replacing(target) as handle:
        while data := content.read(COPY_BYTES):
            handle.write(data)
            written += len(data)
        if written != member.size:
            raise Corrupt(f"{member.name} ended after {written} of {member.size} bytes")


def inside(output: Path, name: str, base: str) -> Path:
    """Where an entry goes.

    Raises:
        InvalidRequest: outside of `output`.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    above = [part for part in base.split("/") if part]
    if parts[: len(above)] == above:
        parts = parts[len(above) :]
    if ".." in parts or "\0" in name:
        raise InvalidRequest(f"{name} would be written outside of {output}: refused")
    return output.joinpath(*parts)


def _copy(first: bytes | memoryview, rest: Iterable[bytes | memoryview], handle: IO[bytes]) -> None:
    handle.write(first)
    for piece in rest:
        handle.write(piece)


@contextlib.contextmanager
def replacing(output: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `output` at the end; after an error nothing of it is left."""
    partial = output.with_name(f".pachctl-{os.getpid()}.part")
    try:
        with partial.open("xb") as handle:
            yield handle
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise TrunklineError(f"cannot write {output}: {error.strerror}") from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
