"""Which catalog the worlds of tests stand on: SQLite in a file, or PostgreSQL; the same tests run on both.

A world asks `opened` for the catalog of its path. Invariant: the same path gives the same database until
`Databases.clean`, so that a test can close its catalog and open it again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from trunkline.catalog import Catalog, SqliteCatalog
from trunkline.catalog.sqlite import SqliteTx
from trunkline.testing.postgres import PostgresServer

T = TypeVar("T")

Opener = Callable[[Path], Catalog]

Addresses = Callable[[Path], str]

_opener: Opener = SqliteCatalog
_address: Addresses = lambda path: ""  # noqa: E731


def opened(path: Path) -> Catalog:
    """The catalog of a world, made if need be."""
    return _opener(path)


def address(path: Path) -> str:
    """`Settings.catalog` for a pachd in a test: what stands for a path, or empty for SQLite in its home."""
    return _address(path)


def use(opener: Opener, addresses: Addresses = lambda path: "") -> None:
    """Decides what `opened` opens, and `address` names, from now on."""
    global _opener, _address
    _opener, _address = opener, addresses


class RepeatingCatalog(SqliteCatalog):
    """Runs each change twice, the first time for nothing, as after a conflict or a lost connection.

    A change that leaves something behind beside the rows of its transaction is found out by it.
    """

    def write(self, change: Callable[[SqliteTx], T]) -> T:
        """As `Catalog.write`."""

        def undone(tx: SqliteTx) -> None:
            change(tx)
            raise _Undone

        with suppress(_Undone):
            super().write(undone)
        return super().write(change)


class _Undone(Exception):
    """Ends the first run."""


class Databases:
    """Empty databases on a server of one's own, used again and again."""

    def __init__(self) -> None:
        self.server = PostgresServer()
        self._template = ""
        self._free: list[str] = []
        self._used: dict[Path, str] = {}
        self._emptying: list[str] = []

    def open(self, path: Path) -> Catalog:
        """The catalog that stands for a path."""
        from trunkline.catalog.postgres import PostgresCatalog

        return PostgresCatalog(self.dsn(path))

    def dsn(self, path: Path) -> str:
        """The address of the database that stands for a path: one with a schema and no data, at first."""
        if path not in self._used:
            self._used[path] = self._free.pop() if self._free else self._new()
        return self._used[path]

    def clean(self, below: Path | None = None) -> None:
        """Empties what was used, for the next test; only what stands for paths below a folder, if one is given."""
        import psycopg

        for path in [path for path in self._used if below is None or path.is_relative_to(below)]:
            dsn = self._used.pop(path)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                connection.execute("; ".join(self._emptying).encode())
            self._free.append(dsn)

    def close(self) -> None:
        """Stops the server."""
        self.server.stop()

    def _new(self) -> str:
        if self._template:
            return self.server.new_database(self._template)
        import psycopg

        from trunkline.catalog.postgres import PostgresCatalog

        dsn = self.server.new_database()
        PostgresCatalog(dsn).close()
        with psycopg.connect(dsn) as connection:
            self._emptying = _emptying(connection)
            connection.execute("; ".join(self._emptying).encode())
            self._template = connection.info.dbname
        return self.server.new_database(self._template)


def _emptying(connection: Any) -> list[str]:
    """Statements that bring a database back to how the migrations left it."""
    names = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    keys = [row[0] for row in connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")]
    made = ["SET session_replication_role = replica"]
    for name in names:
        if name.endswith("_version"):
            continue
        if name == "leadership":
            made.append("UPDATE leadership SET epoch = 0")
            continue
        if connection.execute(f"SELECT 1 FROM {name}").fetchone():
            raise RuntimeError(f"a migration fills {name}: tell trunkline.testing.catalogs how to restore it")
        made.append(f"DELETE FROM {name}")
    return made + [f"ALTER SEQUENCE {key} RESTART" for key in keys]
