"""gRPC errors become errors of our own tree; here and nowhere else on the client side.

The server's text is kept, its first line only. The status gives the class; where one status stands for several
classes, the server's trailing metadata `trunkline-error` (the class's `code`) decides, then the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc

from trunkline.kernel import errors

CODE_KEY = "trunkline-error"
"""Trailing metadata in which a Trunkline server names the class of an error."""

_BY_STATUS: dict[str, type[errors.TrunklineError]] = {
    "UNKNOWN": errors.Refused,
    "INVALID_ARGUMENT": errors.InvalidRequest,
    "OUT_OF_RANGE": errors.InvalidRequest,
    "FAILED_PRECONDITION": errors.FailedPrecondition,
    "NOT_FOUND": errors.NotFound,
    "ALREADY_EXISTS": errors.AlreadyExists,
    "UNIMPLEMENTED": errors.NotBuilt,
    "INTERNAL": errors.TrunklineError,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "UNAUTHENTICATED": errors.PermissionDenied,
    "ABORTED": errors.Conflict,
    "UNAVAILABLE": errors.Unreachable,
    "DEADLINE_EXCEEDED": errors.NotReady,
    "CANCELLED": errors.Cancelled,
    "RESOURCE_EXHAUSTED": errors.StorageFull,
    "DATA_LOSS": errors.Corrupt,
}

_CONNECTION_WORDS = (
    "failed to connect",
    "connection refused",
    "connection reset",
    "socket closed",
    "dns resolution failed",
    "name resolution",
    "endpoint closing",
    "goaway",
    "broken pipe",
    "handshake",
    "ssl",
    "no such file or directory",
    "timed out",
    "recvmsg",
)
"""What gRPC itself says when nobody answers, in lower case."""


def from_rpc(error: grpc.RpcError, address: str, remedy: str) -> errors.TrunklineError:
    """The error to tell, for what a call raised.

    Args:
        error: as gRPC raised it.
        address: of the server, for the message when nobody answers.
        remedy: what to do when nobody answers.
    """
    status, text = _status_of(error)
    family = _named_class(error) or _BY_STATUS.get(status, errors.TrunklineError)
    if status == "UNAVAILABLE" and family is errors.Unreachable:
        if "not finished" not in text and _is_connection_trouble(text):
            return errors.Unreachable(f"no pachd answers at {address}: {remedy}")
        return errors.NotReady(text)
    if status == "RESOURCE_EXHAUSTED" and "larger than max" in text:
        return errors.InvalidRequest(text)
    return family(text)


def _status_of(error: grpc.RpcError) -> tuple[str, str]:
    """The status's name, and the first line of the server's text."""
    code = error.code() if isinstance(error, grpc.Call) else None
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    first = next((line.strip() for line in (details or "").splitlines() if line.strip()), "")
    name = str(code.name) if code is not None else "UNKNOWN"
    return name, first or f"the server answered {name} without a reason"


def _named_class(error: grpc.RpcError) -> type[errors.TrunklineError] | None:
    metadata: Iterable[Any] = (error.trailing_metadata() or ()) if isinstance(error, grpc.Call) else ()
    named = next((value for key, value in metadata if key == CODE_KEY), None)
    return None if named is None else _families().get(named)


def by_code(code: str) -> type[errors.TrunklineError]:
    """The class of errors that has a code; the root of all where there is none."""
    return _families().get(code, errors.TrunklineError)


def _families() -> dict[str, type[errors.TrunklineError]]:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    return {family.code: family for family in classes if issubclass(family, errors.TrunklineError)}


def _is_connection_trouble(text: str) -> bool:
    lowered = text.lower()
    return any(words in lowered for words in _CONNECTION_WORDS)
