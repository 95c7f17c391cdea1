"""What the rooms above may ask of the catalog: reads on a snapshot, and changes that happen wholly or not at all.

Invariants: a write transaction is serialisable and durable when `write` returns; a reader never sees half of
one. The catalog knows tables and rows, not what they mean; meaning is `pfs` and `pps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from trunkline.catalog.watch import Watch
from trunkline.kernel.errors import Corrupt

T = TypeVar("T")

Row = Mapping[str, Any]
Value = str | int | float | bytes | None
Parameters = Sequence[Value]


class Tx(Protocol):
    """A transaction: SQL with `?` for parameters, rows as mappings by column name."""

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes a statement; returns how many rows it touched."""
        ...

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Executes an INSERT; returns the new row's integer key."""
        ...

    def rows(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Streams the rows of a query."""
        ...

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        ...


class Catalog(Protocol):
    """The database as a whole."""

    @property
    def watch(self) -> Watch:
        """Wakes those who wait for a change."""
        ...

    def read(self) -> AbstractContextManager[Tx]:
        """A transaction that reads one snapshot."""
        ...

    def write(self, change: Callable[[Tx], T]) -> T:
        """Runs `change` in a serialisable transaction, again if it conflicts; then wakes the watchers.

        `change` may run more than once, so it must do nothing but read and write the catalog.

        Raises:
            StorageFull: nothing was changed.
            StorageFailed: nothing was changed; where nobody can say whether it was, the message says so.
            Conflict: the process led, and leads no more; nothing was changed.
        """
        ...

    def leading(self) -> AbstractContextManager[bool]:
        """Whether this process does what only one may do: finishing commits, upkeep, jobs.

        Exactly one of the processes on a catalog leads. Within the context, the changes of this thread are refused with
        Conflict once another process has taken the lead; so a step that began as leader never ends beside another one.
        """
        ...

    def others(self) -> int:
        """How many other processes may have this catalog open; none of them can change it any more if there are 0."""
        ...

    def alone(self) -> AbstractContextManager[Callable[[], bool]]:
        """Keeps other processes from opening the catalog; yields a function that tells whether that still holds.

        For what nobody else may see, as deleting objects: ask the function before each step that cannot be undone.

        Raises:
            FailedPrecondition: others have it open, or had until a minute ago.
        """
        ...

    def close(self) -> None:
        """Closes every connection. Calls under way fail."""
        ...


def need(row: Row | None) -> Row:
    """The row, which an invariant says is there."""
    if row is None:
        raise Corrupt("the catalog lacks a row that another row names: run pachctl fsck")
    return row
