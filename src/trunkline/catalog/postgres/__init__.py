"""The catalog on PostgreSQL: any number of pachd processes on one database. Needs psycopg (`trunkline[postgres]`)."""

from trunkline.catalog.postgres.catalog import PostgresCatalog

__all__ = ["PostgresCatalog"]
