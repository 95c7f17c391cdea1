"""The catalog on SQLite in WAL mode: one writer, any number of readers, each on its own snapshot.

Invariants: `write` returns only when the change is on disk (`synchronous=FULL`); one process owns the file
(pachd's lock on its home sees to that). Readers have a connection per thread and never block the writer.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from trunkline.catalog import migrate
from trunkline.catalog.database import Parameters, Row
from trunkline.catalog.watch import Watch
from trunkline.kernel.errors import Corrupt, StorageFailed, StorageFull, TrunklineError

T = TypeVar("T")


class SqliteTx:
    """A transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes a statement; returns how many rows it touched."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes an INSERT; returns the new row's integer key."""
        key = self._connection.execute(sql, parameters).lastrowid
        return int(key or 0)

    def rows(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Streams the rows of a query."""
        return iter(self._connection.execute(sql, parameters))

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._connection.execute(sql, parameters).fetchone()
        return found


class SqliteCatalog:
    """The database in one file."""

    def __init__(self, path: Path) -> None:
        self.watch = Watch()
        self._path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._all_lock = threading.Lock()
        self._write_lock = threading.RLock()
        with _as_trunkline_errors(path):
            self._writer = self._connect()
            migrate.up(SqliteTx(self._writer), self._writer.executescript)

    @contextmanager
    def read(self) -> Iterator[SqliteTx]:
        """A transaction that reads one snapshot; nests within the thread (the outermost snapshot counts)."""
        depth: int = getattr(self._local, "depth", 0)
        connection = self._reader()
        with _as_trunkline_errors(self._path):
            if depth == 0:
                connection.execute("BEGIN")
            self._local.depth = depth + 1
            try:
                yield SqliteTx(connection)
            finally:
                self._local.depth = depth
                if depth == 0:
                    connection.execute("ROLLBACK")

    def write(self, change: Callable[[SqliteTx], T]) -> T:
        """Runs `change` alone and durably; see `Catalog.write`."""
        with self._write_lock, _as_trunkline_errors(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                result = change(SqliteTx(self._writer))
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        self.watch.notify()
        return result

    def close(self) -> None:
        """Ends all waits and closes every connection."""
        self.watch.close()
        with self._write_lock, self._all_lock:
            for connection in self._all:
                connection.close()
            self._all.clear()

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=60)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        with self._all_lock:
            self._all.append(connection)
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
