"""A connection to a pachd for programs: the public services, and the one of this package, with our own errors.

Invariant: a call that fails raises a `TrunklineError`, never a gRPC error; no call is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, Protocol

import grpc

from trunkline.client.address import parse
from trunkline.client.faults import from_rpc

LARGEST_MESSAGE = 20 * 1024 * 1024
"""Bytes, both ways; the limit of the API."""


class Calls(Protocol):
    """What the functions of this package need of a connection; `pachctl` has one of its own."""

    @property
    def pfs(self) -> Any:
        """`pfs_v2.API`: a method for each RPC, raising errors of our tree."""
        ...

    @property
    def content(self) -> Any:
        """`trunkline.v1.Content`, likewise."""
        ...


class Connection:
    """An open channel. A context manager."""

    def __init__(self, address: str, token: str = "", roots: bytes | None = None) -> None:
        found = parse(address)
        options: list[tuple[str, int]] = [
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ]
        if found.loopback:
            options.append(("grpc.enable_http_proxy", 0))
        self.address = str(found) if found.secure else found.target
        self._metadata = (("authn-token", token),) if token else None
        self._channel = (
            grpc.secure_channel(found.target, grpc.ssl_channel_credentials(roots), options)
            if found.secure
            else grpc.insecure_channel(found.target, options)
        )

    @cached_property
    def pfs(self) -> Any:
        """`pfs_v2.API`."""
        from trunkline.wire.pfs_pb2_grpc import APIStub

        return self._service(APIStub)

    @cached_property
    def content(self) -> Any:
        """`trunkline.v1.Content`."""
        from trunkline.wire.content_pb2_grpc import ContentStub

        return self._service(ContentStub)

    def close(self) -> None:
        """Ends the connection and whatever is under way on it."""
        self._channel.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _service(self, stub: Callable[[Any], Any]) -> Any:
        return _Service(stub(self._channel), self.address, self._metadata)


class _Service:
    """The methods of one service."""

    def __init__(self, stub: Any, address: str, metadata: Any) -> None:
        self._stub, self._address, self._metadata = stub, address, metadata

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)
        streams = isinstance(method, grpc.UnaryStreamMultiCallable)
        return partial(self._stream if streams else self._call, method)

    def _call(self, method: Any, request: Any) -> Any:
        call = method.future(request, metadata=self._metadata)
        try:
            return call.result()
        except grpc.RpcError as error:
            raise from_rpc(error, self._address, "start it, or correct the address") from None
        except BaseException:
            call.cancel()
            raise

    def _stream(self, method: Any, request: Any) -> Iterator[Any]:
        call = method(request, metadata=self._metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_rpc(error, self._address, "start it, or correct the address") from None
        finally:
            call.cancel()


def connect(address: str, *, token: str = "", roots: bytes | None = None) -> Connection:
    """A connection to the pachd at an address; whether one answers shows at the first call.

    Args:
        address: `host`, `host:port`, `grpc://…`, `grpcs://…` or `unix:///path`.
        token: sent with each call; empty for none.
        roots: PEM certificates that the server's must come from; None for the system's.

    Raises:
        InvalidRequest: an address that cannot be read.
    """
    return Connection(address, token, roots)
