"""An HTTP proxy that stands before a real server and makes the network bad on request.

A rule is asked for each request and answers what shall go wrong with it, if anything. Standard library only.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = "500"
SLOW_DOWN = "503"
DENIED = "403"
CUT_BEFORE = "cut before"
"""The connection breaks before the request is carried out."""

CUT_AFTER = "cut after"
"""The request is carried out, and its answer is lost."""

SHORT = "short"
"""Half of the answer's body comes."""

SILENT = "silent"
"""The request is carried out; the answer does not come before the client gives up."""

PASSING = (ERROR, SLOW_DOWN, CUT_BEFORE, CUT_AFTER, SHORT, SILENT)
"""Faults that a client gets over by asking again."""

Rule = Callable[[str, str], str | None]

Rewrite = Callable[[str, str, dict[str, str]], tuple[str, str]]
"""Method, path and headers of a request, to method and path that the real server is asked with."""

_BODIES = {
    ERROR: (500, "InternalError"),
    SLOW_DOWN: (503, "SlowDown"),
    DENIED: (403, "AccessDenied"),
}


class FaultyProxy:
    """A proxy on a free port of the loopback.

    Args:
        address: host:port of the real server.
        rewrite: for a server that lacks a call; it may change the headers, too.

    Attributes:
        rule: asked with method and path (query included) of each request; may be set at any time.
        requests: how many came.
        headers: added to answers that lack them.
    """

    def __init__(self, address: str, rewrite: Rewrite = lambda method, path, headers: (method, path)) -> None:
        self.target = address
        self.rewrite = rewrite
        self.rule: Rule = lambda method, path: None
        self.requests = 0
        self.headers: dict[str, str] = {}
        self.over = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy", daemon=True).start()

    def stop(self) -> None:
        """Ends the proxy; silent answers come at once."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.owner.requests += 1
        fault = self.owner.rule(self.command, self.path)
        if fault == CUT_BEFORE:
            return self._cut()
        if fault in _BODIES:
            return self._refuse(fault)
        status, headers, answer = self._forward(body)
        if fault == CUT_AFTER:
            return self._cut()
        if fault == SILENT:
            self.owner.over.wait(SILENT_SECONDS)
            return self._cut()
        return self._answer(status, headers, answer, len(answer) // 2 if fault == SHORT else len(answer))

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 - the base class looks for these

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.owner.target, timeout=30)
        given = dict(self.headers.items())
        method, path = self.owner.rewrite(self.command, self.path, given)
        connection.request(method, path, body, given)
        with connection.getresponse() as response:
            data = response.read()
            headers = [each for each in response.getheaders() if each[0].lower() not in _HOP]
        connection.close()
        there = {name.lower() for name, _ in headers}
        headers += [each for each in self.owner.headers.items() if each[0].lower() not in there]
        return response.status, headers, data

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, upto: int) -> None:
        self.send_response(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body[:upto])
        if upto < len(body):
            self._cut()

    def _refuse(self, fault: str) -> None:
        status, code = _BODIES[fault]
        text = f"<Error><Code>{code}</Code><Message>as asked for</Message></Error>".encode()
        self._answer(status, [], b"" if self.command == "HEAD" else text, len(text))

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        # Closing with a lingering time of zero sends a reset instead of a proper end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self) -> None:
        """As the base class, but a connection that broke as asked for is no trouble."""
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        """As the base class, for connections that may be closed already."""
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


SILENT_SECONDS = 3.0
"""Longer than the timeout of clients under test."""

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


def once_each(fault: str) -> Rule:
    """A rule: each request has this fault the first time that it comes, and none when it is repeated."""
    seen: set[tuple[str, str]] = set()
    lock = threading.Lock()

    def rule(method: str, path: str) -> str | None:
        with lock:
            first = (method, path) not in seen
            seen.add((method, path))
        return fault if first else None

    return rule


def always(fault: str, concerned: Callable[[str, str], bool] = lambda method, path: True) -> Rule:
    """A rule: all requests that are concerned have this fault."""

    def rule(method: str, path: str) -> str | None:
        return fault if concerned(method, path) else None

    return rule
