"""What the commands of secrets do, whichever way they are spelled."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import NotFound
from trunkline.pachctl.connect import Server
from trunkline.pachctl.fetch import fetch
from trunkline.pachctl.sources import STDIN, is_url
from trunkline.wire import pps_pb2 as pps

HEADER = ("NAME", "TYPE", "CREATED")


def create(server: Server, manifest: bytes) -> None:
    """Makes a secret of a manifest."""
    server.pps.CreateSecret(pps.CreateSecretRequest(file=manifest))


def delete(server: Server, name: str) -> None:
    """Deletes a secret.

    Raises:
        NotFound: there is none.
    """
    server.pps.DeleteSecret(pps.DeleteSecretRequest(secret=pps.Secret(name=name)))


def inspect(server: Server, name: str) -> pps.SecretInfo:
    """One secret, without its values.

    Raises:
        NotFound: there is none.
    """
    found: pps.SecretInfo = server.pps.InspectSecret(pps.InspectSecretRequest(secret=pps.Secret(name=name)))
    return found


def select(server: Server) -> Iterable[pps.SecretInfo]:
    """All secrets, without their values."""
    found: Iterable[pps.SecretInfo] = server.pps.ListSecret(Empty()).secret_info
    return found


def read(origin: str) -> bytes:
    """A manifest in a file, at a URL, or from standard input.

    Raises:
        NotFound: no such file.
    """
    if origin == STDIN:
        return sys.stdin.buffer.read()
    if is_url(origin):
        return fetch(origin)
    try:
        return Path(origin).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"{origin} doesn't exist") from None
    except OSError as error:
        raise NotFound(f"{origin} cannot be read: {error.strerror}") from None
