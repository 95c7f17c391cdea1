"""What is noted of each call: an id for the log, how it ended, and how long it took.

The id is the caller's (`x-request-id`) or a new one; every line that is logged while the call is handled, in its
thread, carries it, and an error tells it in its trailing metadata. Invariant: no value of a request is logged here.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from trunkline.kernel import meters
from trunkline.kernel.errors import Corrupt, StorageFailed, StorageFull, TrunklineError
from trunkline.kernel.ids import new_id
from trunkline.kernel.log import REQUEST

log = logging.getLogger("trunkline.api")

REQUEST_KEY = "x-request-id"

CALLS = meters.counter("rpc_calls", "Calls that ended, by RPC and status.", "rpc", "status")
SECONDS = meters.histogram("rpc_seconds", "From a call's first to its last message, by RPC.", "rpc")

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_OURS = (StorageFailed, StorageFull, Corrupt)
"""Errors that somebody has to see to, whoever called."""


class Entry:
    """One call.

    Attributes:
        id: of the request.
        status: how it ended, as gRPC calls it.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self.status = "OK"

    def failed(self, error: Exception) -> None:
        """Notes what the handler raised."""
        if isinstance(error, grpc.RpcError):
            self.status = "CANCELLED"  # from the stream of a caller that is gone
        else:
            self.status = error.grpc_status if isinstance(error, TrunklineError) else "INTERNAL"
        if isinstance(error, _OURS):
            log.warning("a call failed", extra={"error": str(error), "status": self.status})


@contextmanager
def accounted(rpc: str, context: grpc.ServicerContext) -> Iterator[Entry]:
    """Around the handling of a call, in the thread that handles it."""
    entry = Entry(_id_of(context))
    REQUEST.set(entry.id)
    began = time.perf_counter()
    try:
        yield entry
    except GeneratorExit:
        entry.status = "CANCELLED"
        raise
    finally:
        spent = time.perf_counter() - began
        CALLS.add(1, rpc, entry.status)
        SECONDS.observe(spent, rpc)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("call", extra={"rpc": rpc, "status": entry.status, "ms": round(spent * 1000, 3)})
        REQUEST.set("")


def _id_of(context: grpc.ServicerContext) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == REQUEST_KEY and isinstance(value, str) and _ID.fullmatch(value):
            return value
    return new_id()
