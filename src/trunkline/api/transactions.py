"""`transaction_v2.API`, and the calls that a transaction may hold: run at once, or tried and kept for later.

Invariants: a transaction happens wholly, in one change whose set id is its id, or not at all, and then it stays;
nothing is added to one whose whole list, the addition included, has not just succeeded as a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert, steps
from trunkline.api.dispatch import Call
from trunkline.catalog import Tx
from trunkline.kernel.errors import Conflict, TrunklineError
from trunkline.kernel.ids import SetId, new_id
from trunkline.pfs import transactions
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.transactions import Transaction
from trunkline.wire import pfs_pb2
from trunkline.wire import transaction_pb2 as wire

HEADER = "pach-transaction"

_TRIES = 5
"""How often an addition is tried while others add to the same transaction."""


def _nothing() -> None:
    return


class Transactions:
    """Runs requests: at once, or as part of the transaction that the caller's header names.

    Args:
        after: called when a change of requests has happened.
    """

    def __init__(self, pfs: Pfs, after: Callable[[], None] = _nothing) -> None:
        self.pfs, self._after = pfs, after

    def run(self, request: wire.TransactionRequest, call: Call) -> Any:
        """Does one request; inside a transaction, tries it. Returns what its step does.

        Raises:
            NotFound: there is no such transaction.
            Conflict: others kept changing the transaction.
        """
        name = call.metadata(HEADER)
        step = steps.prepare(request)
        if name:
            return self._add(name, request)
        result = self.pfs.change(step)
        self._after()
        return result

    def _add(self, name: str, request: wire.TransactionRequest) -> Any:
        for _ in range(_TRIES):
            with self.pfs.catalog.read() as tx:
                seen = transactions.need(tx, name)
            requests = [*_requests(seen), request]
            results = self.pfs.trial(_all(requests), seen.id)
            longer = [
                transactions.Step(one.SerializeToString(), _response(result).SerializeToString())
                for one, result in zip(requests, results, strict=True)
            ]
            if self.pfs.catalog.write(partial(transactions.extend, seen=seen, steps=longer)):
                return results[-1]
        raise Conflict(f"transaction could not be modified due to concurrent modifications: repeat the call ({name})")

    def finish(self, name: str) -> wire.TransactionInfo:
        """Does everything that a transaction holds, as one change, and removes it.

        Raises:
            TrunklineError: nothing was done, and the transaction is still there.
        """

        def step(change: Change) -> tuple[Transaction, list[Any]]:
            found = transactions.need(change.tx, name)
            results = _all(_requests(found))(change)
            transactions.delete(change.tx, found)
            return found, results

        found, results = self.pfs.change(step, SetId(name) if name else None)
        self._after()
        return _info(found, _requests(found), [_response(one) for one in results])

    def batch(self, requests: Sequence[wire.TransactionRequest]) -> wire.TransactionInfo:
        """Does several requests as one change.

        Raises:
            TrunklineError: nothing was done.
        """
        name = SetId(new_id())
        now = self.pfs.clock.now()
        results = self.pfs.change(_all(requests), name)
        self._after()
        return _info(Transaction(0, name, now, 0), requests, [_response(one) for one in results])


def _all(requests: Sequence[wire.TransactionRequest]) -> Callable[[Change], list[Any]]:
    """The steps of several requests as one; an error says which of them it is."""

    def step(change: Change) -> list[Any]:
        results = []
        for number, request in enumerate(requests, start=1):
            try:
                results.append(steps.prepare(request)(change))
            except TrunklineError as error:
                raise type(error)(f"error running request {number} of {len(requests)}: {error.message}") from error
        return results

    return step


def _requests(transaction: Transaction) -> list[wire.TransactionRequest]:
    return [wire.TransactionRequest.FromString(step.request) for step in transaction.steps]


def _response(result: Any) -> wire.TransactionResponse:
    return wire.TransactionResponse(commit=result if isinstance(result, pfs_pb2.Commit) else None)


def _info(
    transaction: Transaction,
    requests: Sequence[wire.TransactionRequest],
    responses: Sequence[wire.TransactionResponse],
) -> wire.TransactionInfo:
    return wire.TransactionInfo(
        transaction=wire.Transaction(id=transaction.id),
        requests=requests,
        responses=responses,
        started=convert.timestamp(transaction.started),
        version=transaction.version,
    )


def _stored(transaction: Transaction) -> wire.TransactionInfo:
    responses = [wire.TransactionResponse.FromString(step.response) for step in transaction.steps]
    return _info(transaction, _requests(transaction), responses)


class TransactionService:
    """Every RPC of `transaction_v2.API`."""

    def __init__(self, all_of_them: Transactions) -> None:
        self._transactions = all_of_them
        self._pfs = all_of_them.pfs

    def StartTransaction(self, request: wire.StartTransactionRequest, call: Call) -> wire.Transaction:
        """Begins one."""
        return wire.Transaction(id=self._pfs.change(transactions.start).id)

    def InspectTransaction(self, request: wire.InspectTransactionRequest, call: Call) -> wire.TransactionInfo:
        """What one holds so far."""
        with self._pfs.catalog.read() as tx:
            return _stored(transactions.need(tx, request.transaction.id))

    def ListTransaction(self, request: wire.ListTransactionRequest, call: Call) -> wire.TransactionInfos:
        """All that are being put together, oldest first."""
        with self._pfs.catalog.read() as tx:
            found = transactions.select(tx)
        return wire.TransactionInfos(transaction_info=map(_stored, found))

    def DeleteTransaction(self, request: wire.DeleteTransactionRequest, call: Call) -> Empty:
        """Forgets one; nothing of it happens."""
        self._pfs.catalog.write(lambda tx: transactions.delete(tx, transactions.need(tx, request.transaction.id)))
        return Empty()

    def FinishTransaction(self, request: wire.FinishTransactionRequest, call: Call) -> wire.TransactionInfo:
        """Does everything that one holds."""
        return self._transactions.finish(request.transaction.id)

    def BatchTransaction(self, request: wire.BatchTransactionRequest, call: Call) -> wire.TransactionInfo:
        """Does several requests as one change, at once."""
        return self._transactions.batch(request.requests)

    def DeleteAll(self, request: wire.DeleteAllRequest, call: Call) -> Empty:
        """Forgets all."""

        def step(tx: Tx) -> None:
            for found in transactions.select(tx):
                transactions.delete(tx, found)

        self._pfs.catalog.write(step)
        return Empty()
