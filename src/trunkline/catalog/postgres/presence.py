"""What a process has open on the catalog all the time: it hears of changes, says that it lives, and may lead.

One connection and one thread. Invariants: at most one process holds the lead, by an advisory lock of this connection;
who loses the connection has lost the lead at once, and a change under way as leader is refused, because taking the lead
raises a number that it is held against. After a reconnect everybody is woken, since what was said meanwhile is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from trunkline.catalog.postgres import failures
from trunkline.catalog.postgres.pool import Connections
from trunkline.catalog.postgres.processes import Processes
from trunkline.kernel.errors import TrunklineError

log = logging.getLogger("trunkline.catalog")

_TURN = 1.0
"""Seconds between two tries to take the lead."""

_SIGN = 10.0
"""Seconds between two signs of life; a sixth of what the others wait for."""

_LEAD = 0x6C656164
"""The class of the advisory lock: "lead"; its object is the table `leadership`."""


class Presence:
    """The thread with its connection.

    Args:
        processes: the rows of all; what this one says itself wakes nobody.
        channel: what changes are told on.
        woken: called when another process changed something, or may have, or when the lead was taken.
    """

    def __init__(self, connections: Connections, processes: Processes, channel: str, woken: Callable[[], None]) -> None:
        self._connections, self._processes, self._channel, self._woken = connections, processes, channel, woken
        self._epoch: int | None = None
        self._next_sign = 0.0
        self._out_of_reach = False
        self._stopping = threading.Event()
        self._connection = self._listening()
        self._take_lead(self._connection)
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    @property
    def epoch(self) -> int | None:
        """The number of this process's lead; None if it does not lead."""
        return self._epoch

    def stop(self) -> bool:
        """Has the thread end after the next note, at the latest in a moment; whether the server is in reach."""
        self._stopping.set()
        return not self._out_of_reach

    def join(self) -> None:
        """Waits for the end; the lead is given up then."""
        self._thread.join()
        self._epoch = None
        self._connections.drop(self._connection)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except (psycopg.Error, TrunklineError) as error:
                self._epoch = None
                self._out_of_reach = True
                if self._stopping.is_set() or self._connections.closed:
                    return
                log.warning("the catalog was out of reach", extra={"error": _said(error)})
                self._again()

    def _turn(self) -> None:
        """Listens for a moment, then sees to the rest."""
        until = time.monotonic() + _TURN
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            for note in self._connection.notifies(timeout=left, stop_after=1):
                if note.payload != self._processes.own:
                    self._woken()
        if self._stopping.is_set():
            return  # the row may be gone: by our own will
        if time.monotonic() > self._next_sign:
            self._processes.say_alive(self._connection)
            self._next_sign = time.monotonic() + _SIGN
        if self._epoch is None:
            self._take_lead(self._connection)

    def _again(self) -> None:
        """A new connection; tried until there is one."""
        self._connections.drop(self._connection)
        while not self._stopping.wait(_TURN / 4):
            try:
                self._connection = self._listening()
                self._take_lead(self._connection)
            except (psycopg.Error, TrunklineError):
                continue
            self._out_of_reach = False
            self._woken()
            return

    def _listening(self) -> Connection[dict[str, Any]]:
        made = self._connections.connect()
        made.execute(f"LISTEN {self._channel}")
        return made

    def _take_lead(self, connection: Connection[dict[str, Any]]) -> None:
        """Takes the lead if nobody has it."""
        got = connection.execute(
            "SELECT pg_try_advisory_lock($1::bigint::int, 'leadership'::regclass::oid::bigint::int) AS got", (_LEAD,)
        ).fetchone()
        if not (got or {}).get("got"):
            return
        with connection.transaction():
            connection.execute("LOCK TABLE writers IN EXCLUSIVE MODE")
            row = connection.execute("UPDATE leadership SET epoch = epoch + 1 RETURNING epoch").fetchone() or {}
        self._epoch = int(row["epoch"])
        log.info("this pachd leads", extra={"epoch": self._epoch})
        self._woken()


def _said(error: psycopg.Error | TrunklineError) -> str:
    return failures.said(error) if isinstance(error, psycopg.Error) else error.message
