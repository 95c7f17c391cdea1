"""Listings in columns say what the public listing says; and a successful call tells how long the server took."""

from __future__ import annotations

import grpc
import pytest
from tests.api.serving import Serving
from tests.api.test_errors import ON_MASTER, add, file, repo

from trunkline.api.listing import FIRST_ROWS
from trunkline.wire import listing_pb2_grpc
from trunkline.wire import pfs_pb2 as m

FILES = 300


@pytest.fixture
def columns(serving: Serving) -> listing_pb2_grpc.ListingStub:
    """A commit with files, directories, and names that need more than a byte for a letter."""
    serving.raw.CreateRepo(m.CreateRepoRequest(repo=repo("data")))
    paths = [f"/wide/{number:04}" for number in range(FILES)] + ["/a/b/c", "/a/ü", "/wide/ß/x", "/z"]
    serving.raw.ModifyFile(iter([ON_MASTER, *(add(path) for path in paths)]))
    return listing_pb2_grpc.ListingStub(serving.channel)


@pytest.mark.parametrize("path", ["/", "/wide", "/wide/", "/a/", "/z", "/missing"])
@pytest.mark.parametrize("page", [{}, {"number": 70}, {"number": 70, "reverse": True}, {"marker": "/wide/0100"}])
def test_columns_are_the_rows_of_the_public_listing(
    serving: Serving, columns: listing_pb2_grpc.ListingStub, path: str, page: dict[str, object]
) -> None:
    fields = dict(page)
    marker = m.File(path=str(fields.pop("marker", "")))
    request = m.ListFileRequest(file=file(path), paginationMarker=marker, **fields)
    rows = [(info.file.path, info.size_bytes) for info in serving.raw.ListFile(request)]
    assert [row for part in columns.ListFile(request) for row in zip(part.path, part.size_bytes, strict=True)] == rows


def test_the_first_rows_come_at_once(columns: listing_pb2_grpc.ListingStub) -> None:
    sizes = [len(part.path) for part in columns.ListFile(m.ListFileRequest(file=file("/wide/")))]
    assert sizes[0] == FIRST_ROWS
    assert sum(sizes) == FILES + 1


def test_a_listing_that_is_refused_is_refused_alike(serving: Serving, columns: listing_pb2_grpc.ListingStub) -> None:
    request = m.ListFileRequest(file=m.File(commit=m.Commit(repo=repo("none"), id="master"), path="/"))
    errors = []
    for method in (serving.raw.ListFile, columns.ListFile):
        with pytest.raises(grpc.RpcError) as caught:
            list(method(request))
        errors.append((caught.value.code(), caught.value.details()))
    assert errors[0] == errors[1]


def test_calls_tell_how_long_they_took(serving: Serving, columns: listing_pb2_grpc.ListingStub) -> None:
    stream = serving.raw.ListFile(m.ListFileRequest(file=file("/wide/")))
    assert len(list(stream)) == FILES + 1
    _, single = serving.raw.InspectRepo.with_call(m.InspectRepoRequest(repo=repo("data")))
    for call in (stream, single):
        told = dict(call.trailing_metadata())["server-timing"]
        assert told.startswith("handler;dur=")
        assert float(told.partition("=")[2]) > 0
