"""A real gRPC server on a loopback port, over a real catalog and a local store; no workers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import grpc
from blake3 import blake3
from pachyderm_sdk import Client

from trunkline.api import small_services
from trunkline.api.content_service import ContentService, Folder
from trunkline.api.dispatch import service
from trunkline.api.listing import ListingService
from trunkline.api.pfs_service import PfsService
from trunkline.api.pps_service import PpsService
from trunkline.api.transactions import Transactions, TransactionService
from trunkline.kernel.clock import SECOND, Nanos, SystemClock
from trunkline.kernel.config import Settings
from trunkline.kernel.ids import new_id
from trunkline.objects.local import LocalStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pachd.loops import Loop
from trunkline.pachd.ownlog import OwnLog
from trunkline.pachd.server import Server
from trunkline.pfs import fsck
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.upkeep import Upkeep
from trunkline.pps import crons, egress
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.logbook import Logbook
from trunkline.pps.pps import Pps
from trunkline.pps.vault import Vault
from trunkline.testing import catalogs
from trunkline.wire import content_pb2, listing_pb2, pfs_pb2, pfs_pb2_grpc, pps_pb2, transaction_pb2


class ShiftedClock:
    """The machine's clock, which a test can move forward."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._shift = 0

    def now(self) -> Nanos:
        return Nanos(self._system.now() + self._shift)

    def advance(self, seconds: float) -> None:
        self._shift += int(seconds * SECOND)


class Serving:
    """The server, with a client of each kind."""

    def __init__(self, home: Path) -> None:
        self.store = MeteredStore(LocalStore(home / "store"))
        self.catalog = catalogs.opened(home / "catalog.db")
        self.clock = ShiftedClock()
        self.pfs = Pfs(self.catalog, self.store, self.clock)
        self.logbook = Logbook(home / "logs")
        self.pps = Pps(self.pfs, self.logbook, Vault("ab" * 32))
        dispatcher = Dispatcher(SystemClock(), lease_seconds=60)
        transactions = Transactions(self.pfs, self.logbook.wake)
        self._finisher = Loop("finisher", self.catalog.watch, lambda: self.pfs.finisher.step() is not None)
        self._upkeep = Loop("upkeep", self.catalog.watch, Upkeep(self.pfs, [crons.tick]).step, idle=0.05)
        files = PfsService(self.pfs, transactions, partial(egress.password, self.catalog, self.pps.vault))
        self._server = Server(
            Settings(home=home, port=0),
            [
                service(pfs_pb2.DESCRIPTOR.services_by_name["API"], files),
                service(listing_pb2.DESCRIPTOR.services_by_name["Listing"], ListingService(files)),
                service(
                    pps_pb2.DESCRIPTOR.services_by_name["API"],
                    PpsService(self.pps, dispatcher, OwnLog(home / "pachd.log"), transactions),
                ),
                service(transaction_pb2.DESCRIPTOR.services_by_name["API"], TransactionService(transactions)),
                *small_services.handlers(self.pfs),
                service(content_pb2.DESCRIPTOR.services_by_name["Content"], self._content(home)),
            ],
            self.pfs.pins.session,
        )
        self.address = self._server.start()
        self._finisher.start()
        self._upkeep.start()
        host, _, port = self.address.rpartition(":")
        self.client = Client(host=host, port=int(port))
        self.channel = grpc.insecure_channel(self.address)
        self.raw = pfs_pb2_grpc.APIStub(self.channel)
        """Messages as they are on the wire, for what the SDK does not send."""

    def _content(self, home: Path) -> ContentService:
        token = home / "content.token"
        token.write_bytes(new_id().encode() * 2)
        folder = Folder(str(home / "store"), str(token), blake3(token.read_bytes()).digest())
        return ContentService(self.pfs, lambda: "here", folder)

    def stop(self) -> None:
        self.channel.close()
        self.catalog.watch.close()
        self.logbook.close()
        self._finisher.stop()
        self._upkeep.stop()
        self._server.stop()
        self._finisher.join()
        self._upkeep.join()
        self.catalog.close()

    def problems(self) -> list[str]:
        return list(fsck.check(self.pfs))
