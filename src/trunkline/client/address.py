"""Addresses of servers, as people write them: `host`, `host:port`, `grpc://…`, `grpcs://…`, `unix:///path`.

Invariant: an `Address` always has a scheme of `grpc`, `grpcs` or `unix`, and unless it is a socket, a port.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from trunkline.kernel.errors import InvalidRequest

DEFAULT_PORT = 30650
_SCHEMES = {"grpc": "grpc", "grpcs": "grpcs", "http": "grpc", "https": "grpcs"}


class Address(NamedTuple):
    """Where a server listens.

    Attributes:
        scheme: `grpc` (plain), `grpcs` (TLS) or `unix`.
        host, port: empty and 0 for a socket.
        path: of the socket; empty otherwise.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme == "grpcs"

    @property
    def target(self) -> str:
        """What gRPC connects to."""
        if self.scheme == "unix":
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether it is this machine, by name."""
        return self.scheme == "unix" or self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        """The qualified form."""
        return f"unix://{self.path}" if self.scheme == "unix" else f"{self.scheme}://{self.target}"


def parse(text: str) -> Address:
    """Reads an address; without a scheme it is `grpc`, without a port it is 30650.

    Raises:
        InvalidRequest: an unknown scheme, a bad port, or parts that an address has no use for.
    """
    if "://" not in text:
        text = f"grpc://{text}"
    scheme = text.split("://", 1)[0].lower()
    if scheme == "unix":
        return _socket(text)
    if scheme not in _SCHEMES:
        raise InvalidRequest(f"unrecognized scheme in pachd address: {scheme}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(f'could not parse pachd address "{text}": {error}') from None
    _refuse_extras(parts)
    if not parts.hostname:
        raise InvalidRequest(f'could not parse pachd address "{text}": no host')
    return Address(_SCHEMES[scheme], parts.hostname, DEFAULT_PORT if port is None else port)


def _socket(text: str) -> Address:
    path = text.split("://", 1)[1]
    if not path.startswith("/"):
        raise InvalidRequest(f'could not parse pachd address "{text}": give an absolute path, unix:///path')
    return Address("unix", "", 0, path)


def _refuse_extras(parts: SplitResult) -> None:
    extras = (
        (parts.username is not None or parts.password is not None, "login credentials"),
        (bool(parts.query), "a query string"),
        (bool(parts.fragment), "a fragment"),
        (parts.path not in ("", "/"), "a path"),
    )
    for present, what in extras:
        if present:
            raise InvalidRequest(f"pachd address should not include {what}")
