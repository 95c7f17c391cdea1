"""The stream of requests of CreateDatum: how many datums a caller wants next, for as long as it asks.

Invariant: nothing is formed for a stream that does not begin as it should; a stream whose caller stops asking ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.api import reading
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.wire import pps_pb2

USUAL_NUMBER = 100
"""Datums that one request asks for, unless it says a number."""


def opened(requests: Iterator[pps_pb2.CreateDatumRequest]) -> tuple[str, Iterator[int]]:
    """The input that the first message names, as JSON, and how many datums each message asks for.

    Raises:
        Refused: the first message is another one, or names no input; and from the iterator: a later one is.
        InvalidRequest: a number below 0.
    """
    first = next(requests, None)
    if first is None or first.WhichOneof("body") != "start":
        raise Refused("first message must be a StartCreateDatumRequest message")
    if not first.start.HasField("input"):
        raise Refused("first message must specify an input")
    return reading.as_json(first.start.input), _numbers(first.start.number, requests)


def _numbers(first: int, requests: Iterator[pps_pb2.CreateDatumRequest]) -> Iterator[int]:
    yield _number(first)
    for each in requests:
        if each.WhichOneof("body") != "continue":
            raise Refused("subsequent messages must be a ContinueCreateDatumRequest message")
        yield _number(getattr(each, "continue").number)


def _number(given: int) -> int:
    if given < 0:
        raise InvalidRequest(f"number is {given}: give how many datums to form, or 0 for {USUAL_NUMBER}")
    return given or USUAL_NUMBER
