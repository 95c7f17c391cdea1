"""next datum: for user code that works on many datums."""

from __future__ import annotations

import click

from trunkline.client.address import parse
from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl.app import App
from trunkline.pachctl.connect import Server
from trunkline.pachctl.grammar import command
from trunkline.wire import worker_pb2 as worker

PORT = "PPS_WORKER_GRPC_PORT"
"""The variable by which a worker tells user code where it listens."""


@command("next datum", example="pachctl next datum --error 'not an image'")
@click.option("--error", default="", metavar="TEXT", help="Why the last datum failed; it succeeded unless given.")
def next_datum(app: App, error: str) -> None:
    """Say how a datum ended and wait for the next one; for user code only.

    The pipeline has datumBatching. When it returns, the next datum lies below /pfs, and its variables are in
    /pfs/.env. User code calls it in a loop, and is ended by the worker when there are no more datums.
    """
    server = _worker(app)
    try:
        server.worker.NextDatum(worker.NextDatumRequest(error=error))
    finally:
        server.close()


def _worker(app: App) -> Server:
    """The worker that runs the user code which this command is part of.

    Raises:
        InvalidRequest: no worker runs it.
    """
    port = app.environ.get(PORT)
    if not port:
        raise InvalidRequest(f"{PORT} is not set: this command is for user code, which a worker runs")
    return Server(parse(f"localhost:{port}"), f"{PORT} says where the worker is", local=False)
