"""Calls that the context's active transaction collects: they get its header, and the user is told.

Invariant: only what is called inside `server` is sent with the header; everything else happens at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trunkline.pachctl.app import App
from trunkline.pachctl.connect import Server


@contextmanager
def server(app: App) -> Iterator[Server]:
    """The server, in the active transaction if there is one; says so when it went well."""
    connection = app.server
    active = app.context.transaction
    if not active:
        yield connection
        return
    connection.transaction = active
    try:
        yield connection
    finally:
        connection.transaction = ""
    print(f"Added to transaction: {active}")
