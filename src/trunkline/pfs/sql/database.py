"""What loading needs of a database: one transaction, in which tables are emptied and given rows.

Invariant: nothing is to be seen of a transaction that did not come to `commit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trunkline.pfs.sql.records import Row


class Database(Protocol):
    """One transaction. Every method may raise the errors of `trunkline.kernel.errors`, in words for users."""

    def columns(self, table: str) -> list[str]:
        """The columns of a table that rows may be given for, in its order.

        Raises:
            NotFound: there is no such table.
        """
        ...

    def empty(self, table: str) -> None:
        """Deletes all rows of a table."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Adds rows; the database makes of the texts what its columns hold.

        Raises:
            BadRow: it does not take one of them.
        """
        ...

    def commit(self) -> None:
        """Makes it so, durably."""
        ...

    def close(self) -> None:
        """Ends the connection; what was not committed is gone."""
        ...
