"""create, inspect, list, delete secret."""

from __future__ import annotations

import click

from trunkline.pachctl import show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import secrets
from trunkline.pachctl.flags import output_flags, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import cells
from trunkline.wire import pps_pb2 as pps


@command("create secret", example="pachctl create secret -f credentials.json")
@click.option("-f", "--file", default="-", metavar="FILE", help="The manifest; - for standard input, which is default.")
def create_secret(app: App, file: str) -> None:
    """Create a secret from the manifest of a Kubernetes Secret in JSON.

    Pipelines name it in `transform.secrets`; its values are shown to nobody else.
    """
    manifest = secrets.read(file)  # before anybody is asked
    secrets.create(app.server, manifest)


@command("inspect secret", "NAME", example="pachctl inspect secret credentials")
@output_flags
@timestamps_flag
def inspect_secret(app: App, name: str) -> None:
    """Show one secret, without its values."""
    show.one(app, secrets.inspect(app.server, name), lambda info: _detail(app, info))


@command("list secret", example="pachctl list secret")
@output_flags
@timestamps_flag
def list_secret(app: App) -> None:
    """List all secrets, without their values."""
    show.listing(app, secrets.select(app.server), secrets.HEADER, lambda info: _row(app, info))


@command("delete secret", "NAME", example="pachctl delete secret credentials")
def delete_secret(app: App, name: str) -> None:
    """Delete a secret; jobs that need it fail from then on."""
    secrets.delete(app.server, name)


def _row(app: App, info: pps.SecretInfo) -> tuple[str, str, str]:
    return info.secret.name, info.type, cells.at(app, info, "creation_timestamp")


def _detail(app: App, info: pps.SecretInfo) -> str:
    name, kind, created = _row(app, info)
    return f"Name: {name}\nType: {kind}\nCreated: {created}\n"
