"""Fields whose bytes are sound while what they say is not: times and enums out of range, messages without JSON.

Invariant: what the wire allows and the type does not is the caller's mistake, and refused as one.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.kernel.errors import InvalidRequest

LONGEST = 2**63 - 1
"""Nanoseconds that the catalog can hold."""


def nanos(message: Timestamp | Duration, field: str) -> int:
    """A time or a length of time in nanoseconds.

    Raises:
        InvalidRequest: it is out of the range of its type.
    """
    try:
        found = message.ToNanoseconds()
    except ValueError as error:
        raise InvalidRequest(f"{field} is out of range: {_line(error)}") from None
    if abs(found) > LONGEST:
        raise InvalidRequest(f"{field} is out of range: it is more than 292 years")
    return found


def enum_name(enum: Any, value: int, field: str) -> str:
    """The name of a value of an enum.

    Raises:
        InvalidRequest: the enum has no such value.
    """
    try:
        return str(enum.Name(value))
    except ValueError:
        raise InvalidRequest(f"{field} is {value}: give one of {', '.join(enum.keys())}") from None


def as_json(message: Message) -> str:
    """A message as JSON.

    Raises:
        InvalidRequest: one of its fields is out of the range of its type.
    """
    try:
        return str(json_format.MessageToJson(message))
    except (json_format.SerializeToJsonError, ValueError) as error:
        raise InvalidRequest(f"{message.DESCRIPTOR.name} has no JSON form: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
