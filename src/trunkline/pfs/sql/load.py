"""The files of a commit loaded into the tables of a database: `/<table>/…` holds the rows of a table.

Invariants: all tables change in one transaction or none does; a table that has a file holds afterwards the rows of its
files and no others, so that doing it again changes nothing; a table without a file is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from trunkline.kernel.errors import Cancelled, FailedPrecondition, InvalidRequest, NotFound, Refused
from trunkline.pfs.files import View
from trunkline.pfs.sql import address
from trunkline.pfs.sql.address import Address, Kind
from trunkline.pfs.sql.database import Database
from trunkline.pfs.sql.records import READERS, BadRow
from trunkline.pfs.tree import Node
from trunkline.pfs.urls import Urls

PASSWORD_VARIABLE = "PACHYDERM_SQL_PASSWORD"  # noqa: S105 - the name of one
BATCH = 1_000
"""Rows given to the database at once."""


class Target(NamedTuple):
    """Where rows go, and how files hold them.

    Attributes:
        url: of the database.
        format: `CSV` or `JSON`.
        columns: those that a row has values for, in its order; none means those of the table.
    """

    url: str
    format: str
    columns: tuple[str, ...] = ()


def check(target: Target) -> Address:
    """The database of a target that could be loaded into.

    Raises:
        InvalidRequest, Refused, NotBuilt: it cannot be; the message says why.
    """
    found = address.parse(target.url)
    if target.format not in READERS:
        raise Refused(f"unknown file format {target.format}: give {' or '.join(READERS)}")
    for name in target.columns:
        if not name or target.columns.count(name) > 1:
            raise InvalidRequest(f"the columns of the file format name {name!r} twice, or not at all: name each once")
    return found


def load(
    urls: Urls,
    target: Target,
    password: str,
    view: View,
    nodes: Iterable[Node],
    alive: Callable[[], bool] = lambda: True,
) -> dict[str, int]:
    """Replaces the rows of the tables that have files.

    Args:
        password: of the database's user; empty for the one that pachd was started with.
        nodes: the files, by path; directories are passed over.
        alive: whether somebody still waits for it.

    Returns:
        How many rows each table has now.

    Raises:
        InvalidRequest, Refused, NotBuilt, NotFound, PermissionDenied, FailedPrecondition: it cannot be done; the
            message names the file and the line where it is about one.
        StorageFailed, StorageFull: the database was not reached, or could not go on; trying again may help.
        Cancelled: nobody waits for it any more.
    """
    where = check(target)
    if where.has_password and not (password or urls.sql_password):
        raise FailedPrecondition(f"must set {PASSWORD_VARIABLE} in the environment of pachd, or name a secret")
    database = _open(urls, where, password or urls.sql_password)
    try:
        written = _Loading(database, where, target, view, alive).run(nodes)
        if not alive():
            raise Cancelled("nobody waits for the rows any more")
        database.commit()
        return written
    finally:
        database.close()


def _open(urls: Urls, where: Address, password: str) -> Database:
    # Neither is needed by who has no such egress.
    if where.kind is Kind.SQLITE:
        from trunkline.pfs.sql.sqlite import SqliteFile

        return SqliteFile(where, urls.sqlite_folders)
    from trunkline.pfs.sql.postgres import PostgresDatabase

    return PostgresDatabase(where, password, own_machine=urls.own_machine)


class _Loading:
    def __init__(
        self, database: Database, where: Address, target: Target, view: View, alive: Callable[[], bool]
    ) -> None:
        self._database, self._where, self._target = database, where, target
        self._view, self._alive = view, alive

    def run(self, nodes: Iterable[Node]) -> dict[str, int]:
        written: dict[str, int] = {}
        columns: list[str] = []
        for node in nodes:
            if node.is_dir:
                continue
            table, slash, _ = node.path.removeprefix("/").partition("/")
            if not slash:
                raise Refused(f"file {node.path} belongs to no table: the files of a table lie in a folder of its name")
            if table not in written:
                columns = self._begin(table)
                written[table] = 0
            written[table] += self._file(table, columns, node)
        return written

    def _begin(self, table: str) -> list[str]:
        """Empties a table; returns the columns that rows have values for."""
        known = self._database.columns(table)
        for name in self._target.columns:
            if name not in known:
                raise NotFound(f"table {table} in {self._where} has no column {name}: it has {', '.join(known)}")
        self._database.empty(table)
        return list(self._target.columns) or known

    def _file(self, table: str, columns: list[str], node: Node) -> int:
        count = 0
        try:
            rows = READERS[self._target.format](self._pieces(node), columns, bool(self._target.columns))
            while batch := list(islice(rows, BATCH)):
                self._database.insert(table, columns, batch)
                count += len(batch)
        except BadRow as error:
            raise Refused(f"file {node.path}, line {error.line}: {error}; nothing was written") from None
        return count

    def _pieces(self, node: Node) -> Iterator[bytes]:
        for piece in self._view.read(node):
            if not self._alive():
                raise Cancelled("nobody waits for the rows any more")
            yield piece
