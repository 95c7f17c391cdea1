"""The metadata database: transactions, migrations, watches. on SQLite or PostgreSQL, in SQL that both have."""

from trunkline.catalog.database import Catalog, Row, Tx
from trunkline.catalog.open import open_catalog
from trunkline.catalog.sqlite import SqliteCatalog
from trunkline.catalog.watch import Watch

__all__ = ["Catalog", "Row", "SqliteCatalog", "Tx", "Watch", "open_catalog"]
