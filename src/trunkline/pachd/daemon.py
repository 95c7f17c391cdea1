"""pachd as one thing: what it is made of, in which order it starts, and in which order it ends.

Start: lock the home, open the catalog, sweep the store, wire the rooms, serve, announce the address, run the loops.
Stop is the reverse. Invariants: nothing serves before the catalog is open and migrated; the lock goes last.
Nothing has to be repaired after a crash: the loops find what was under way in the catalog and go on with it.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import grpc

from trunkline.api import small_services
from trunkline.api.content_service import ContentService, Folder
from trunkline.api.dispatch import service
from trunkline.api.listing import ListingService
from trunkline.api.own_services import EnvironmentService, ServerService
from trunkline.api.pfs_service import PfsService
from trunkline.api.pps_service import PpsService
from trunkline.api.questions import handlers as questions
from trunkline.api.transactions import Transactions, TransactionService
from trunkline.api.upkeep_service import UpkeepService
from trunkline.api.work_service import WorkService
from trunkline.catalog import open_catalog
from trunkline.kernel.clock import SteadyClock, SystemClock
from trunkline.kernel.config import Settings
from trunkline.kernel.version import VERSION
from trunkline.objects.open import READ_AHEAD, store_of, where
from trunkline.objects.protocol import ObjectStore
from trunkline.objects.wrappers.metered import MeteredStore
from trunkline.pachd.gauges import gauges
from trunkline.pachd.home import Home, Record
from trunkline.pachd.jobs import JobLoop
from trunkline.pachd.loops import Loop
from trunkline.pachd.ownlog import OwnLog
from trunkline.pachd.server import Server
from trunkline.pachd.spouts import SpoutLoop
from trunkline.pachd.workers import WorkerPool
from trunkline.pfs.collect.claims import claim
from trunkline.pfs.collect.collector import Collector
from trunkline.pfs.filesets import sweep_all
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.upkeep import IDLE_SECONDS, Upkeep
from trunkline.pfs.urls import urls_of
from trunkline.pps import crons, egress
from trunkline.pps import roots as pps_roots
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.logbook import Logbook
from trunkline.pps.pps import Pps
from trunkline.pps.vault import Vault
from trunkline.wire import (
    content_pb2,
    listing_pb2,
    pfs_pb2,
    pps_pb2,
    transaction_pb2,
    trunkline_pb2,
    upkeep_pb2,
)
from trunkline.worker.runtimes.probe import probe

if TYPE_CHECKING:
    from trunkline.pachd.metrics import Metrics

log = logging.getLogger("trunkline.pachd")

CALLS_PER_WORKER = 4
"""At once: it asks for work or reports, renews its lease, and sends lines of its log."""

_CALLS_OF_KEEPERS = 64
_KEEPER = "keeper"
"""What the names of the workers begin with that run spouts and services."""


class Pachd:
    """One pachd on one home.

    Args:
        stopping: set when somebody asks for the end over the API.
    """

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self._settings, self._stopping = settings, stopping
        self._clock = SystemClock()
        self._home = Home(settings)
        self._metered: MeteredStore | None = None
        store = store_of(settings, self._clock.now(), self._meter)
        self._catalog = open_catalog(settings)
        ahead = READ_AHEAD if settings.bucket else 0
        self._pfs = Pfs(self._catalog, store, self._clock, urls=urls_of(settings), ahead=ahead)
        self._logbook = Logbook(settings.logs_path / "jobs")
        self._pps = Pps(self._pfs, self._logbook, Vault(settings.secrets_key, settings.secrets_path))
        self._dispatcher = Dispatcher(SteadyClock(), settings.lease_seconds)
        self._own_log = OwnLog(settings.logs_path / "pachd.log")
        self._token = secrets.token_hex(32)
        self._workers = WorkerPool(
            settings, self._dispatcher, self._token, lambda: self._jobs.running > 0, most=settings.max_workers
        )
        # Code that runs on has workers of its own: it would keep jobs from theirs for ever.
        self._standing = Dispatcher(SteadyClock(), settings.lease_seconds, lambda: self._keepers.look())
        self._keepers = WorkerPool(
            settings, self._standing, self._token, lambda: bool(self._standing.jobs()), kind=_KEEPER
        )
        self._spouts = SpoutLoop(self._pps, self._standing)
        watch, leading = self._catalog.watch, self._catalog.leading
        self._finishing = Loop("finisher", watch, self._finish, leading=leading)
        self._upkeep = Loop("upkeep", watch, Upkeep(self._pfs, [crons.tick]).step, IDLE_SECONDS, leading)
        self._jobs = JobLoop(
            self._pps,
            self._dispatcher,
            settings.max_workers,
            settings.scratch_path,
            self._workers,
            self._standing,
        )
        self._server = Server(settings, self._services(), self._pfs.pins.session)
        self._isolation = ""
        self._record: Record | None = None
        self._metrics: Metrics | None = None

    def start(self) -> None:
        """Serves, and runs the loops.

        Raises:
            TrunklineError: it cannot; `stop` must be called all the same.
        """
        self._metrics = self._served_metrics()
        claim(self._pfs.store, small_services.cluster_id(self._pfs))
        self._isolation = ": ".join(part for part in probe(self._settings.isolation) if part)
        address = self._server.start()
        self._record = Record(os.getpid(), address, self._clock.now())
        self._finishing.start()
        self._upkeep.start()
        self._workers.start(address)
        self._keepers.start(address)
        self._jobs.start()
        self._spouts.start()
        self._home.announce(self._record)
        log.info("pachd serves", extra={"address": address, "home": str(self._settings.home)})

    def stop(self) -> None:
        """Ends everything in order; calls under way get a moment."""
        log.info("pachd stops")
        self._home.withdraw()
        self._catalog.watch.close()
        self._logbook.close()
        self._own_log.close()
        self._dispatcher.stop()
        self._standing.stop()
        self._jobs.stop()
        self._spouts.stop()
        self._finishing.stop()
        self._upkeep.stop()
        self._server.stop()
        self._workers.stop()
        self._keepers.stop()
        self._jobs.join()
        self._spouts.join()
        self._finishing.join()
        self._upkeep.join()
        if self._metrics is not None:
            self._metrics.stop()
        self._catalog.close()
        self._home.release()

    def _meter(self, store: ObjectStore) -> ObjectStore:
        """Counts what is asked of the store, if anybody is going to be told."""
        if self._settings.metrics_port is None:
            return store
        self._metered = MeteredStore(store)
        return self._metered

    def _served_metrics(self) -> Metrics | None:
        if self._settings.metrics_port is None or self._metered is None:
            return None
        from trunkline.pachd.metrics import Metrics  # heavy; most do not ask for it

        shown = gauges(self._pfs, self._dispatcher, self._workers, self._jobs, self._server)
        return Metrics(self._settings.metrics_port, shown, self._metered)

    def _finish(self) -> bool:
        with self._pfs.pins.session():
            return self._pfs.finisher.step() is not None

    def _services(self) -> list[grpc.GenericRpcHandler]:
        own = trunkline_pb2.DESCRIPTOR.services_by_name
        transactions = Transactions(self._pfs, self._logbook.wake)
        pfs = PfsService(self._pfs, transactions, partial(egress.password, self._catalog, self._pps.vault))
        pps = PpsService(self._pps, self._dispatcher, self._own_log, transactions)
        # Calls that wait for jobs may take every other thread; the workers that end the jobs must still be heard.
        most = CALLS_PER_WORKER * self._settings.max_workers + _CALLS_OF_KEEPERS
        threads = ThreadPoolExecutor(most, thread_name_prefix="work")
        return [
            service(pfs_pb2.DESCRIPTOR.services_by_name["API"], pfs),
            service(pps_pb2.DESCRIPTOR.services_by_name["API"], pps),
            service(transaction_pb2.DESCRIPTOR.services_by_name["API"], TransactionService(transactions)),
            *small_services.handlers(self._pfs),
            service(own["Server"], ServerService(self._status, self._stopping.set), threads),
            service(listing_pb2.DESCRIPTOR.services_by_name["Listing"], ListingService(pfs)),
            *questions(self._pfs, self._dispatcher),
            service(content_pb2.DESCRIPTOR.services_by_name["Content"], self._content()),
            service(own["Environments"], EnvironmentService(self._pps)),
            service(upkeep_pb2.DESCRIPTOR.services_by_name["Upkeep"], self._upkeep_service()),
            service(
                own["Work"],
                WorkService(self._dispatcher_of, self._logbook, self._token),
                threads,
            ),
        ]

    def _dispatcher_of(self, worker: str) -> Dispatcher:
        return self._standing if worker.startswith(_KEEPER) else self._dispatcher

    def _content(self) -> ContentService:
        folder = None
        if not self._settings.bucket:
            token_file, digest = self._home.token()
            folder = Folder(str(self._settings.store_path), str(token_file), digest)
        return ContentService(self._pfs, lambda: small_services.cluster_id(self._pfs), folder)

    def _upkeep_service(self) -> UpkeepService:
        collector = Collector(
            self._pfs,
            [pps_roots.roots],
            [partial(sweep_all, self._pfs), partial(pps_roots.forget_outcomes, self._pfs)],
            self._dispatcher.busy_seconds,
            partial(small_services.cluster_id, self._pfs),
        )
        return UpkeepService(self._pfs, collector, [pps_roots.roots])

    def _status(self) -> trunkline_pb2.ServerStatus:
        assert self._record is not None, "calls are taken only after the start"
        message = trunkline_pb2.ServerStatus(
            version=VERSION,
            home=str(self._settings.home),
            address=self._record.address,
            pid=self._record.pid,
            workers=self._workers.alive,
            max_workers=self._settings.max_workers,
            running_jobs=self._jobs.running,
            storage=where(self._settings),
            isolation=self._isolation,
            cluster_id=small_services.cluster_id(self._pfs),
        )
        message.started.FromNanoseconds(self._record.started)
        return message
