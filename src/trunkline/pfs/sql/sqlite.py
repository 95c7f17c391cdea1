"""Loading into a SQLite file, below folders that pachd's operator allowed.

SQLite takes any text for any column; so that rows are typed as with other databases, what is no number is refused
for a column that was declared to hold numbers. Invariants: no link is followed, no file is made; the schema of the file
is not trusted with functions that reach outside of it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from trunkline.kernel.errors import (
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    Refused,
    StorageFailed,
    StorageFull,
    TrunklineError,
)
from trunkline.pfs.sql.address import Address
from trunkline.pfs.sql.records import BadRow, Row

Cast = Callable[[str], str]

BUSY_SECONDS = 10.0
"""How long to wait for somebody else who writes to the file."""

_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OURS = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('schema_version', 'commits', 'jobs')"


class SqliteFile:
    """A `Database` in a file.

    Args:
        allowed: folders whose files may be written to.

    Raises:
        PermissionDenied: the file lies in none of them, or is pachd's own.
        NotFound: it is not there.
    """

    def __init__(self, where: Address, allowed: Sequence[Path]) -> None:
        self._where = where
        self._casts: dict[str, Cast] = {}
        path = _allowed(where, allowed)
        with self._told():
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS
            )
            try:
                self._begin()
            except BaseException:
                self._connection.close()
                raise

    def _begin(self) -> None:
        for pragma in ("trusted_schema=OFF", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("PRAGMA defer_foreign_keys=ON")
        if self._connection.execute(_OURS).fetchone()[0] == 3:
            raise PermissionDenied(f"{self._where} is a catalog of Trunkline: name another database")

    def columns(self, table: str) -> list[str]:
        """As `Database.columns`."""
        query = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid"
        there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
        with self._told():
            found = self._connection.execute(query, (table,)).fetchall()
            if self._connection.execute(there, (table,)).fetchone() is None or table.lower().startswith("sqlite_"):
                raise NotFound(f"there is no table {table} in {self._where}: create it first")
        self._casts = {name: _cast_for(declared) for name, declared in found}
        return [name for name, _ in found]

    def empty(self, table: str) -> None:
        """As `Database.empty`."""
        with self._told():
            self._connection.execute(f"DELETE FROM {_quoted(table)}")

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """As `Database.insert`."""
        casts = [self._casts[column] for column in columns]
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {_quoted(table)} ({', '.join(map(_quoted, columns))}) VALUES ({marks})"
        with self._told():
            for row in rows:
                try:
                    values = [
                        None if value is None else cast(value) for cast, value in zip(casts, row.values, strict=True)
                    ]
                    self._connection.execute(statement, values)
                except (sqlite3.IntegrityError, sqlite3.DataError, UnicodeError, ValueError) as error:
                    raise BadRow(row.line, f"{table} does not take it: {error}") from None

    def commit(self) -> None:
        """As `Database.commit`."""
        with self._told():
            try:
                self._connection.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                raise FailedPrecondition(
                    f"{self._where} does not take the rows: {error}; nothing was written"
                ) from None

    def close(self) -> None:
        """As `Database.close`."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translated(error, self._where) from None


def _translated(error: sqlite3.Error, where: Address) -> TrunklineError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return StorageFull(f"no space left for {where}: free some, then try again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR")):
        return StorageFailed(f"{where} cannot be written to now ({error}): try again")
    return Refused(f"{where} cannot be written to: {error}; nothing was written")


def _allowed(where: Address, allowed: Sequence[Path]) -> Path:
    path = Path(where.database)
    holding = [folder for folder in allowed if path.is_relative_to(folder)]
    if not holding:
        raise PermissionDenied(f"{where} is not open to callers: name its folder in TRUNKLINE_SQLITE_FOLDERS of pachd")
    try:
        resolved = path.resolve(strict=True)
    except OSError:
        resolved = None
    plain = [folder for folder in holding if resolved == folder.resolve() / path.relative_to(folder)]
    if not plain or not path.is_file():
        raise NotFound(f"{where} is no ordinary file: make one, with its tables; links are not followed")
    return path


def _cast_for(declared: str) -> Cast:
    """What a column makes of texts, by the words that SQLite looks for in its declared type."""
    words = declared.upper()
    if "BOOL" in words:
        return _boolean
    if "INT" in words:
        return _integer
    return _number if any(word in words for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")) else _as_it_is


def _as_it_is(value: str) -> str:
    return value


def _boolean(value: str) -> str:
    known = {"true": "1", "t": "1", "1": "1", "false": "0", "f": "0", "0": "0"}
    if value.lower() not in known:
        raise ValueError(f"{value[:40]!r} is neither true nor false")
    return known[value.lower()]


def _integer(value: str) -> str:
    if not _INTEGER.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is no whole number")
    return value


def _number(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is no number")
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
