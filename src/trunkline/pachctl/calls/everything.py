"""Deleting everything that a server holds."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from trunkline.pachctl.connect import Server
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps
from trunkline.wire import transaction_pb2 as transaction


def listed(server: Server) -> Iterator[str]:
    """What there is, as lines for whoever is asked."""
    repos = [info.repo for info in server.pfs.ListRepo(pfs.ListRepoRequest(type="user"))]
    pipelines = [info.pipeline for info in server.pps.ListPipeline(pps.ListPipelineRequest())]
    for title, found in (("Repos to delete", repos), ("Pipelines to delete", pipelines)):
        names = ", ".join(f"{one.project.name or 'default'}/{one.name}" for one in found)
        yield f"{title}: {names or 'none'}"


def delete(server: Server) -> None:
    """Deletes pipelines, then everything else, and forgets transactions."""
    server.pps.DeleteAll(Empty())
    server.pfs.DeleteAll(Empty())
    server.transactions.DeleteAll(transaction.DeleteAllRequest())
