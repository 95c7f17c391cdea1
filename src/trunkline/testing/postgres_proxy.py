"""Between a client and a PostgreSQL server: looks at each message that the client sends, and lets connections break.

A rule decides for each message; so a test can lose the connection before the server has a COMMIT, or after it has done
it and before the answer comes, which are the two cases that a client cannot tell apart.
"""

from __future__ import annotations

import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path


class Fate(Enum):
    """What becomes of a message."""

    PASS = "pass"  # noqa: S105
    """It goes to the server."""

    CUT = "cut"
    """The connection breaks before the server has it."""

    SWALLOW = "swallow"
    """The server does what it says; the connection breaks before the client has the answer."""

    CUT_BEHIND = "cut behind"
    """It goes to the server, and the connection breaks at once, whatever the server makes of it."""


Rule = Callable[[bytes], Fate]
"""Asked for each message of a client after the first one of a connection; gets its type and content."""

_PIECE = 1 << 16


def commits(fate: Fate, times: int = 1) -> Rule:
    """A rule for the next so many COMMITs; everything else passes."""
    left = [times]

    def rule(message: bytes) -> Fate:
        if b"COMMIT" not in message or not left[0]:
            return Fate.PASS
        left[0] -= 1
        return fate

    return rule


class Proxy:
    """Listens on a socket of its own, or on a free port of the loopback; there, clients must not ask for TLS.

    Attributes:
        rule: decides what becomes of messages; may be replaced at any time.
        port: on the loopback; 0 for a socket.
    """

    def __init__(self, server: Path, rule: Rule = lambda message: Fate.PASS, *, loopback: bool = False) -> None:
        self._server, self.rule, self.port = server, rule, 0
        self._folder = Path(tempfile.mkdtemp(prefix="tl-px-", dir=server.parent.parent))
        if loopback:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port = int(self._listener.getsockname()[1])
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._folder / server.name))
        self._listener.listen(64)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def dsn(self, dsn: str) -> str:
        """The address of a database of the server, through here."""
        return dsn.replace(str(self._server.parent), str(self._folder))

    def break_all(self) -> None:
        """Breaks every connection."""
        for one in list(self._open):
            _close(one)

    def close(self) -> None:
        """Ends it."""
        _close(self._listener)
        self.break_all()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._server))
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            muted = threading.Event()
            answered = threading.Event()
            for target in (
                lambda a=client, b=server, m=muted, d=answered: self._forward(a, b, m, d),
                lambda a=client, b=server, m=muted, d=answered: self._back(a, b, m, d),
            ):
                threading.Thread(target=target, daemon=True).start()

    def _forward(
        self, client: socket.socket, server: socket.socket, muted: threading.Event, answered: threading.Event
    ) -> None:
        """Client to server, message by message."""
        try:
            length = _exactly(client, 4)
            server.sendall(length + _exactly(client, struct.unpack("!I", length)[0] - 4))
            while True:
                head = _exactly(client, 5)
                message = head[:1] + _exactly(client, struct.unpack("!I", head[1:])[0] - 4)
                fate = self.rule(message)
                if fate is Fate.CUT:
                    return
                if fate is Fate.SWALLOW:
                    muted.set()
                server.sendall(head + message[1:])
                if fate is Fate.SWALLOW:
                    answered.wait(30)
                if fate in (Fate.SWALLOW, Fate.CUT_BEHIND):
                    return
        except OSError:
            return
        finally:
            self._end(client, server)

    def _back(
        self, client: socket.socket, server: socket.socket, muted: threading.Event, answered: threading.Event
    ) -> None:
        """Server to client, as it comes."""
        try:
            while piece := server.recv(_PIECE):
                if muted.is_set():
                    answered.set()
                else:
                    client.sendall(piece)
        except OSError:
            return
        finally:
            answered.set()
            self._end(client, server)

    def _end(self, *both: socket.socket) -> None:
        for one in both:
            self._open.discard(one)
            _close(one)


def _exactly(source: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = source.recv(size - len(got))
        if not piece:
            raise OSError("the connection ended")
        got += piece
    return bytes(got)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
