"""The catalog on PostgreSQL as one thing; any number of processes may have it open.

Invariants: as `catalog.database` says, over all processes: `write` returns only when the server has the change on its
disk, one change after the other; a reader has one snapshot; a change by any process wakes the waiters of all. Readers
never wait for writers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from trunkline.catalog.postgres import schema
from trunkline.catalog.postgres.failures import as_trunkline_errors
from trunkline.catalog.postgres.pool import Address, Connections
from trunkline.catalog.postgres.predecessors import Predecessors
from trunkline.catalog.postgres.presence import Presence
from trunkline.catalog.postgres.processes import Processes
from trunkline.catalog.postgres.tx import PostgresTx
from trunkline.catalog.postgres.writing import Writer
from trunkline.catalog.watch import Watch
from trunkline.kernel.errors import Cancelled, StorageFailed, TrunklineError
from trunkline.kernel.ids import new_id

T = TypeVar("T")


class PostgresCatalog:
    """A database on a server.

    Args:
        dsn: how to reach it, as libpq takes it.
        home: the folder `run` of a home whose lock the caller holds: who had it before is dead. None: nobody knows.

    Raises:
        InvalidRequest: the DSN cannot be read.
        FailedPrecondition: the server is too old, or the schema too new.
        StorageFailed: the server cannot be reached, or does not let us in.
    """

    def __init__(self, dsn: str, home: Path | None = None) -> None:
        self.watch = Watch()
        self._connections = Connections(Address(dsn))
        self._local = threading.local()
        try:
            with self._errors():
                self._open(None if home is None else Predecessors(home))
        except BaseException:
            self._connections.close()
            raise

    def _open(self, before: Predecessors | None) -> None:
        connection = self._connections.connect()
        schema.bring_up(connection)
        row = connection.execute("SELECT 'writers'::regclass::oid::bigint AS key").fetchone() or {}
        channel = f"trunkline_{row['key']}"  # a database may hold several catalogs, each in a schema of its own
        name = new_id()
        self._writer = Writer(self._connections, name, channel, connection)
        self._processes = Processes(self._writer, name)
        dead = [] if before is None else before.names()
        if before is not None:
            before.note([*dead, name])
        self._processes.begin(dead)
        if before is not None:
            before.note([name])
        self._presence = Presence(self._connections, self._processes, channel, self.watch.notify)

    @contextmanager
    def read(self) -> Iterator[PostgresTx]:
        """A transaction that reads one snapshot; nests within the thread (the outermost snapshot counts)."""
        outer: PostgresTx | None = getattr(self._local, "tx", None)
        with self._errors():
            if outer is not None:
                yield outer
                return
            connection = self._connections.take()
            self._local.tx = tx = PostgresTx(connection)
            try:
                yield tx
            finally:
                self._local.tx = None
                self._connections.give_back(connection)

    def write(self, change: Callable[[PostgresTx], T]) -> T:
        """Runs `change` alone and durably; see `Catalog.write`."""
        try:
            with self._errors():
                result = self._writer.run(change, getattr(self._local, "epoch", None))
        except StorageFailed:
            self.watch.notify()  # it may have happened
            raise
        self.watch.notify()
        return result

    @contextmanager
    def leading(self) -> Iterator[bool]:
        """Whether this process leads; see `Catalog.leading`."""
        outer: int | None = getattr(self._local, "epoch", None)
        self._local.epoch = epoch = self._presence.epoch
        try:
            yield epoch is not None
        finally:
            self._local.epoch = outer

    def others(self) -> int:
        """See `Catalog.others`."""
        with self._errors():
            return self._processes.others()

    @contextmanager
    def alone(self) -> Iterator[Callable[[], bool]]:
        """See `Catalog.alone`."""
        with self._errors(), self._processes.alone() as still:
            yield still

    def close(self) -> None:
        """Ends all waits and closes every connection."""
        if self._connections.closed:
            return
        self.watch.close()
        if self._presence.stop():
            try:
                with self._errors():
                    self._processes.end()  # which wakes our own listener too
            except TrunklineError:
                pass  # the row is given up after a minute
        self._connections.close()
        self._presence.join()
        self._writer.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with as_trunkline_errors(self._connections.address.shown):
                yield
        except TrunklineError:
            if self._connections.closed:
                raise Cancelled("pachd is shutting down: repeat the call when it runs again") from None
            raise
