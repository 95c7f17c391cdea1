"""Which processes share the catalog: a row each, renewed now and then by the server's clock.

Invariant: a process that was silent for `SILENCE` and was given up can never change the catalog again: its row is gone,
and every change looks for it. So who is told that there is no other process may rely on it, until one begins anew; and
none begins while one of them asks to be alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from trunkline.catalog.postgres.tx import PostgresTx
from trunkline.catalog.postgres.writing import Writer
from trunkline.kernel.errors import FailedPrecondition

SILENCE = 60
"""Seconds after which a process may be given up."""

log = logging.getLogger("trunkline.catalog")

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"
_SILENT = f"seen < {_NOW} - {SILENCE}::bigint * 1000000000"


class Processes:
    """The rows, seen from one process.

    Args:
        own: the name of this one.
    """

    def __init__(self, writer: Writer, own: str) -> None:
        self._writer, self.own = writer, own

    def begin(self, dead: Sequence[str] = ()) -> None:
        """Adds the own row, when no other process is alone.

        Args:
            dead: processes that are known to be over; their rows go at once.

        Raises:
            FailedPrecondition: one is, for longer than we wait.
        """
        give_up = time.monotonic() + SILENCE
        while not self._writer.run(lambda tx: self._added(tx, dead), known=False):
            if time.monotonic() > give_up:
                raise FailedPrecondition(
                    "another pachd collects garbage in the store of this catalog: start this one when it is done"
                )
            time.sleep(1.0)

    def end(self) -> None:
        """Removes the own rows. If nobody knows whether that happened it is done again."""

        def remove(tx: PostgresTx) -> None:
            tx.run("DELETE FROM processes WHERE name = ?", (self.own,))
            tx.run("DELETE FROM changes WHERE process = ?", (self.own,))

        self._writer.run(remove, known=False)

    def say_alive(self, connection: Connection[dict[str, Any]]) -> None:
        """Renews the own row; says so if it is gone."""
        if not connection.execute(f"UPDATE processes SET seen = {_NOW} WHERE name = $1", (self.own,)).rowcount:
            log.error("another pachd gave this one up, it can change nothing any more: restart it")

    def others(self) -> int:
        """How many other processes may change the catalog; those that were silent for too long are given up."""
        return self._writer.run(self._others)

    @contextmanager
    def alone(self) -> Iterator[Callable[[], bool]]:
        """Keeps others from beginning; yields a function that tells whether that still holds, and will for `SILENCE`.

        Raises:
            FailedPrecondition: there are others.
        """

        def ask(tx: PostgresTx) -> int:
            found = self._others(tx)
            if found == 0:
                tx.run("UPDATE processes SET alone = 1 WHERE name = ?", (self.own,))
            return found

        def still(tx: PostgresTx) -> bool:
            # A sign of life of its own: the other ones may have failed for a while, and we be about to be given up.
            tx.run(f"UPDATE processes SET seen = {_NOW} WHERE name = ?", (self.own,))
            return self._others(tx) == 0

        if found := self._writer.run(ask):
            raise FailedPrecondition(
                f"{found} other pachd use this catalog, or did until a minute ago: stop them, and repeat the call then"
            )
        try:
            yield lambda: self._writer.run(still)
        finally:
            self._writer.run(lambda tx: tx.run("UPDATE processes SET alone = 0 WHERE name = ?", (self.own,)))

    def _others(self, tx: PostgresTx) -> int:
        tx.run(f"DELETE FROM processes WHERE name <> ? AND {_SILENT}", (self.own,))
        row = tx.row("SELECT count(*) AS number FROM processes WHERE name <> ?", (self.own,))
        return 0 if row is None else int(row["number"])

    def _added(self, tx: PostgresTx, dead: Sequence[str]) -> bool:
        for name in dead:
            tx.run("DELETE FROM processes WHERE name = ?", (name,))
        tx.run(f"DELETE FROM processes WHERE {_SILENT}")
        if tx.row("SELECT 1 FROM processes WHERE alone = 1") is not None:
            return False
        tx.run("DELETE FROM changes WHERE process <> ? AND process NOT IN (SELECT name FROM processes)", (self.own,))
        tx.run(f"INSERT INTO processes (name, started, seen) VALUES (?, {_NOW}, {_NOW})", (self.own,))
        return True
