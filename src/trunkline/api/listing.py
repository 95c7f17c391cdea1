"""`trunkline.v1.Listing`: what `ListFile` of the public API answers, many rows to a message.

Invariant: the rows and their order are those of the public call, whatever the request. Rows are read as they are
sent, and a message has `MOST_ROWS` of them, so that neither side holds the listing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from trunkline.api.dispatch import Call
from trunkline.api.pfs_files import FileCalls
from trunkline.wire import listing_pb2 as wire
from trunkline.wire import pfs_pb2

FIRST_ROWS = 49
"""Of the first message: what fits under one header of a table, so that it is shown at once."""

MOST_ROWS = 8192


class ListingService:
    """Listings in columns.

    Args:
        files: knows what a request means.
    """

    def __init__(self, files: FileCalls) -> None:
        self._files = files

    def ListFile(self, request: pfs_pb2.ListFileRequest, call: Call) -> Iterator[wire.FileRows]:
        """What is directly below a directory."""
        nodes = self._files.listed(request, call)[1]
        size = FIRST_ROWS
        while rows := list(islice(nodes, size)):
            yield wire.FileRows(path=[node.path for node in rows], size_bytes=[node.size for node in rows])
            size = min(size * 4, MOST_ROWS)
