"""The metadata database: transactions, migrations, watches. SQLite here; the SQL keeps to what PostgreSQL shares."""

from trunkline.catalog.database import Catalog, Row, Tx
from trunkline.catalog.sqlite import SqliteCatalog
from trunkline.catalog.watch import Watch

__all__ = ["Catalog", "Row", "SqliteCatalog", "Tx", "Watch"]
