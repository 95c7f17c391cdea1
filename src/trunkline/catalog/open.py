"""Which catalog the settings ask for: SQLite in the home, or a PostgreSQL server."""

from __future__ import annotations

from trunkline.catalog.database import Catalog
from trunkline.catalog.sqlite import SqliteCatalog
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import FailedPrecondition, InvalidRequest

_SCHEMES = ("postgresql://", "postgres://")


def open_catalog(settings: Settings) -> Catalog:
    """Opens the catalog, and brings it to the newest schema; the caller holds the lock of the home.

    Raises:
        InvalidRequest: TRUNKLINE_CATALOG names neither.
        FailedPrecondition: psycopg is missing, or the catalog is of a newer release.
        StorageFailed, StorageFull, Corrupt: it cannot be used.
    """
    dsn = settings.catalog
    if not dsn:
        return SqliteCatalog(settings.catalog_path)
    if not dsn.startswith(_SCHEMES):
        raise InvalidRequest(
            "TRUNKLINE_CATALOG names no catalog: give postgresql://USER@HOST/DATABASE, or unset it for SQLite"
        )
    try:
        from trunkline.catalog.postgres import PostgresCatalog
    except ImportError:
        raise FailedPrecondition(
            "TRUNKLINE_CATALOG names a PostgreSQL server, and psycopg is missing: pip install 'trunkline[postgres]'"
        ) from None
    return PostgresCatalog(dsn, settings.run_path)
