"""create-secret, inspect-secret, list-secret, delete-secret: as the spaced commands, which the original has alone."""

from __future__ import annotations

import click

from trunkline.pachctl import raw as json
from trunkline.pachctl import table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import secrets
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views.cells import ago, when
from trunkline.wire import pps_pb2 as pps


@verb(example="pachctl create-secret -f credentials.json")
@click.option("-f", "--file", default="-", metavar="FILE", help="The manifest; - for standard input, which is default.")
def create_secret(app: App, file: str) -> None:
    """Create a secret from the manifest of a Kubernetes Secret in JSON.

    Pipelines name it in `transform.secrets`; its values are shown to nobody else.
    """
    manifest = secrets.read(file)  # before anybody is asked
    secrets.create(app.server, manifest)


@verb("NAME", example="pachctl inspect-secret credentials")
@raw_flag
def inspect_secret(app: App, name: str, raw: bool) -> None:
    """Show one secret, without its values."""
    _show(app, [secrets.inspect(app.server, name)], raw)


@verb(example="pachctl list-secret")
@raw_flag
def list_secret(app: App, raw: bool) -> None:
    """List all secrets, without their values."""
    _show(app, list(secrets.select(app.server)), raw)


@verb("NAME", example="pachctl delete-secret credentials")
def delete_secret(app: App, name: str) -> None:
    """Delete a secret; jobs that need it fail from then on."""
    secrets.delete(app.server, name)


def _show(app: App, infos: list[pps.SecretInfo], raw: bool) -> None:
    if raw:
        json.show(infos)
        return
    rows = ((one.secret.name, one.type, ago(when(one, "creation_timestamp"), app.now())) for one in infos)
    table.show(secrets.HEADER, rows)
