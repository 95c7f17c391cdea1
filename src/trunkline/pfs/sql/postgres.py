"""Loading into a PostgreSQL database over its own protocol.

Every value is sent as a parameter, as text that the server makes into what the column holds, and every name is
quoted. Invariants: servers that pachd does not ask for its callers (`trunkline.pfs.web`) are not asked here either,
by the address that is really connected to; server, user and password never come from pachd's own surroundings.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trunkline.kernel.errors import (
    FailedPrecondition,
    InvalidRequest,
    NotBuilt,
    NotFound,
    PermissionDenied,
    Refused,
    StorageFailed,
    StorageFull,
    TrunklineError,
)
from trunkline.pfs import web
from trunkline.pfs.sql.address import Address
from trunkline.pfs.sql.records import BadRow, Row

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10

_NOT_FOR_EVER = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
"""So that a server that vanished is noticed; seconds, but for the last one."""

_LOCK_TIMEOUT = "10s"
"""How long to wait for somebody else who has locked a table or row, before trying again later."""

_COLUMNS = (
    "SELECT attname FROM pg_attribute "
    "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' "
    "ORDER BY attnum"
)
_OURS = (
    "SELECT count(*) FROM unnest(ARRAY['schema_version', 'commits', 'jobs']) AS name "
    "WHERE to_regclass(name) IS NOT NULL"
)
_TLS = ("does not support SSL", "certificate")
"""What libpq says of a server that is there and cannot be trusted as the address wants it to be."""

_BUSY = ("starting up", "shutting down", "too many", "remaining connection slots", "recovery mode")
"""What a server says that lets nobody in for a while; everything else that it says at the door stays so."""


class PostgresDatabase:
    """A `Database` on a server.

    Args:
        password: of the address's user.
        own_machine: whether servers on pachd's own machine may be asked.

    Raises:
        NotBuilt: psycopg is not installed.
        InvalidRequest: an option has a value that it cannot have.
        PermissionDenied, FailedPrecondition: the server may not be asked, or does not let pachd in.
        StorageFailed: it was not reached.
    """

    def __init__(self, where: Address, password: str, *, own_machine: bool) -> None:
        try:
            import psycopg
        except ImportError:
            raise NotBuilt("egress to PostgreSQL needs psycopg: pip install 'trunkline[postgres]' for pachd") from None
        self._errors = psycopg
        self._where, self._password = where, password
        self._names: dict[str, str] = {}
        addresses = _addresses(where, own_machine)
        options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": "trunkline"}
        options |= dict(where.options)
        # One host name for each address: TLS certificates are held against the name.
        options |= {"host": ",".join([where.host] * len(addresses)), "hostaddr": ",".join(addresses)}
        options |= {"port": where.port, "user": where.user, "dbname": where.database, "password": password}
        options |= {"gssencmode": "disable"}  # a ticket would be that of pachd's own user
        options |= _NOT_FOR_EVER
        try:
            self._connection = psycopg.connect("", client_encoding="utf8", **options)
        except psycopg.Error as error:
            raise self._at_the_door(error) from None
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise

    def _begin(self) -> None:
        with self._told():
            self._connection.execute("SET CONSTRAINTS ALL DEFERRED")
            self._connection.execute("SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
            ours = self._connection.execute(_OURS).fetchone()
        if ours is not None and ours[0] == 3:
            raise PermissionDenied(f"{self._where} is a catalog of Trunkline: name another database")

    def columns(self, table: str) -> list[str]:
        """As `Database.columns`. The name may have a schema before a dot, and is looked for in lower case, too."""
        with self._told():
            for name in dict.fromkeys((table, table.lower())):
                quoted = ".".join(map(_quoted, name.split(".", 1)))
                found = self._connection.execute("SELECT to_regclass(%s)::oid", (quoted,)).fetchone()
                if found is not None and found[0] is not None:
                    self._names[table] = quoted
                    return [row[0] for row in self._connection.execute(_COLUMNS, (found[0],))]
        raise NotFound(f"there is no table {table} in {self._where}: create it first")

    def empty(self, table: str) -> None:
        """As `Database.empty`."""
        with self._told():
            self._connection.execute(_sql(f"DELETE FROM {self._names[table]}"))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """As `Database.insert`; a batch that is not taken is given again row by row, to tell which one it is."""
        marks = ", ".join(["%s"] * len(columns))
        names = ", ".join(_quoted(column).replace("%", "%%") for column in columns)
        statement = _sql(f"INSERT INTO {self._names[table].replace('%', '%%')} ({names}) VALUES ({marks})")
        with self._told():
            try:
                with self._connection.transaction(), self._connection.cursor() as cursor:
                    cursor.executemany(statement, [row.values for row in rows])
                return
            except self._errors.OperationalError:
                raise
            except (self._errors.Error, UnicodeError):
                pass
            for row in rows:
                try:
                    with self._connection.transaction():
                        self._connection.execute(statement, row.values)
                except self._errors.OperationalError:
                    raise
                except (self._errors.Error, UnicodeError) as error:
                    raise BadRow(row.line, f"{table} does not take it: {self._line(error)}") from None

    def commit(self) -> None:
        """As `Database.commit`."""
        with self._told():
            self._connection.commit()

    def close(self) -> None:
        """As `Database.close`."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._errors.Error as error:
            raise self._translated(error) from None

    def _translated(self, error: psycopg.Error) -> TrunklineError:
        told = self._line(error)
        state = error.sqlstate or ""
        if state.startswith("53") and state != "53300":
            return StorageFull(f"{self._where} has no room: {told}; make some, then try again")
        if not state or state.startswith(("08", "40", "53", "55", "57", "58")):
            return StorageFailed(f"{self._where} could not go on: {told}; try again")
        if state.startswith("23"):
            return FailedPrecondition(f"{self._where} does not take the rows: {told}; nothing was written")
        return Refused(f"{self._where} refused: {told}; nothing was written")

    def _at_the_door(self, error: psycopg.Error) -> TrunklineError:
        told = self._line(error)
        if isinstance(error, self._errors.ProgrammingError) or "invalid" in told:
            return InvalidRequest(f"{self._where} has an option that cannot be: {told}")
        lasting = "FATAL" in told or any(words in told for words in _TLS)
        if lasting and not any(words in told for words in _BUSY):
            return FailedPrecondition(f"{self._where} does not let pachd in: {told}")
        return StorageFailed(f"{self._where} was not reached: {told}; check the network and the server")

    def _line(self, error: Exception) -> str:
        diagnosis = getattr(error, "diag", None)
        text = (diagnosis.message_primary if diagnosis is not None else None) or str(error)
        return " ".join(text.split())[:300].replace(self._password, "***")


def _addresses(where: Address, own_machine: bool) -> list[str]:
    """The addresses of the server, each of which may be asked."""
    try:
        found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise StorageFailed(f"{where} was not reached: its name is not known ({error})") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for each in addresses:
        problem = web.forbidden(each, own_machine)
        if problem:
            raise PermissionDenied(f"{where} is not asked: {problem}")
    return addresses


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sql(text: str) -> bytes:
    """A statement made of quoted names; values are always parameters."""
    return text.encode()
