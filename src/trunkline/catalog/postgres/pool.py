"""Connections: how they are made, and those that wait for the next reader.

Invariants: a connection is used, and closed, by one thread at a time: libpq would not survive anything else. The number
of them is bounded, by us and by what the server gives, and who finds none waits. One that was lost is never handed out
again. While the server is away, callers wait for it until the outage is `PATIENCE` old, all together and not each in
turn.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection, RawCursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from trunkline.catalog.postgres import failures
from trunkline.catalog.postgres.tx import our_types
from trunkline.kernel.errors import Cancelled, InvalidRequest, StorageFailed

MOST = 60
"""Connections for readers at once."""

_IDLE = 16
"""Connections that are kept open for the next readers."""

PATIENCE = 20.0
"""Seconds for which callers wait for a server that is away: longer than a restart takes."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5

_SETTINGS = "SET jit = off; SET client_min_messages = warning; SET default_transaction_deferrable = off"
"""Our queries are short: to compile one takes longer than to run it."""


class Address:
    """Where the catalog is.

    Attributes:
        shown: for messages: without the password.

    Raises:
        InvalidRequest: the DSN cannot be read.
    """

    def __init__(self, dsn: str) -> None:
        try:
            parts = conninfo_to_dict(dsn)
        except psycopg.Error:
            # What libpq says of it may hold the password.
            raise InvalidRequest(
                "TRUNKLINE_CATALOG cannot be read: give postgresql://USER@HOST/DATABASE, signs like @ or / in it as %40"
            ) from None
        given: dict[str, Any] = {
            "connect_timeout": 10,
            "application_name": "trunkline",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        }
        self.conninfo = make_conninfo("", **(given | parts))
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        self.shown = f"{parts.get('user', '')}@{host}/{parts.get('dbname') or parts.get('user', '')}"


class Connections:
    """Makes connections, and keeps some."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._types = our_types()
        self._changed = threading.Condition()
        self._idle: list[Connection[dict[str, Any]]] = []
        self._all: set[Connection[dict[str, Any]]] = set()
        self._used = 0
        self._away_since: float | None = None
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether nobody gets a connection any more."""
        return self._closed.is_set()

    def take(self) -> Connection[dict[str, Any]]:
        """A connection for one reader, in a transaction that reads one snapshot.

        Raises:
            Cancelled: closed.
            StorageFailed: all are in use for too long.
            psycopg.Error: the server is away for too long, or refuses.
        """
        self._reserve()
        try:
            while True:
                with self._changed:
                    connection = self._idle.pop() if self._idle else None
                fresh = connection is None
                connection = connection or self.connect()
                try:
                    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                except psycopg.OperationalError:
                    self.drop(connection)
                    if fresh:
                        raise
                else:
                    return connection
        except BaseException:
            self._free()
            raise

    def give_back(self, connection: Connection[dict[str, Any]]) -> None:
        """Ends the snapshot; keeps the connection for the next reader, unless there are enough."""
        try:
            connection.execute("ROLLBACK")
            usable = connection.info.transaction_status is TransactionStatus.IDLE
        except psycopg.Error:
            usable = False
        with self._changed:
            keep = usable and not self.closed and len(self._idle) < _IDLE
            if keep:
                self._idle.append(connection)
        if not keep:
            self.drop(connection)
        self._free()

    def connect(self) -> Connection[dict[str, Any]]:
        """A new connection, waited for while the server is away.

        Raises:
            Cancelled: closed.
            psycopg.Error: the server is away for too long, or refuses.
        """
        pause = _FIRST_PAUSE
        while True:
            if self.closed:
                raise Cancelled("pachd is shutting down: repeat the call when it runs again")
            try:
                made = self._connect()
            except psycopg.OperationalError as error:
                if not (failures.is_away(error) or failures.is_busy(error)) or self._away_for() > PATIENCE:
                    raise
                self._closed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self._away_since = None
                return made

    def drop(self, connection: Connection[dict[str, Any]]) -> None:
        """Closes a connection for good."""
        with self._changed:
            self._all.discard(connection)
        connection.close()

    def close(self) -> None:
        """Closes the connections that nobody uses, and hangs up the others: calls under way fail, and drop them."""
        self._closed.set()
        with self._changed:
            idle, self._idle = self._idle, []
            for connection in self._all.difference(idle):
                _hang_up(connection)  # under the lock: `drop` has not closed it yet, so its number is still its own
            self._changed.notify_all()
        for connection in idle:
            self.drop(connection)

    def _connect(self) -> Connection[dict[str, Any]]:
        made: Connection[dict[str, Any]] = psycopg.connect(
            self.address.conninfo,
            autocommit=True,
            row_factory=dict_row,
            cursor_factory=RawCursor,
            context=_Types(self._types),
        )
        made.execute(_SETTINGS)
        with self._changed:
            self._all.add(made)
        return made

    def _away_for(self) -> float:
        """Seconds since the server was missed first."""
        now = time.monotonic()
        since = self._away_since
        if since is None:
            since = self._away_since = now
        return now - since

    def _reserve(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.closed or self._used < MOST, PATIENCE):
                raise StorageFailed(
                    f"all {MOST} connections to the catalog {self.address.shown} are in use: repeat the call"
                )
            if self.closed:
                raise Cancelled("pachd is shutting down: repeat the call when it runs again")
            self._used += 1

    def _free(self) -> None:
        with self._changed:
            self._used -= 1
            self._changed.notify()


def _hang_up(connection: Connection[dict[str, Any]]) -> None:
    """Ends a connection below libpq: the thread that uses it is told so by an error, and frees it."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


class _Types:
    """What psycopg takes the types of a connection from."""

    def __init__(self, types: psycopg.adapt.AdaptersMap) -> None:
        self.adapters = types
        self.connection = None
