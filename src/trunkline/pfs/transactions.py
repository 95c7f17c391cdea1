"""Transactions that are being put together: kept lists of steps, each tried before it is added.

What a step says is opaque here: bytes that the room above wrote and reads. Invariants: a list is only added to by
somebody who has seen all of it; the id of a transaction becomes the id of the commit set that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.kernel.ids import SetId
from trunkline.pfs.change import Change


class Step(msgspec.Struct, frozen=True):
    """A request as it came, and what the newest trial answered."""

    request: bytes
    response: bytes


class Transaction(msgspec.Struct, frozen=True):
    """A transaction; `version` counts the changes of its list."""

    key: int
    id: SetId
    started: Nanos
    version: int
    steps: tuple[Step, ...] = ()


def start(change: Change) -> Transaction:
    """Begins one with nothing in it; the change's id becomes its id."""
    key = change.tx.insert("INSERT INTO transactions (name, started) VALUES (?, ?)", (change.set_id, change.now))
    return Transaction(key, change.set_id, change.now, 0)


def need(tx: Tx, name: str) -> Transaction:
    """The transaction of this id.

    Raises:
        InvalidRequest, NotFound: no id given; there is none.
    """
    if not name:
        raise InvalidRequest("validate request: transaction: value is required")
    row = tx.row("SELECT * FROM transactions WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f'transaction "{name}" not found: it was finished or deleted, or never started')
    return _of(tx, row)


def select(tx: Tx) -> list[Transaction]:
    """All transactions, oldest first."""
    return [_of(tx, row) for row in list(tx.rows("SELECT * FROM transactions ORDER BY id"))]


def _of(tx: Tx, row: Row) -> Transaction:
    query = "SELECT request, response FROM transaction_steps WHERE transaction_key = ? ORDER BY position"
    steps = tuple(Step(step["request"], step["response"]) for step in tx.rows(query, (row["id"],)))
    return Transaction(row["id"], row["name"], row["started"], row["version"], steps)


def extend(tx: Tx, seen: Transaction, steps: Sequence[Step]) -> bool:
    """Replaces the list of a transaction by a longer one; False, and no change, if it is not as it was seen."""
    query = "UPDATE transactions SET version = version + 1 WHERE id = ? AND name = ? AND version = ?"
    if not tx.run(query, (seen.key, seen.id, seen.version)):
        return False
    tx.run("DELETE FROM transaction_steps WHERE transaction_key = ?", (seen.key,))
    for position, step in enumerate(steps):
        tx.run(
            "INSERT INTO transaction_steps (transaction_key, position, request, response) VALUES (?, ?, ?, ?)",
            (seen.key, position, step.request, step.response),
        )
    return True


def delete(tx: Tx, transaction: Transaction) -> None:
    """Forgets a transaction; nothing of it happens."""
    tx.run("DELETE FROM transaction_steps WHERE transaction_key = ?", (transaction.key,))
    tx.run("DELETE FROM transactions WHERE id = ?", (transaction.key,))
