"""The catalog on SQLite in WAL mode: one writer, any number of readers, each on its own snapshot.

Invariants: `write` returns only when the change is on disk (`synchronous=FULL`); one process owns the file
(pachd's lock on its home sees to that). Readers take a connection each from a pool and never block the writer;
their number follows how many read at once, not how many threads there ever were.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from trunkline.catalog import migrate
from trunkline.catalog.database import Parameters, Row
from trunkline.catalog.timing import COMMIT_SECONDS
from trunkline.catalog.watch import Watch
from trunkline.kernel.errors import Cancelled, Corrupt, StorageFailed, StorageFull, TrunklineError

T = TypeVar("T")

_IDLE_READERS = 32
"""Connections that are kept open for the next readers."""


class SqliteTx:
    """A transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unread: WeakSet[sqlite3.Cursor] = WeakSet()

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes a statement; returns how many rows it touched."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes an INSERT; returns the new row's integer key."""
        key = self._connection.execute(sql, parameters).lastrowid
        return int(key or 0)

    def rows(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Streams the rows of a query; to the end of the transaction."""
        cursor = self._connection.execute(sql, parameters)
        self._unread.add(cursor)
        return cursor

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        with closing(self._connection.execute(sql, parameters)) as cursor:
            found: Row | None = cursor.fetchone()
        return found

    def end(self) -> None:
        """Ends queries whose rows were not all read: SQLite would keep their snapshot for the next transaction."""
        for cursor in list(self._unread):
            cursor.close()


class SqliteCatalog:
    """The database in one file."""

    def __init__(self, path: Path) -> None:
        self.watch = Watch()
        self._path = path
        self._local = threading.local()
        self._all: set[sqlite3.Connection] = set()
        self._idle: list[sqlite3.Connection] = []
        self._all_lock = threading.Lock()
        self._closed = False
        self._write_lock = threading.RLock()
        with _as_trunkline_errors(path):
            self._writer = self._connect()
            self._bring_up()

    def _bring_up(self) -> None:
        """Applies the migrations that are missing, each in a transaction of its own."""
        tx = SqliteTx(self._writer)
        tx.run("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY)")
        for number, sql in migrate.missing(tx, migrate.scripts()):
            done = f"INSERT INTO schema_version VALUES ({number})"
            self._writer.executescript(f"BEGIN IMMEDIATE;\n{sql}\n{done};\nCOMMIT;")

    @contextmanager
    def read(self) -> Iterator[SqliteTx]:
        """A transaction that reads one snapshot; nests within the thread (the outermost snapshot counts)."""
        outer: SqliteTx | None = getattr(self._local, "tx", None)
        with _as_trunkline_errors(self._path):
            if outer is not None:
                yield outer
                return
            connection = self._take()
            tx = SqliteTx(connection)
            try:
                connection.execute("BEGIN")
                self._local.tx = tx
                yield tx
            finally:
                self._local.tx = None
                tx.end()
                self._give_back(connection)

    def write(self, change: Callable[[SqliteTx], T]) -> T:
        """Runs `change` alone and durably; see `Catalog.write`."""
        with self._write_lock, _as_trunkline_errors(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                result = change(SqliteTx(self._writer))
                began = time.perf_counter()
                self._writer.execute("COMMIT")
                COMMIT_SECONDS.observe(time.perf_counter() - began)
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        self.watch.notify()
        return result

    @contextmanager
    def leading(self) -> Iterator[bool]:
        """Always: there is no other process."""
        yield True

    def others(self) -> int:
        """None, ever."""
        return 0

    @contextmanager
    def alone(self) -> Iterator[Callable[[], bool]]:
        """Always."""
        yield lambda: True

    def close(self) -> None:
        """Ends all waits and closes every connection."""
        self.watch.close()
        with self._write_lock, self._all_lock:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._idle.clear()

    def _take(self) -> sqlite3.Connection:
        """A connection to read with; a new one if all are in use."""
        with self._all_lock:
            if self._closed:
                raise Cancelled("pachd is shutting down: repeat the call when it runs again")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        """Ends the snapshot; keeps the connection for the next reader, unless there are enough."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            usable = True
        except sqlite3.Error:
            usable = False
        with self._all_lock:
            if usable and not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
            self._all.discard(connection)
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=60)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        with self._all_lock:
            self._all.add(connection)
        return connection


@contextmanager
def _as_trunkline_errors(path: Path) -> Iterator[None]:
    """The border where SQLite's exceptions become ours."""
    try:
        yield
    except TrunklineError:
        raise
    except sqlite3.IntegrityError:
        raise  # a broken invariant: a bug, to be seen as one
    except sqlite3.DatabaseError as error:
        raise translate(error, path) from error


def translate(error: sqlite3.DatabaseError, path: Path) -> TrunklineError:
    """What a user is told of an error of SQLite."""
    name: Any = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return StorageFull(f"no space left for the catalog {path}: free some, then repeat the call")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Corrupt(f"the catalog {path} is damaged ({error}): restore it from a backup")
    return StorageFailed(f"the catalog {path} could not be used ({error}): check the disk and the permissions")
