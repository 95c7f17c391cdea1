"""Content cut for messages of a stream: neither too large for a client nor too small to be worth sending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LARGEST = 2 * 1024 * 1024
"""Bytes of content in one message of a stream; below the 4 MiB that gRPC clients take if nobody tells them."""

_WORTH_SENDING = 256 * 1024
"""Bytes; smaller pieces wait for more, since a message costs more than a copy."""


def pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a good size, none of them empty."""
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) > LARGEST:
            yield bytes(held[:LARGEST])
            del held[:LARGEST]
        if len(held) >= _WORTH_SENDING:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
