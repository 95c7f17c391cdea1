"""Changes that no rule of the database stops, for tests of what finds them."""

from __future__ import annotations

from trunkline.catalog import Catalog, SqliteCatalog, Tx


def careless(catalog: Catalog, statement: str, *parameters: object) -> None:
    """Runs a statement, whatever it breaks."""
    if isinstance(catalog, SqliteCatalog):
        catalog._writer.execute("PRAGMA foreign_keys = OFF")  # has no effect inside of a transaction
        catalog.write(lambda tx: tx.run(statement, parameters))  # type: ignore[arg-type]
        catalog._writer.execute("PRAGMA foreign_keys = ON")
        return

    def change(tx: Tx) -> None:
        tx.run("SET LOCAL session_replication_role = replica")
        tx.run(statement, parameters)  # type: ignore[arg-type]

    catalog.write(change)
