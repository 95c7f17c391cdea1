"""The tree of errors: each class says what to do next, in a status, an HTTP status and an exit code."""

from __future__ import annotations

import grpc
import pytest

from trunkline.kernel import errors
from trunkline.kernel.errors import TrunklineError


def every(base: type[TrunklineError] = TrunklineError) -> list[type[TrunklineError]]:
    found = [base]
    for one in base.__subclasses__():
        if one.__module__ == errors.__name__:
            found += every(one)
    return found


FROZEN = {
    "already-exists": ("ALREADY_EXISTS", 409, 5),
    "already-running": ("FAILED_PRECONDITION", 409, 12),
    "busy": ("RESOURCE_EXHAUSTED", 503, 7),
    "cancelled": ("CANCELLED", 499, 9),
    "conflict": ("ABORTED", 409, 7),
    "corrupt": ("DATA_LOSS", 500, 11),
    "cycle": ("INTERNAL", 400, 1),
    "error": ("UNKNOWN", 500, 1),
    "failed-precondition": ("FAILED_PRECONDITION", 400, 1),
    "invalid-request": ("INVALID_ARGUMENT", 400, 2),
    "not-built": ("UNIMPLEMENTED", 501, 6),
    "not-found": ("NOT_FOUND", 404, 4),
    "not-ready": ("UNAVAILABLE", 503, 7),
    "object-missing": ("DATA_LOSS", 500, 11),
    "permission-denied": ("PERMISSION_DENIED", 403, 1),
    "refused": ("UNKNOWN", 400, 1),
    "storage-failed": ("UNAVAILABLE", 503, 10),
    "storage-full": ("RESOURCE_EXHAUSTED", 507, 10),
    "unreachable": ("UNAVAILABLE", 503, 8),
}
"""What clients and scripts rely on: lines may be added, never changed."""


def test_codes_never_change_their_meaning() -> None:
    found = {one.code: (one.grpc_status, one.http_status, one.exit_code) for one in every()}
    assert {code: found.get(code) for code in FROZEN} == FROZEN


def test_each_class_has_a_code_of_its_own() -> None:
    codes = [one.code for one in every()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", every())
def test_statuses_exist(kind: type[TrunklineError]) -> None:
    assert hasattr(grpc.StatusCode, kind.grpc_status)
    assert 400 <= kind.http_status < 600
    assert 1 <= kind.exit_code < 126
    assert kind("one line").message == "one line"
