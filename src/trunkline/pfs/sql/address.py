"""Addresses of databases that output may be loaded into; nothing is contacted here.

    postgres://user@host:port/database?sslmode=require        sqlite:///folder/file.db

Invariants: an address never carries a password, and one that does is refused without being repeated; it names the
server, the user and the database itself, so that nothing of pachd's own surroundings fills a gap.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from trunkline.kernel.errors import InvalidRequest, NotBuilt

POSTGRES_PORT = 5432

OPTIONS = frozenset(
    {"application_name", "connect_timeout", "options", "require_auth", "sslmode", "target_session_attrs"}
)
"""Of libpq, as far as they read nothing of pachd's machine and lead nowhere else."""


class Kind(Enum):
    """Whose dialect is spoken."""

    POSTGRES = "PostgreSQL"
    SQLITE = "SQLite"


_KINDS = {"postgres": Kind.POSTGRES, "postgresql": Kind.POSTGRES, "sqlite": Kind.SQLITE, "sqlite3": Kind.SQLITE}
_NOT_BUILT = {"mysql": "MySQL", "snowflake": "Snowflake"}


class Address(NamedTuple):
    """One database.

    Attributes:
        host, port, user, options: of a server; empty for a file.
        database: its name, or the absolute path of its file.
    """

    kind: Kind
    database: str
    host: str = ""
    port: int = 0
    user: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def has_password(self) -> bool:
        """Whether one is needed to get in."""
        return self.kind is not Kind.SQLITE

    def __str__(self) -> str:
        """The address as messages name it: without options."""
        if self.kind is Kind.SQLITE:
            return f"sqlite://{self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgres://{self.user}@{host}:{self.port}/{self.database}"


def parse(url: str) -> Address:
    """What an address says.

    Raises:
        InvalidRequest: it is none, lacks a part, or has one that it may not have.
        NotBuilt: it names a kind of database that Trunkline does not write to.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in _NOT_BUILT:
        raise NotBuilt(f"egress to {_NOT_BUILT[scheme]} is not built: name a PostgreSQL database or a bucket")
    if scheme not in _KINDS:
        raise InvalidRequest(f"unrecognized database: {scheme[:40]!r}; give postgres://user@host/database")
    try:
        parts = urlsplit(url)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise InvalidRequest("the address of a database cannot be read: give postgres://user@host/database") from None
    if "\0" in unquote(url):
        raise InvalidRequest("the address of a database contains a NUL character")
    return _file(parts) if _KINDS[scheme] is Kind.SQLITE else _server(parts, port, options)


def _file(parts: SplitResult) -> Address:
    path = unquote(parts.path)
    steps = path.split("/")
    if parts.netloc or parts.query or not path.startswith("/") or any(step in ("", ".", "..") for step in steps[1:]):
        raise InvalidRequest("a SQLite database is named by the plain path of its file: sqlite:///folder/file.db")
    return Address(Kind.SQLITE, path)


def _server(parts: SplitResult, port: int | None, options: list[tuple[str, str]]) -> Address:
    if parts.password is not None:
        raise InvalidRequest("the address of a database carries a password: name a secret that holds it instead")
    host, user, database = unquote(parts.hostname or ""), unquote(parts.username or ""), unquote(parts.path[1:])
    for value, what in ((user, "user"), (host, "host"), (database, "database")):
        if not value:
            raise InvalidRequest(f"the address of a database names no {what}: give postgres://user@host/database")
    if "/" in host or "," in host or "=" in database or "://" in database:
        raise InvalidRequest("the address of a database names no single host and database: give them by their names")
    for name, _ in options:
        if name not in OPTIONS:
            known = ", ".join(sorted(OPTIONS))
            raise InvalidRequest(f"the address of a database has the option {name[:40]!r}: options are {known}")
    return Address(Kind.POSTGRES, database, host, port or POSTGRES_PORT, user, tuple(options))
