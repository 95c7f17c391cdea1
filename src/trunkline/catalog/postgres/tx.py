"""A transaction on one connection to PostgreSQL.

Invariants: integers and truth values travel as 64 bits, so that a statement is prepared once and not once for each
size of its numbers; bytes come back as `bytes`. A result of up to `AT_ONCE` rows is fetched in one exchange, a longer
one through a cursor of the server: it never stands in memory as a whole, and other statements may run in between.
A question for one row that was asked before is not sent again: in a snapshot, and in a change that is alone, the answer
can only be another one after a statement of the transaction itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from psycopg import Connection, adapters
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import ByteaBinaryLoader

from trunkline.catalog.database import Parameters, Row
from trunkline.catalog.postgres.placeholders import limited, numbered

AT_ONCE = 200
"""Rows of one exchange."""

_ANSWERS = 64
"""Answers that a transaction remembers."""


class _TruthDumper(Int8Dumper):
    def dump(self, obj: Any) -> Buffer | None:
        return super().dump(int(obj))


class _BytesLoader(ByteaBinaryLoader):
    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def our_types() -> AdaptersMap:
    """How values of rows and parameters look on the wire."""
    made = AdaptersMap(adapters)
    made.register_dumper(int, Int8Dumper)
    made.register_dumper(bool, _TruthDumper)
    made.register_loader("bytea", _BytesLoader)
    return made


class PostgresTx:
    """What runs on a connection whose transaction somebody else begins and ends."""

    def __init__(self, connection: Connection[dict[str, Any]]) -> None:
        self._connection = connection
        self._cursors = itertools.count(1)
        self._answers: dict[tuple[str, Parameters], Row | None] = {}

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes a statement; returns how many rows it touched."""
        self._answers.clear()
        return self._connection.execute(numbered(sql), parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes an INSERT into a table with the key `id`; returns the new row's key."""
        self._answers.clear()
        row = self._connection.execute(f"{numbered(sql)} RETURNING id", parameters, binary=True).fetchone()
        return 0 if row is None else int(row["id"])

    def rows(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Streams the rows of a query; to the end of the transaction."""
        few = self._connection.execute(limited(sql, AT_ONCE + 1), parameters, binary=True).fetchall()
        if len(few) <= AT_ONCE:
            return iter(few)
        # Nothing was handed out yet, so the cursor begins anew: without LIMIT the order may be another one.
        name = f"rows_{next(self._cursors)}"
        self._connection.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {numbered(sql)}", parameters)
        return self._fetched(name)

    def _fetched(self, name: str) -> Iterator[Row]:
        while some := self._connection.execute(f"FETCH {AT_ONCE} FROM {name}", prepare=False, binary=True).fetchall():
            yield from some
        self._connection.execute(f"CLOSE {name}", prepare=False)

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        question = sql, tuple(parameters)
        if question not in self._answers:
            if len(self._answers) >= _ANSWERS:
                self._answers.clear()
            self._answers[question] = self._connection.execute(limited(sql, 1), parameters, binary=True).fetchone()
        return self._answers[question]
