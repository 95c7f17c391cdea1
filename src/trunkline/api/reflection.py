"""gRPC reflection: what the server offers, for clients that have no `.proto` files.

The package of gRPC's own answers in the older version of the protocol, v1alpha; v1 says the same in messages of other
names, which are the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from grpc_reflection.v1alpha.reflection import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest as AlphaRequest

from trunkline.api.dispatch import Call
from trunkline.wire import reflection_pb2 as wire


class AlphaReflectionService:
    """`grpc.reflection.v1alpha.ServerReflection`.

    Args:
        services: full names of what is offered.
    """

    def __init__(self, services: Collection[str]) -> None:
        self._answers = ReflectionServicer(services)

    def ServerReflectionInfo(self, requests: Iterator[Any], call: Call | None) -> Iterator[Any]:
        """An answer for each question."""
        yield from self._answers.ServerReflectionInfo(requests, None)


class ReflectionService:
    """`grpc.reflection.v1.ServerReflection`."""

    def __init__(self, services: Collection[str]) -> None:
        self._older = AlphaReflectionService(services)

    def ServerReflectionInfo(
        self, requests: Iterator[wire.ServerReflectionRequest], call: Call
    ) -> Iterator[wire.ServerReflectionResponse]:
        """An answer for each question."""
        older = (AlphaRequest.FromString(one.SerializeToString()) for one in requests)
        for answer in self._older.ServerReflectionInfo(older, call):
            yield wire.ServerReflectionResponse.FromString(answer.SerializeToString())
