"""Which threads a call gets, and when it gets none.

A call of gRPC holds a thread for as long as it lasts, and how long that is may be up to the caller: a stream that it
does not finish, an answer that it does not read, something that it waits for. So there are three crews: for calls that
a caller holds open, for answers in streams, and for the rest, which are short. Invariants: however many calls of one
crew do nothing, calls of the others are answered; a crew that is full refuses at once and does not let callers wait
without knowing; no connection has more than half of a crew. Services with threads of their own are left alone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

from trunkline.api.dispatch import ERROR_KEY
from trunkline.kernel import meters
from trunkline.kernel.errors import Busy

HELD, STREAMED, SHORT = 256, 192, 64
"""Calls at once of each crew. Threads are made as they are needed."""

WAITING = frozenset(
    {
        *("InspectCommit", "InspectCommitSet", "InspectJob", "InspectJobSet", "GetLogs", "Egress", "Watch"),
        *("RenderTemplate", "RunLoadTest", "RunLoadTestDefault"),
    }
)
"""Besides streams of requests and subscriptions: calls that may wait for as long as the caller does."""

READING = frozenset({"InspectFile", "GetFileSet"})
"""Besides streams of answers: calls that wait for a commit to be finished, as all reading of files does."""


class Crew(ThreadPoolExecutor):
    """Threads that know how many calls they have, those that wait for one of them included."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(most, thread_name_prefix=name)
        self.name, self.most = name, most
        self._lock = threading.Lock()
        self._calls = 0
        self._by_peer: Counter[str] = Counter()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in the base."""
        with self._lock:
            self._calls += 1
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    @property
    def calls(self) -> int:
        """Calls that are not over."""
        with self._lock:
            return self._calls

    @property
    def full(self) -> bool:
        """Whether another call would have to wait for a thread."""
        return self.calls >= self.most

    def join(self, peer: str) -> bool:
        """Counts a call for a connection; False if that has too many already."""
        with self._lock:
            if self._by_peer[peer] >= self.most // 2:
                return False
            self._by_peer[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Ends what `join` began."""
        with self._lock:
            self._by_peer[peer] -= 1
            if not self._by_peer[peer]:
                del self._by_peer[peer]

    def _done(self, future: Future[Any]) -> None:
        with self._lock:
            self._calls -= 1


class Admission(grpc.ServerInterceptor):  # type: ignore[misc]
    """Gives each call its crew, or refuses it."""

    def __init__(self) -> None:
        self.held, self.streamed, self.short = Crew("held", HELD), Crew("streamed", STREAMED), Crew("call", SHORT)
        self._known: dict[str, tuple[Crew, Any] | None] = {}

    @property
    def calls(self) -> dict[str, int]:
        """Calls that are not over, by the name of their crew."""
        return {crew.name: crew.calls for crew in (self.held, self.streamed, self.short)}

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """What serves a call. gRPC asks from one thread, and begins the call before it asks for the next."""
        name = handler_call_details.method
        if name not in self._known:
            handler = continuation(handler_call_details)
            if handler is None or handler.request_deserializer is None:
                return handler  # no such method; not remembered, since callers may think up any number of names
            self._known[name] = self._crewed(name, handler)
        known = self._known[name]
        if known is None:
            return continuation(handler_call_details)
        crew, handler = known
        return _refusal(crew) if crew.full and crew is not self.short else handler

    def _crewed(self, name: str, handler: Any) -> tuple[Crew, Any] | None:
        method = name.rpartition("/")[2]
        streams = (
            "stream" if handler.request_streaming else "unary",
            "stream" if handler.response_streaming else "unary",
        )
        arity = "_".join(streams)
        inner = getattr(handler, arity)
        if hasattr(inner, "experimental_thread_pool"):
            return None
        if handler.request_streaming or method in WAITING or method.startswith("Subscribe"):
            crew = self.held
        else:
            crew = self.streamed if handler.response_streaming or method in READING else self.short

        def behaviour(request: Any, context: grpc.ServicerContext) -> Any:
            peer = context.peer()
            if crew is not self.short:
                if not crew.join(peer):
                    REFUSED.add(1, crew.name)
                    _refuse(context, f"this connection has {crew.most // 2} calls open that last: end some")
                if not context.add_callback(lambda: crew.leave(peer)):
                    crew.leave(peer)
            return inner(request, context)

        setattr(behaviour, "experimental_thread_pool", crew)  # noqa: B010 - where gRPC looks for it
        return crew, handler._replace(**{arity: behaviour})


REFUSED = meters.counter("rpc_refused", "Calls that got no thread, by the crew of threads.", "crew")


def _refusal(crew: Crew) -> Any:
    """Says no without waiting for a request."""

    def behaviour(requests: Any, context: grpc.ServicerContext) -> Any:
        REFUSED.add(1, crew.name)
        _refuse(context, f"pachd has {crew.most} calls open that last: repeat the call when some have ended")

    return grpc.stream_unary_rpc_method_handler(behaviour)


def _refuse(context: grpc.ServicerContext, text: str) -> None:
    context.set_trailing_metadata(((ERROR_KEY, Busy.code),))
    context.abort(getattr(grpc.StatusCode, Busy.grpc_status), text)
