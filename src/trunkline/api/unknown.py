"""What calls to services and methods that nobody offers are told.

Invariant: asked last, so that it never hides what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool

NOT_BUILT = {
    "debug_v2.Debug": "look at pachd's log and at its metrics",
    "logs.API": "pps_v2.API/GetLogs has the logs of jobs",
    "pjs.API": "no release that clients speak to offers it",
    "proxy.API": "it is for the inner parts of the original",
}
"""Services of release 2.11 that are not built, each with what to do instead."""


class Unknown(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers whatever nobody else does."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """A handler that ends the call, of whichever kind it is, before it reads anything."""
        text = explain(details.method)

        def refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
            return iter(())

        return grpc.stream_stream_rpc_method_handler(refuse)


def explain(path: str) -> str:
    """The line for a call of `/SERVICE/METHOD`."""
    service, _, method = path.lstrip("/").rpartition("/")
    if service in NOT_BUILT:
        return f"{service}.{method} is not built: {NOT_BUILT[service]} (docs/compatibility.md lists what is built)"
    try:
        descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        return f"unknown service {service}"
    return f"unknown method {method} for service {service}"
