"""How a change is made: alone, durably, and exactly once, also when the answer to its COMMIT is lost.

One writer at a time, over all processes: a change first locks the table `writers`, before it looks at anything. So it
never fails because of another one, those that wait are served in order, and keys grow in the order in which changes
become visible, which whoever follows a list of commits by its last key relies on. (Optimistic transactions would fail
most of the time: in small tables PostgreSQL finds nearly every pair of changes in conflict. `design/0008-postgresql.md`
has the figures.) The isolation is SERIALIZABLE all the same, for changes by others than pachd.

A connection that is lost before COMMIT was sent leaves nothing behind: the change is run again. One that is lost after
that leaves a question, which a row answers: each change notes its transaction's number as the last one of this process.
The server alone cannot say. It gives numbers again that a crash kept off its disk, and so takes one change for another.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from trunkline.catalog.postgres import failures
from trunkline.catalog.postgres.pool import PATIENCE, Connections
from trunkline.catalog.postgres.tx import PostgresTx
from trunkline.catalog.timing import COMMIT_SECONDS
from trunkline.kernel.errors import Cancelled, Conflict, FailedPrecondition, StorageFailed, TrunklineError

log = logging.getLogger("trunkline.catalog")

T = TypeVar("T")

_CONFLICTS = 10
"""How often a change is run again because of conflicts."""

_SETTINGS = (
    "SET idle_in_transaction_session_timeout = '60s'; "
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
"""The server ends the transaction of a process that does nothing in it for so long, so that others can write. And what
is acknowledged is on its disk, also where the server's own default is not to wait for that."""

_LOOK = 0.05


class _Begun(NamedTuple):
    """A transaction that holds the lock."""

    number: str
    backend: int
    connection: Connection[dict[str, Any]]


class Writer:
    """The connection that changes go through, one after the other. Thread-safe.

    Args:
        process: the name under which this process is known in the catalog; letters and digits.
        channel: what others listen on.
        connection: the first one; when it is lost, another takes its place.
    """

    def __init__(
        self, connections: Connections, process: str, channel: str, connection: Connection[dict[str, Any]]
    ) -> None:
        self._connections, self._process = connections, process
        self._lock = threading.Lock()
        self._connection: Connection[dict[str, Any]] | None = connection
        connection.execute(_SETTINGS)
        self._begin = (
            "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE writers IN EXCLUSIVE MODE; "
            f"INSERT INTO changes (process, number) VALUES ('{process}', pg_current_xact_id()::text) "
            "ON CONFLICT (process) DO UPDATE SET number = excluded.number; "
            "SELECT pg_current_xact_id()::text AS number, (SELECT epoch FROM leadership) AS epoch, "
            f"EXISTS (SELECT 1 FROM processes WHERE name = '{process}') AS known"
        )
        self._commit = f"NOTIFY {channel}, '{process}'; COMMIT"

    def run(self, change: Callable[[PostgresTx], T], epoch: int | None = None, known: bool = True) -> T:
        """Runs a change alone and durably.

        Args:
            epoch: refuse it if the lead has changed hands since this one.
            known: refuse it if this process was given up by the others.

        Raises:
            Conflict: the lead was lost; nothing was changed.
            FailedPrecondition: this process was given up; nothing was changed.
            StorageFailed: nothing was changed; or nobody can say, and the message says so.
            psycopg.Error: nothing was changed.
        """
        conflicts = 0
        pause = _LOOK
        give_up = time.monotonic() + PATIENCE
        with self._lock:
            while True:
                try:
                    return self._once(change, epoch, known)
                except _Again as again:
                    conflicts += failures.is_conflict(again.reason)
                    if conflicts > _CONFLICTS or time.monotonic() > give_up:
                        raise again.reason from None
                    log.info("a change is run again", extra={"reason": failures.said(again.reason)})
                    time.sleep(pause if conflicts == 0 else 0)
                    pause *= 1.5

    def close(self) -> None:
        """Frees the connection, when the change under way has ended."""
        with self._lock:
            self._let_go()

    def _once(self, change: Callable[[PostgresTx], T], epoch: int | None, known: bool) -> T:
        begun = self._started(epoch, known)
        try:
            result = change(PostgresTx(begun.connection))
            if begun.connection.info.transaction_status is not TransactionStatus.INTRANS:
                raise StorageFailed("a change went on after its transaction had failed: repeat the call")
        except psycopg.Error as error:
            self._undo()
            if failures.is_conflict(error) or _is_lost(begun.connection, error):
                raise _Again(error) from None
            raise
        except BaseException:
            self._undo()
            raise
        self._finish(begun)
        return result

    def _started(self, epoch: int | None, known: bool) -> _Begun:
        """Begins a transaction, alone."""
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = self._connections.connect()
            connection.execute(_SETTINGS)
        try:
            cursor = connection.execute(self._begin)
            while cursor.nextset():
                pass
            found = cursor.fetchone() or {}
        except psycopg.Error as error:
            self._undo()
            if failures.is_conflict(error) or _is_lost(connection, error):
                raise _Again(error) from None
            raise
        if epoch is not None and found["epoch"] != epoch:
            self._undo()
            raise Conflict("another pachd leads now: this one left the step to it")
        if known and not found["known"]:
            self._undo()
            raise FailedPrecondition(
                "this pachd was out of reach for so long that another one gave it up: restart it, then repeat the call"
            )
        return _Begun(found["number"], connection.info.backend_pid, connection)

    def _undo(self) -> None:
        connection = self._connection
        try:
            if connection is not None and not connection.closed:
                connection.execute("ROLLBACK")
                return
        except psycopg.Error:
            pass
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connections.drop(self._connection)
            self._connection = None

    def _finish(self, begun: _Begun) -> None:
        """Sends COMMIT, and finds out what became of it if no answer comes."""
        began = time.perf_counter()
        try:
            begun.connection.execute(self._commit)
            COMMIT_SECONDS.observe(time.perf_counter() - began)
        except psycopg.Error as error:
            if not _is_lost(begun.connection, error):
                self._undo()
                raise (_Again(error) if failures.is_conflict(error) else error) from None
            self._let_go()
            if not self._happened(begun):
                raise _Again(error) from None
        except BaseException:
            self._let_go()  # whoever interrupts must not leave a transaction half answered
            raise

    def _happened(self, begun: _Begun) -> bool:
        """Whether a transaction whose COMMIT was sent is there.

        Raises:
            StorageFailed: nobody can say.
        """
        try:
            connection = self._connections.connect()
            try:
                while (status := _status(connection, begun)) == "in progress":
                    time.sleep(_LOOK)
                noted = connection.execute("SELECT number FROM changes WHERE process = $1", (self._process,)).fetchone()
            finally:
                self._connections.drop(connection)
        except (psycopg.Error, TrunklineError) as error:
            reason = failures.said(error) if isinstance(error, psycopg.Error) else error.message
            if isinstance(error, Cancelled):
                reason = "pachd is shutting down"
            raise StorageFailed(
                f"the connection to the catalog {self._connections.address.shown} was lost at the end of a change "
                f"({reason}), and it is not known whether it happened: look, before you repeat the call"
            ) from None
        log.warning("the answer to a COMMIT was lost", extra={"transaction": begun.number, "status": status or ""})
        return noted is not None and bool(noted["number"] == begun.number)


class _Again(Exception):
    """The change left nothing behind, and may be run again."""

    def __init__(self, reason: psycopg.Error) -> None:
        super().__init__()
        self.reason = reason


def _is_lost(connection: Connection[dict[str, Any]], error: psycopg.Error) -> bool:
    """Whether the connection is gone, or the server has just ended it."""
    return connection.closed or connection.broken or (isinstance(error, psycopg.OperationalError) and _ended(error))


def _ended(error: psycopg.Error) -> bool:
    return error.sqlstate is not None and error.sqlstate.startswith(("57P", "08", "25P03"))


def _status(connection: Connection[dict[str, Any]], begun: _Begun) -> str | None:
    """What the server says of a number; a transaction that still runs is ended, since nobody waits for it."""
    try:
        row = connection.execute("SELECT pg_xact_status($1::text::xid8) AS status", (begun.number,)).fetchone() or {}
    except psycopg.errors.InvalidParameterValue:
        return "aborted"  # the server crashed, and has not given the number again so far
    status: str | None = row["status"]
    if status == "in progress":
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid = $1 AND backend_xid = $2::text::xid8::xid",
            (begun.backend, begun.number),
        )
    return status
