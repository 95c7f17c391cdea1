"""What a put and its processes say to each other, over pipes.

A process of a walk is asked, and answers. One that reads is told shares, and says what became of them; between, it asks
which chunks are lacking. Each `Do` is followed by questions and news of the process, and at last by its `Ready`.
Invariant: a message is whole, or the pipe counts as closed.
"""

from __future__ import annotations

import struct
from typing import IO

import msgspec

from trunkline.client.shares import Piece, ReadShare

_LENGTH = struct.Struct("<I")


class Begin(msgspec.Struct, tag=True, array_like=True):
    """To the process, first.

    Attributes:
        folder: of the store.
        threads: that read small files where the disk is slow.
    """

    folder: bytes
    threads: int


class Do(msgspec.Struct, tag=True, array_like=True):
    """To the process: a share to be read; an empty one: the last, so that what was read is to be said."""

    share: list[Piece]


class Ready(msgspec.Struct, tag=True, array_like=True):
    """From the process: it waits for the next share."""


class Ask(msgspec.Struct, tag=True, array_like=True):
    """From the process: which of these are lacking? Answered by `Lacking`."""

    keys: list[str]


class Lacking(msgspec.Struct, tag=True, array_like=True):
    """To the process."""

    keys: list[str]


class Done(msgspec.Struct, tag=True, array_like=True):
    """From the process: so many more files and bytes."""

    files: int
    size: int


class Read(msgspec.Struct, tag=True, array_like=True):
    """From the process: shares that are durable."""

    shares: list[ReadShare]


class Look(msgspec.Struct, tag=True, array_like=True):
    """To a process of a walk: what do these folders hold? Answered by `Looked` or `Failed`."""

    folders: list[bytes]


class Looked(msgspec.Struct, tag=True, array_like=True):
    """From a process of a walk: for each folder, as `scanning.Seen` has it."""

    found: list[tuple[int, bytes, list[bytes]]]


class Failed(msgspec.Struct, tag=True, array_like=True):
    """From a process: it went wrong. From one that reads it is the last message.

    Attributes:
        code: of the class of the error, in `trunkline.kernel.errors`.
        message: for people.
    """

    code: str
    message: str


Message = Begin | Do | Ready | Ask | Lacking | Done | Read | Look | Looked | Failed

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


class Closed(Exception):
    """The other side is gone."""


def send(pipe: IO[bytes], message: Message) -> None:
    """Sends a message.

    Raises:
        Closed: nobody is there to read it.
    """
    body = _encoder.encode(message)
    try:
        pipe.write(_LENGTH.pack(len(body)))
        pipe.write(body)
        pipe.flush()
    except (OSError, ValueError):  # a pipe that this side has closed meanwhile
        raise Closed from None


def receive(pipe: IO[bytes]) -> Message:
    """The next message.

    Raises:
        Closed: there is none, or not a whole one.
    """
    try:
        head = pipe.read(_LENGTH.size)
        body = pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
        return _decoder.decode(body)
    except (OSError, ValueError, msgspec.DecodeError):
        raise Closed from None
