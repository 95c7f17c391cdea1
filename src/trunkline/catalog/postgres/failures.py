"""The border where errors of psycopg and of the server become ours.

Invariant: no message and no log line holds a password; a connection string is only ever shown by its user, host and
database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from trunkline.kernel.errors import (
    Conflict,
    Corrupt,
    InvalidRequest,
    StorageFailed,
    StorageFull,
    TrunklineError,
)

_CONFLICTS = ("40001", "40P01")
_BUSY = ("53300",)
_UNKNOWN_USER = ("authentication failed", "no password supplied", 'FATAL:  role "')
_AWAY = ("08", "57P")
"""The connection is lost, or the server stops, starts or recovers."""


def is_conflict(error: psycopg.Error) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    return error.sqlstate in _CONFLICTS


def is_away(error: psycopg.Error) -> bool:
    """Whether the server cannot be reached now, but may be in a moment."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    if error.sqlstate is None:
        return "authentication" not in str(error) and "does not exist" not in str(error)
    return error.sqlstate.startswith(_AWAY)


def is_busy(error: psycopg.Error) -> bool:
    """Whether the server has no connection left."""
    return error.sqlstate in _BUSY


def translate(error: psycopg.Error, where: str) -> TrunklineError:
    """What a user is told of an error.

    Args:
        where: user, host and database.
    """
    state = error.sqlstate or ""
    if state == "53100":
        return StorageFull(f"no space left for the catalog {where}: free some on its server, then repeat the call")
    if is_busy(error):
        return StorageFailed(f"the server of the catalog {where} has no connection left: raise its max_connections")
    if is_conflict(error):
        return Conflict(f"others kept changing the catalog {where} at the same time: repeat the call")
    if state.startswith("XX00"):
        return Corrupt(f"the catalog {where} is damaged ({said(error)}): restore it from a backup")
    if isinstance(error, psycopg.DataError):
        return InvalidRequest(f"a text of the request cannot be kept in the catalog ({said(error)}): change it")
    return StorageFailed(f"the catalog {where} could not be used ({said(error)}): {_remedy(error, state)}")


def _remedy(error: psycopg.Error, state: str) -> str:
    text = str(error)
    if state == "42501":
        return "give its user the right to create and change tables (GRANT)"
    if state.startswith("28") or any(sign in text for sign in _UNKNOWN_USER):
        return "check user and password in TRUNKLINE_CATALOG, and the server's pg_hba.conf"
    if state == "3D000" or ('database "' in text and "does not exist" in text):
        return "create the database (createdb), or name another in TRUNKLINE_CATALOG"
    if state == "25006":
        return "name the primary server in TRUNKLINE_CATALOG, this one takes no changes"
    if is_away(error):
        return "see that the server runs and can be reached, then repeat the call"
    return "see the log of its server"


def said(error: psycopg.Error) -> str:
    """What the server or the driver says, as one line."""
    primary = error.diag.message_primary
    text = primary or str(error).strip() or type(error).__name__
    return " ".join(text.split())[:300]


@contextmanager
def as_trunkline_errors(where: str) -> Iterator[None]:
    """The border."""
    try:
        yield
    except TrunklineError:
        raise
    except psycopg.IntegrityError:
        raise  # a broken invariant: a bug, to be seen as one
    except psycopg.Error as error:
        raise translate(error, where) from error
