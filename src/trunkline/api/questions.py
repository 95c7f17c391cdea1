"""The services that answer questions about what was made and what will be: `Lineage` and `Explain`."""

from __future__ import annotations

import grpc

from trunkline.api.dispatch import service
from trunkline.api.explain_service import ExplainService
from trunkline.api.lineage_service import LineageService
from trunkline.pfs.pfs import Pfs
from trunkline.pps.dispatch import Dispatcher
from trunkline.wire import explain_pb2, lineage_pb2


def handlers(pfs: Pfs, dispatcher: Dispatcher) -> list[grpc.GenericRpcHandler]:
    """Both of them."""
    return [
        service(lineage_pb2.DESCRIPTOR.services_by_name["Lineage"], LineageService(pfs)),
        service(explain_pb2.DESCRIPTOR.services_by_name["Explain"], ExplainService(pfs, dispatcher)),
    ]
