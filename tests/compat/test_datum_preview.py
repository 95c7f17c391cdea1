"""The datums of an input that no pipeline has yet: CreateDatum, as many at a time as are asked for."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest
from pachyderm_sdk.api import pps
from tests.compat.place import Place, refused


class Asking:
    """A stream of requests that a test adds to."""

    def __init__(self, place: Place, input: pps.Input, number: int = 0) -> None:
        self._requests: queue.SimpleQueue[pps.CreateDatumRequest | None] = queue.SimpleQueue()
        self._requests.put(pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(input=input, number=number)))
        self.answers = place.client.pps.create_datum(iter(self._requests.get, None))

    def more(self, number: int) -> None:
        self._requests.put(pps.CreateDatumRequest(continue_=pps.ContinueCreateDatumRequest(number=number)))

    def end(self) -> None:
        self._requests.put(None)

    def take(self, number: int) -> list[str]:
        return [next(self.answers).data[0].file.path for _ in range(number)]


def files(place: Place, glob: str = "/*", **fields: object) -> pps.Input:
    given = pps.PfsInput(project=place.project.name, repo="data", name="in", branch="master", glob=glob, **fields)
    return pps.Input(pfs=given)


@pytest.fixture
def five(data: Place) -> Place:
    data.put(**{name: name.encode() for name in "abcde"})
    return data


def test_create_datum(five: Place) -> None:
    asking = Asking(five, files(five), number=2)
    found = asking.take(2)
    asking.more(1)
    found += asking.take(1)
    asking.more(0)
    found += asking.take(2)
    assert list(asking.answers) == []  # it ends when there are no more, whoever still asks
    assert sorted(found) == ["/a", "/b", "/c", "/d", "/e"]
    listed = [one.data[0].file.path for one in five.client.pps.list_datum(input=files(five))]
    assert found == listed


def test_what_a_previewed_datum_says(five: Place) -> None:
    asking = Asking(five, files(five, "/a"))
    (one,) = list(asking.answers)
    assert (one.state, one.datum.job.id, len(one.datum.id)) == (pps.DatumState.UNKNOWN, "", 64)
    assert one.data[0].size_bytes == 1
    assert one.data[0].file.commit.id == five.pfs.inspect_branch(branch=five.branch()).head.id


def test_a_caller_that_asks_for_no_more(five: Place) -> None:
    asking = Asking(five, files(five), number=3)
    asking.end()
    assert len(list(asking.answers)) == 3


def test_an_input_without_datums(five: Place) -> None:
    assert list(Asking(five, files(five, "/none")).answers) == []


def test_a_stream_that_does_not_begin_as_it_should(five: Place) -> None:
    def send(*requests: pps.CreateDatumRequest) -> Iterator[pps.DatumInfo]:
        return five.client.pps.create_datum(iter(requests))

    start = pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(input=files(five), number=1))
    with refused("UNKNOWN", "first message must be a StartCreateDatumRequest message"):
        list(send(pps.CreateDatumRequest(continue_=pps.ContinueCreateDatumRequest(number=1))))
    with refused("UNKNOWN", "first message must specify an input"):
        list(send(pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(number=1))))
    with refused("UNKNOWN", "subsequent messages must be a ContinueCreateDatumRequest message"):
        list(send(start, start))
    with refused("INVALID_ARGUMENT", "number is -1"):
        list(send(pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(input=files(five), number=-1))))
    gone = files(five)
    gone.pfs.repo = "gone"
    with refused("NOT_FOUND", "gone"):
        list(send(pps.CreateDatumRequest(start=pps.StartCreateDatumRequest(input=gone))))
