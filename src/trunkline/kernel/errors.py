"""One tree of errors, grouped by what the caller can do next.

Each class carries its gRPC status (by name, so that this module needs no gRPC), its HTTP status, its exit
code and a `code` that never changes its meaning. Messages are one line: the thing, the reason, the remedy.
Foreign exceptions are mapped to this tree at one border each (store, catalog, gRPC, command line).
"""

from __future__ import annotations

from typing import ClassVar


class TrunklineError(Exception):
    """Something that a user is told in one line. The base of every error that may reach one."""

    code: ClassVar[str] = "error"
    grpc_status: ClassVar[str] = "UNKNOWN"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """The one line."""
        return str(self)


# -- change the request ---------------------------------------------------------------------------------


class InvalidRequest(TrunklineError):
    """The request breaks a rule of its form: change it."""

    code = "invalid-request"
    grpc_status = "INVALID_ARGUMENT"
    http_status = 400
    exit_code = 2


class Refused(TrunklineError):
    """The request is well formed, but the rules of the system forbid it.

    The original answers these with the status UNKNOWN, and clients match the text.
    """

    code = "refused"
    http_status = 400


class FailedPrecondition(TrunklineError):
    """Something else must be done first; the message says what."""

    code = "failed-precondition"
    grpc_status = "FAILED_PRECONDITION"
    http_status = 400


class NotFound(TrunklineError):
    """No such thing."""

    code = "not-found"
    grpc_status = "NOT_FOUND"
    http_status = 404
    exit_code = 4


class AlreadyExists(TrunklineError):
    """A thing of that name is there already."""

    code = "already-exists"
    grpc_status = "ALREADY_EXISTS"
    http_status = 409
    exit_code = 5


class NotBuilt(TrunklineError):
    """Part of the public API that Trunkline does not offer (yet)."""

    code = "not-built"
    grpc_status = "UNIMPLEMENTED"
    http_status = 501
    exit_code = 6


class CycleDetected(TrunklineError):
    """Branches would depend on themselves. The original calls this INTERNAL."""

    code = "cycle"
    grpc_status = "INTERNAL"
    http_status = 400


class PermissionDenied(TrunklineError):
    """The caller may not do this."""

    code = "permission-denied"
    grpc_status = "PERMISSION_DENIED"
    http_status = 403


# -- try again ------------------------------------------------------------------------------------------


class Conflict(TrunklineError):
    """Somebody else changed the same thing at the same time; the call may be repeated."""

    code = "conflict"
    grpc_status = "ABORTED"
    http_status = 409
    exit_code = 7


class NotReady(TrunklineError):
    """The thing exists but is not finished; wait for it."""

    code = "not-ready"
    grpc_status = "UNAVAILABLE"
    http_status = 503
    exit_code = 7


class Busy(TrunklineError):
    """As many calls as can be are open; the call may be repeated when some have ended."""

    code = "busy"
    grpc_status = "RESOURCE_EXHAUSTED"
    http_status = 503
    exit_code = 7


class Unreachable(TrunklineError):
    """No server answers at the address."""

    code = "unreachable"
    grpc_status = "UNAVAILABLE"
    http_status = 503
    exit_code = 8


class Cancelled(TrunklineError):
    """The caller went away, or the server is shutting down."""

    code = "cancelled"
    grpc_status = "CANCELLED"
    http_status = 499
    exit_code = 9


# -- call the operator ----------------------------------------------------------------------------------


class StorageFull(TrunklineError):
    """No space left; reads go on, writes fail until there is room."""

    code = "storage-full"
    grpc_status = "RESOURCE_EXHAUSTED"
    http_status = 507
    exit_code = 10


class StorageFailed(TrunklineError):
    """The store or the catalog could not read or write, for a reason the message gives."""

    code = "storage-failed"
    grpc_status = "UNAVAILABLE"
    http_status = 503
    exit_code = 10


class StorageDenied(StorageFailed):
    """The store does not let us in, or is not there: credentials, rights, the bucket. Asking again does not help."""

    code = "storage-denied"
    grpc_status = "FAILED_PRECONDITION"


class Corrupt(TrunklineError):
    """Stored bytes are not what they were when they were written."""

    code = "corrupt"
    grpc_status = "DATA_LOSS"
    http_status = 500
    exit_code = 11


class ObjectMissing(Corrupt):
    """An object that something refers to is not in the store."""

    code = "object-missing"


class AlreadyRunning(TrunklineError):
    """One home, one pachd."""

    code = "already-running"
    grpc_status = "FAILED_PRECONDITION"
    http_status = 409
    exit_code = 12
