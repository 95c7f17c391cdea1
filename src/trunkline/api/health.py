"""`grpc.health.v1.Health`: what probes and load balancers ask.

Invariant: who watches is told of the end before the connection goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trunkline.api.dispatch import Call
from trunkline.catalog import Watch
from trunkline.kernel.errors import Cancelled, NotFound
from trunkline.wire.health_pb2 import HealthCheckRequest, HealthCheckResponse


class HealthService:
    """Every RPC of the protocol.

    Args:
        services: full names of what is served; the empty name is the server as a whole.
        watch: ends its waits when the server stops.
    """

    def __init__(self, services: Collection[str], watch: Watch) -> None:
        self._services, self._watch = frozenset({"", *services}), watch

    def Check(self, request: HealthCheckRequest, call: Call) -> HealthCheckResponse:
        """Whether a service takes calls.

        Raises:
            NotFound: there is no such service.
        """
        if request.service not in self._services:
            raise NotFound(f"unknown service {request.service}")
        return HealthCheckResponse(status=HealthCheckResponse.SERVING)

    def Watch(self, request: HealthCheckRequest, call: Call) -> Iterator[HealthCheckResponse]:
        """The same now and whenever it changes; it changes when the server stops."""
        known = request.service in self._services
        yield HealthCheckResponse(status=HealthCheckResponse.SERVING if known else HealthCheckResponse.SERVICE_UNKNOWN)
        try:
            self._watch.until(lambda: None, call.alive)
        except Cancelled:
            if known and call.alive():
                yield HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)
