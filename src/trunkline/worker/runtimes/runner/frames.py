"""Frames: how the worker and its runner talk over a Unix socket pair.

A frame is a list of byte strings; a list inside a list is packed into one of them. Open files travel beside
the frame. Invariant: what one side packs, the other side unpacks, or the connection is broken off. Nothing
but the standard library, because the runner uses it.
"""

from __future__ import annotations

import _socket
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HEADER = struct.Struct("!QI")
_LENGTH = struct.Struct("!I")
_MOST_FILES = 8
_LARGEST = 256 << 20


class Broken(Exception):
    """The other side is gone, or what it sent is not a frame."""


def pack(fields: Iterable[bytes]) -> bytes:
    """Joins byte strings so that `unpack` can part them again."""
    parts: list[bytes] = []
    for field in fields:
        parts.append(_LENGTH.pack(len(field)))
        parts.append(field)
    return b"".join(parts)


def unpack(data: bytes) -> list[bytes]:
    """The byte strings that `pack` joined.

    Raises:
        Broken: they were not made by `pack`.
    """
    fields = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise Broken("a frame ends within a length")
        (length,) = _LENGTH.unpack_from(data, at)
        at += 4
        if at + length > len(data):
            raise Broken("a frame ends within a field")
        fields.append(data[at : at + length])
        at += length
    return fields


def send(connection: _socket.socket, fields: Sequence[bytes], files: Sequence[int] = ()) -> None:
    """Sends a frame, with copies of open file descriptors.

    Raises:
        Broken: the other side is gone.
    """
    body = pack(fields)
    data = _HEADER.pack(len(body), len(files)) + body
    beside = []
    if files:
        beside = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(files)}i", *files))]
    try:
        sent = connection.sendmsg([data], beside, _socket.MSG_NOSIGNAL)
        if sent < len(data):
            connection.sendall(data[sent:], _socket.MSG_NOSIGNAL)
    except OSError as error:
        raise Broken(f"cannot send a frame: {error.strerror}") from None


def receive(connection: _socket.socket) -> tuple[list[bytes], list[int]]:
    """Waits for a frame; the caller closes the descriptors that came with it.

    Raises:
        Broken: the other side is gone.
    """
    try:
        head, beside, _, _ = connection.recvmsg(
            _HEADER.size, _socket.CMSG_SPACE(_MOST_FILES * 4), _socket.MSG_CMSG_CLOEXEC
        )
        files = _descriptors(beside)
        try:
            if not head:
                raise Broken("the other side is gone")
            if len(head) < _HEADER.size:
                head += _exactly(connection, _HEADER.size - len(head))
            length, count = _HEADER.unpack(head)
            if length > _LARGEST or count != len(files):
                raise Broken("not a frame")
            return unpack(_exactly(connection, length)), files
        except BaseException:
            for each in files:
                os.close(each)
            raise
    except OSError as error:
        raise Broken(f"cannot receive a frame: {error.strerror}") from None


def _descriptors(beside: list[tuple[int, int, bytes]]) -> list[int]:
    files: list[int] = []
    for level, kind, data in beside:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            files.extend(struct.unpack(f"{len(data) // 4}i", data[: len(data) // 4 * 4]))
    return files


def _exactly(connection: _socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = connection.recv(min(length, 1 << 20))
        if not part:
            raise Broken("the other side is gone in the middle of a frame")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
