"""How a call reaches its handler: one border for errors, cancellation and what is not built.

A service is a plain object with a method per RPC that it offers, named as the RPC. Invariants: whatever a
handler raises reaches the caller as a status with one line; an RPC of the contract without a method says that
it is not built; nothing but this module knows gRPC's server interface.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from trunkline.api.accounting import REQUEST_KEY, accounted
from trunkline.kernel.errors import Cancelled, InvalidRequest, NotBuilt, TrunklineError
from trunkline.pfs.writers import calling

log = logging.getLogger("trunkline.api")

Handler = Callable[[Any, "Call"], Any]
Options = Callable[[str], Handler | None]


CALLER_KEY = "authn-token"
"""Metadata of a call: what shows who calls."""

ERROR_KEY = "trunkline-error"
"""Trailing metadata: the code of the error's class."""

TIMING_KEY = "server-timing"
"""Trailing metadata of a call that went well: how long its handler ran, in the form of the W3C header of that name,
`handler;dur=` and milliseconds."""

CANCEL_LAG = 0.01
"""Seconds by which a cancellation may be noticed later than the end of the stream that it caused. It was seen to be
0.2 ms at the most."""


NEAR_DEADLINE = 0.85
"""The part of a caller's time after which an answer that can be cut short is."""


class AuthNotActivated(NotBuilt):
    """What clients look for to learn that there is no login."""


class Call:
    """What a handler may know of the call besides its request."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context
        self._gone = threading.Event()
        self._ended: float | None = None
        self._began = time.perf_counter()
        self._time: float | None = context.time_remaining()
        if not context.add_callback(self._gone.set):
            self._gone.set()

    def alive(self) -> bool:
        """Whether the caller still waits for an answer."""
        return not self._gone.is_set() and bool(self._context.is_active())

    def deadline_is_near(self) -> bool:
        """Whether the caller has set a deadline, and most of the time up to it is used."""
        left = self._context.time_remaining()
        return left is not None and self._time is not None and left < (1 - NEAR_DEADLINE) * self._time

    def stream_ended(self) -> None:
        """Notes that the caller's stream came to its end: by its wish, or because it went away."""
        self._ended = time.monotonic()

    def wants_result(self) -> bool:
        """Whether the stream ended by the caller's wish. To be asked before its effects are made visible.

        gRPC shows a cancelled stream first as one that has ended, and a moment later as cancelled; so this waits
        out that moment.
        """
        if self._ended is not None:
            self._gone.wait(max(0.0, self._ended + CANCEL_LAG - time.monotonic()))
        return self.alive()

    def tell_time(self) -> None:
        """Lets the caller know how long the handler took."""
        spent = (time.perf_counter() - self._began) * 1000
        self._context.set_trailing_metadata(((TIMING_KEY, f"handler;dur={spent:.3f}"),))

    def metadata(self, key: str) -> str:
        """The value of a header, or an empty text."""
        for name, value in self._context.invocation_metadata() or ():
            if name == key:
                return str(value)
        return ""


def service(
    descriptor: ServiceDescriptor, implementation: object, threads: ThreadPoolExecutor | None = None
) -> grpc.GenericRpcHandler:
    """A gRPC service whose RPCs are the methods of an object.

    Args:
        threads: for the calls of this service only, so that those of others cannot keep it waiting.
    """
    methods = {
        method.name: _method_handler(method, getattr(implementation, method.name, None), threads)
        for method in descriptor.methods
    }
    return grpc.method_handlers_generic_handler(descriptor.full_name, methods)


def refusing(descriptor: ServiceDescriptor, error: TrunklineError, but: object = None) -> grpc.GenericRpcHandler:
    """A service that answers every RPC with an error, but for those that an object offers."""

    def refuse(request: Any, call: Call) -> Any:
        raise error

    methods = {method.name: _method_handler(method, getattr(but, method.name, refuse)) for method in descriptor.methods}
    return grpc.method_handlers_generic_handler(descriptor.full_name, methods)


def _method_handler(
    method: MethodDescriptor, handler: Handler | None, threads: ThreadPoolExecutor | None = None
) -> grpc.RpcMethodHandler:
    streams_in, streams_out = bool(method.client_streaming), bool(method.server_streaming)
    handler = handler or _not_built(method)
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[streams_in, streams_out]
    behaviour = _streamed(method, handler) if streams_out else _single(method, handler)
    if threads is not None:
        setattr(behaviour, "experimental_thread_pool", threads)  # noqa: B010 - where gRPC looks for it
    return make(
        behaviour,
        request_deserializer=_parser(method),
        response_serializer=_serializer(method),
    )


def _serializer(method: MethodDescriptor) -> Callable[[Any], bytes]:
    serialize: Callable[[Any], bytes] = GetMessageClass(method.output_type).SerializeToString

    def serialized(answer: Any) -> bytes:
        """Long streams are made of bytes in the first place."""
        return answer if type(answer) is bytes else serialize(answer)

    return serialized


def _not_built(method: MethodDescriptor) -> Handler:
    name = f"{method.containing_service.full_name}.{method.name}"

    def handler(request: Any, call: Call) -> Any:
        raise NotBuilt(f"{name} is not built yet: docs/compatibility.md lists what is")

    return handler


class _Unreadable:
    """What stands in the place of a request that is no message; so that it is refused as any bad request is."""

    def __init__(self, error: DecodeError) -> None:
        self.reason = " ".join(str(error).split()) or "it ends too early"


def _parser(method: MethodDescriptor) -> Callable[[bytes], Any]:
    parse = GetMessageClass(method.input_type).FromString

    def parsed(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError as error:
            return _Unreadable(error)

    return parsed


def _readable(method: MethodDescriptor, request: Any) -> Any:
    """The request, or the stream of them.

    Raises:
        InvalidRequest: it is no message of this call; in a stream, when its turn comes.
    """
    if method.client_streaming:
        return _each_readable(method, request)
    if isinstance(request, _Unreadable):
        raise InvalidRequest(f"the request of {method.full_name} cannot be read: {request.reason}")
    return request


def _each_readable(method: MethodDescriptor, requests: Iterator[Any]) -> Iterator[Any]:
    for request in requests:
        if isinstance(request, _Unreadable):
            raise InvalidRequest(f"a request of {method.full_name} cannot be read: {request.reason}")
        yield request


def _single(method: MethodDescriptor, handler: Handler) -> Callable[[Any, grpc.ServicerContext], Any]:
    def behaviour(request: Any, context: grpc.ServicerContext) -> Any:
        with accounted(method.full_name, context) as entry:
            try:
                call = Call(context)
                with calling(call.metadata(CALLER_KEY)):
                    answer = handler(_readable(method, request), call)
                call.tell_time()
                return answer
            except Exception as error:
                entry.failed(error)
                abort(context, method, error, entry.id)

    return behaviour


def _streamed(method: MethodDescriptor, handler: Handler) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
    def behaviour(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with accounted(method.full_name, context) as entry:
            try:
                call = Call(context)
                yield from handler(_readable(method, request), call)
                call.tell_time()
            except GeneratorExit:
                raise
            except Exception as error:
                entry.failed(error)
                abort(context, method, error, entry.id)

    return behaviour


LONGEST_DETAILS = 2000
"""Bytes of an error's text; more than about 8 KiB of headers would break the call itself, and there a byte that is no
plain character takes three."""


def shortened(text: str) -> str:
    """A text that fits into a status."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= LONGEST_DETAILS else encoded[: LONGEST_DETAILS - 3].decode(errors="ignore") + "…"


def abort(context: grpc.ServicerContext, method: MethodDescriptor, error: Exception, request: str) -> None:
    """Ends the call with the status and the line of an error; an unforeseen one is logged whole.

    Args:
        request: the id of the call, for who looks for it in the log.
    """
    if isinstance(error, (Cancelled, grpc.RpcError)) and not context.is_active():
        # Nobody hears it, and it is no event: reading on from the stream of a caller that is gone raises RpcError.
        context.abort(grpc.StatusCode.CANCELLED, "the caller went away")
    if isinstance(error, TrunklineError):
        # One status stands for several classes; our own command line tells them apart by this.
        context.set_trailing_metadata(((ERROR_KEY, error.code), (REQUEST_KEY, request)))
        status = getattr(grpc.StatusCode, error.grpc_status)
        context.abort(status, shortened(error.message))
    log.exception("unforeseen error", extra={"rpc": method.full_name})
    context.set_trailing_metadata(((REQUEST_KEY, request),))
    context.abort(
        grpc.StatusCode.INTERNAL,
        f"unforeseen error in {method.full_name} ({type(error).__name__}): see pachd's log, and please report it",
    )
