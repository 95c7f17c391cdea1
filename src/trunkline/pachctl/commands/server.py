"""start-pachd, pachd-status, stop-pachd: the server itself, the configured one or the local one.

Only start-pachd starts one. pachd-status exits with 3 where none runs, as the status commands of services do;
stop-pachd has nothing to do then, and exits with 0.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import click
from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import Refused, TrunklineError, Unreachable
from trunkline.pachctl import connect, embedded
from trunkline.pachctl import raw as json
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import ago, when
from trunkline.wire import trunkline_pb2 as own

NOT_RUNNING = 3


@verb(example="pachctl start-pachd")
def start_pachd(app: App) -> None:
    """Start the local pachd, if none runs.

    Other commands do so by themselves when no address is configured.
    """
    target = connect.configured(app)
    if target is not None:
        raise Refused(f"pachd at {target.address} is configured ({target.origin}): it is not started from here")
    found = embedded.find(app.home)
    if found is not None:
        print(f"pachd already runs (pid {found.pid}, {found.address}, home {app.home})")
        return
    connect.start_local(app)


@verb(example="pachctl pachd-status")
@raw_flag
def pachd_status(app: App, raw: bool) -> None:
    """Show the state of pachd.

    Exits with 3 if no pachd is configured and none runs for this home; none is started.
    """
    server = _running(app)
    if server is None:
        print(f"no pachd runs for {app.home}; start it with: pachctl start-pachd")
        raise click.exceptions.Exit(NOT_RUNNING)
    try:
        status = server.state.Status(Empty())
    finally:
        server.close()
    if raw:
        json.show([status])
    else:
        print(_detail(app, status), end="")


@verb(example="pachctl stop-pachd")
def stop_pachd(app: App) -> None:
    """Stop pachd gracefully.

    Calls under way end first; jobs go on after the next start. Where none runs, there is nothing to do.
    """
    if connect.configured(app) is None and (process := embedded.claimed_by(app.home)) is not None:
        _stop_local(app, process)
        return
    server = _running(app)
    if server is None:
        print(f"no pachd runs for {app.home}")
        return
    try:
        server.state.Shutdown(Empty())
    finally:
        server.close()
    print(f"stopped pachd at {server.address}")


def _running(app: App) -> connect.Server | None:
    """A connection to the configured server, or to the local one if it runs; starts none."""
    target = connect.configured(app)
    if target is not None:
        return connect.connect_configured(app, target)
    found = embedded.find(app.home)
    return None if found is None else connect.connect_local(app, found)


def _stop_local(app: App, process: embedded.Running) -> None:
    """Asks over gRPC, or with a signal if it does not listen any more; waits until the process is gone."""
    server = connect.connect_local(app, process)
    try:
        server.state.Shutdown(Empty(), timeout=10)
    except TrunklineError:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    finally:
        server.close()
    if not embedded.wait_gone(app.home, process.pid):
        raise Unreachable(f"pachd (pid {process.pid}) is still ending; see {app.home / 'logs'}")
    print(f"stopped pachd (pid {process.pid}, home {app.home})")


def _detail(app: App, status: own.ServerStatus) -> str:
    return details(
        (
            ("Version", status.version),
            ("Home", status.home),
            ("Address", status.address),
            ("Process", str(status.pid)),
            ("Started", ago(when(status, "started"), app.now())),
            ("Workers", f"{status.workers} of at most {status.max_workers}"),
            ("Running jobs", str(status.running_jobs)),
            ("Storage", status.storage or None),
            ("Isolation", status.isolation or None),
            ("Cluster", status.cluster_id or None),
        )
    )
