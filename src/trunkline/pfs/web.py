"""Content behind web addresses, fetched on behalf of somebody who may not be allowed to reach what pachd reaches.

Whoever can put files can name addresses, and pachd asks for them from where it stands. So addresses of the link
(169.254.0.0/16, fe80::/10, where clouds hand out credentials) are never asked, and the machine's own ones only if
pachd itself can be called from this machine alone. Invariants: what counts is the address that the connection really
has, after names, redirects and all; a response that is no success becomes an error before a byte of it is used.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from trunkline.kernel.errors import Refused

TIMEOUT = 60.0
"""Seconds that a server may stay silent."""

_PIECE = 1024 * 1024
_METADATA = ipaddress.ip_address("fd00:ec2::254")


def fetch(url: str, own_machine: bool) -> Iterator[bytes]:
    """The body behind an http or https address, in pieces.

    Args:
        own_machine: whether servers on pachd's own machine may be asked.

    Raises:
        Refused: the server did not deliver, or may not be asked.
    """
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "trunkline"})  # noqa: S310 - the caller checks
        with _opener(own_machine).open(request, timeout=TIMEOUT) as response:
            while piece := response.read(_PIECE):
                yield piece
            if response.length:
                raise Refused(f'error retrieving content from "{url}": it ended {response.length} bytes early')
    except urllib.error.HTTPError as error:
        raise Refused(f'error retrieving content from "{url}": {error.code} {error.reason}') from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Refused(f'error retrieving content from "{url}": {reason}') from None


def forbidden(address: str, own_machine: bool) -> str:
    """Why pachd does not ask at an address, in words; empty if it does."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip == _METADATA:
        return f"{ip} is an address of the link, where no content is"
    if (ip.is_loopback or ip.is_unspecified) and not own_machine:
        return f"{ip} is pachd's own machine, and this pachd serves others"
    return ""


class _Checked(http.client.HTTPConnection):
    """A connection that looks at whom it reached before it says anything."""

    own_machine = False

    def connect(self) -> None:
        super().connect()
        problem = forbidden(self.sock.getpeername()[0], self.own_machine)
        if problem:
            self.close()
            raise http.client.HTTPException(problem)


class _CheckedTls(http.client.HTTPSConnection, _Checked):
    """The same over TLS: the handshake comes before the look, the request after it."""


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    def __init__(self, own_machine: bool) -> None:
        urllib.request.HTTPSHandler.__init__(self)
        self._own_machine = own_machine

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connections(_Checked, req), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connections(_CheckedTls, req), req, context=ssl.create_default_context())

    def _connections(self, kind: type[_Checked], req: urllib.request.Request) -> Any:
        # Through a proxy that the operator set, the proxy is whom we reach, and it decides what it fetches.
        proxied = req.host != urllib.parse.urlsplit(req.full_url).netloc
        return type(kind.__name__, (kind,), {"own_machine": self._own_machine or proxied})


def _opener(own_machine: bool) -> urllib.request.OpenerDirector:
    """Only what is needed: no ftp, no files, no data addresses, also not by a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(own_machine),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
