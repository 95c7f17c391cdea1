"""start, stop, resume, finish, inspect, list, delete transaction; the active one is kept in the context."""

from __future__ import annotations

from trunkline.kernel.errors import FailedPrecondition, Refused
from trunkline.pachctl import show
from trunkline.pachctl.app import App
from trunkline.pachctl.configfile import ConfigFile
from trunkline.pachctl.flags import output_flags, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import transactions as view
from trunkline.wire import transaction_pb2 as wire

_FIELD = "active_transaction"


@command("start transaction", example="pachctl start transaction")
def start_transaction(app: App) -> None:
    """Start a transaction and make it the active one.

    Commands that change repos, branches, commits and pipelines are added to the active transaction; they happen
    together when it is finished.
    """
    file = ConfigFile(app)
    active = file.active.get(_FIELD)
    if active:
        raise Refused(f'cannot start a new transaction, since transaction with ID "{active}" already exists')
    started = app.server.transactions.StartTransaction(wire.StartTransactionRequest())
    file.active[_FIELD] = started.id
    file.save()
    print(f'started new transaction: "{started.id}"')


@command("stop transaction", example="pachctl stop transaction")
def stop_transaction(app: App) -> None:
    """Stop adding commands to the active transaction.

    It stays on the server; resume transaction goes on with it.
    """
    file = ConfigFile(app)
    active = _active(file)
    _clear(file, active)
    print(f"Cleared active transaction: {active}")


@command("resume transaction", "ID", example="pachctl resume transaction 5a8d03a0f1be4bd8a1d5ecbde0c2ae43")
def resume_transaction(app: App, id: str) -> None:
    """Make a transaction the active one again."""
    info = _inspect(app, id)
    file = ConfigFile(app)
    file.active[_FIELD] = info.transaction.id
    file.save()
    print(f"Resuming existing transaction with {len(info.requests)} requests: {info.transaction.id}")


@command("finish transaction", "[ID]", example="pachctl finish transaction")
def finish_transaction(app: App, id: str | None) -> None:
    """Do everything that a transaction holds, at once.

    Without ID the active one. If it fails, nothing of it has happened, and it is still there.
    """
    file = ConfigFile(app)
    chosen = id or _active(file)
    info = app.server.transactions.FinishTransaction(wire.FinishTransactionRequest(transaction=_message(chosen)))
    _clear(file, chosen)
    print(f"Completed transaction with {len(info.requests)} requests: {info.transaction.id}")


@command("delete transaction", "[ID]", example="pachctl delete transaction")
def delete_transaction(app: App, id: str | None) -> None:
    """Forget a transaction; nothing of it happens.

    Without ID the active one.
    """
    file = ConfigFile(app)
    chosen = id or _active(file)
    app.server.transactions.DeleteTransaction(wire.DeleteTransactionRequest(transaction=_message(chosen)))
    _clear(file, chosen)


@command("inspect transaction", "[ID]", example="pachctl inspect transaction")
@output_flags
@timestamps_flag
def inspect_transaction(app: App, id: str | None) -> None:
    """Show one transaction and its requests.

    Without ID the active one.
    """
    info = _inspect(app, id or _active(ConfigFile(app)))
    show.one(app, info, lambda info: view.detail(app, info))


@command("list transaction", example="pachctl list transaction")
@output_flags
@timestamps_flag
def list_transaction(app: App) -> None:
    """List the transactions that are not finished."""
    answer = app.server.transactions.ListTransaction(wire.ListTransactionRequest())
    show.listing(app, answer.transaction_info, view.HEADER, lambda info: view.row(app, info))


def _message(name: str) -> wire.Transaction:
    return wire.Transaction(id=name)


def _inspect(app: App, name: str) -> wire.TransactionInfo:
    request = wire.InspectTransactionRequest(transaction=_message(name))
    info: wire.TransactionInfo = app.server.transactions.InspectTransaction(request)
    return info


def _active(file: ConfigFile) -> str:
    """The active transaction.

    Raises:
        FailedPrecondition: there is none.
    """
    active = str(file.active.get(_FIELD) or "")
    if not active:
        raise FailedPrecondition("no active transaction")
    return active


def _clear(file: ConfigFile, name: str) -> None:
    """Makes it active no more."""
    if file.active.get(_FIELD) == name:
        del file.active[_FIELD]
        file.save()
