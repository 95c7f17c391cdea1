"""The gRPC server: which services, on which address, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import nullcontext

import grpc

from trunkline.api.around import Around, AroundCalls
from trunkline.api.unknown import Unknown
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import FailedPrecondition
from trunkline.pachd.admission import Admission

LARGEST_MESSAGE = 20 * 1024 * 1024
"""Bytes, both ways; what clients of 2.11 count on."""

GRACE_SECONDS = 5.0
"""How long calls under way may go on at shutdown."""

KEEPALIVE_MS, KEEPALIVE_TIMEOUT_MS = 60_000, 20_000
"""After so long a silence of a connection pachd asks whether anybody is there, and waits so long for an answer. A
machine that lost its power says nothing, and its calls would hold their threads for ever."""


class Server:
    """A listening server.

    Args:
        around: entered around each call.
    """

    def __init__(
        self, settings: Settings, handlers: Sequence[grpc.GenericRpcHandler], around: Around = nullcontext
    ) -> None:
        self._settings = settings
        self._admission = Admission()
        self._server = grpc.server(
            self._admission.short,
            handlers=(*handlers, Unknown()),
            interceptors=(self._admission, AroundCalls(around)),
            maximum_concurrent_rpcs=None,
            options=[
                ("grpc.max_receive_message_length", LARGEST_MESSAGE),
                ("grpc.max_send_message_length", LARGEST_MESSAGE),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", KEEPALIVE_MS),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
                ("grpc.http2.max_pings_without_data", 0),
            ],
        )

    @property
    def calls(self) -> int:
        """Calls that are not over, but for those of services with threads of their own."""
        return sum(self._admission.calls.values())

    @property
    def crews(self) -> dict[str, int]:
        """The same, by the crew of threads that they have."""
        return self._admission.calls

    def start(self) -> str:
        """Binds and serves; returns the address as host:port.

        Raises:
            FailedPrecondition: the address cannot be had.
        """
        wanted = f"{self._settings.host}:{self._settings.port}"
        try:
            self._try_address()
            port = self._server.add_insecure_port(wanted)
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "another program has just taken it"
            raise FailedPrecondition(
                f"cannot listen on {wanted}: {reason}; set TRUNKLINE_PORT (0 for any free one) or TRUNKLINE_HOST"
            ) from None
        self._server.start()
        return f"{self._settings.host}:{port}"

    def _try_address(self) -> None:
        """Binds once by hand: gRPC would say why it cannot only in a log line of its own."""
        family, kind, protocol, _, address = socket.getaddrinfo(
            self._settings.host, self._settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)

    def stop(self) -> None:
        """Takes no more calls; those under way get a moment to end."""
        self._server.stop(GRACE_SECONDS).wait()
