"""Something around every call: a write session, so that what a call relies on in the store stays until it is answered.

Invariant: it is entered before the handler and left after its last message, in the thread that runs the handler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import grpc

Around = Callable[[], AbstractContextManager[object]]

_POOL = "experimental_thread_pool"  # where gRPC looks for the threads of a handler


class AroundCalls(grpc.ServerInterceptor):  # type: ignore[misc]
    """Enters `around` for each call."""

    def __init__(self, around: Around) -> None:
        self._around = around

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """As `grpc.ServerInterceptor.intercept_service`."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        asked, answered = (
            "stream" if flag else "unary" for flag in (handler.request_streaming, handler.response_streaming)
        )
        kind = f"{asked}_{answered}"
        behaviour = getattr(handler, kind)
        wrapped = self._streamed(behaviour) if handler.response_streaming else self._single(behaviour)
        if hasattr(behaviour, _POOL):
            setattr(wrapped, _POOL, getattr(behaviour, _POOL))
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        return make(wrapped, handler.request_deserializer, handler.response_serializer)

    def _single(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with self._around():
                return behaviour(request, context)

        return call

    def _streamed(self, behaviour: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._around():
                yield from behaviour(request, context)

        return call
