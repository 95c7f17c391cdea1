"""config get, set, update, delete, list, and connect: the client's configuration file."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from trunkline.client.address import parse
from trunkline.kernel.errors import AlreadyExists, InvalidRequest
from trunkline.pachctl.app import App
from trunkline.pachctl.configfile import ConfigFile, shown
from trunkline.pachctl.grammar import command

ENTERPRISE = "active_enterprise_context"


@command("config get metrics", example="pachctl config get metrics")
def config_get_metrics(app: App) -> None:
    """Print whether metrics are sent; there are none.

    The setting is kept for programs that read it.
    """
    print("true" if ConfigFile(app).v2.get("metrics", True) else "false")


@command("config set metrics", "true|false", example="pachctl config set metrics false")
def config_set_metrics(app: App, true_false: str) -> None:
    """Say whether metrics are sent; there are none.

    The setting is kept for programs that read it.
    """
    if true_false not in ("true", "false"):
        raise InvalidRequest(f'invalid value "{true_false}": give true or false')
    _set(app, "metrics", true_false == "true")


@command("config get active-context", example="pachctl config get active-context")
def config_get_active_context(app: App) -> None:
    """Print the name of the active context."""
    print(ConfigFile(app).active_name)


@command("config set active-context", "NAME", example="pachctl config set active-context staging")
def config_set_active_context(app: App, name: str) -> None:
    """Make a context the active one."""
    file = ConfigFile(app)
    file.context(name)
    _set(app, "active_context", name)


@command("config get active-enterprise-context", example="pachctl config get active-enterprise-context")
def config_get_active_enterprise_context(app: App) -> None:
    """Print the name of the active enterprise context.

    It is the active one where no other is set.
    """
    file = ConfigFile(app)
    print(file.v2.get(ENTERPRISE) or file.active_name)


@command("config set active-enterprise-context", "NAME", example="pachctl config set active-enterprise-context hq")
def config_set_active_enterprise_context(app: App, name: str) -> None:
    """Make a context the active enterprise one."""
    ConfigFile(app).context(name)
    _set(app, ENTERPRISE, name)


@command("config get context", "NAME", example="pachctl config get context default")
def config_get_context(app: App, name: str) -> None:
    """Print a context as JSON."""
    print(shown(ConfigFile(app).context(name)))


@command("config set context", "NAME", example="pachctl config set context staging < context.json")
@click.option("--overwrite", is_flag=True, help="Replace a context of that name.")
def config_set_context(app: App, name: str, overwrite: bool) -> None:
    """Make a context of JSON from standard input.

    For example {"pachd_address": "grpc://host:30650", "project": "images"}.
    """
    file = ConfigFile(app)
    if name in file.contexts and not overwrite:
        raise AlreadyExists(f"context {name} exists: give --overwrite to replace it")
    try:
        given = json.loads(sys.stdin.read())
    except ValueError as error:
        raise InvalidRequest(f"malformed context: {error}") from None
    if not isinstance(given, dict):
        raise InvalidRequest("malformed context: a context is an object, in braces")
    if given.get("pachd_address"):
        given["pachd_address"] = _qualified(str(given["pachd_address"]))
    file.contexts[name] = given
    file.save()


@command("config update context", "[NAME]", example="pachctl config update context --project images")
@click.option("--pachd-address", metavar="ADDRESS", help="Where the server listens; empty for the local one.")
@click.option("--project", "project_name", metavar="NAME", help="The current project.")
@click.option("--cluster-name", metavar="NAME", help="Of the Kubernetes cluster; kept, not used.")
@click.option("--auth-info", metavar="NAME", help="Of the Kubernetes user; kept, not used.")
@click.option("--namespace", metavar="NAME", help="In Kubernetes; kept, not used.")
@click.option("--server-cas", metavar="BASE64", help="Certificates that the server's must come from.")
@click.option("--remove-cluster-deployment-id", is_flag=True, help="Forget the id of the deployment.")
def config_update_context(
    app: App, name: str | None, remove_cluster_deployment_id: bool, project_name: str | None, **fields: str | None
) -> None:
    """Change the fields of a context.

    Without NAME those of the active one.
    """
    file = ConfigFile(app)
    context = file.active if name is None else file.context(name)
    changes = {key: value for key, value in {**fields, "project": project_name}.items() if value is not None}
    if changes.get("pachd_address"):
        changes["pachd_address"] = _qualified(changes["pachd_address"])
    context |= changes
    for key, value in changes.items():
        if not value:
            del context[key]
    if remove_cluster_deployment_id:
        context.pop("cluster_deployment_id", None)
    file.save()


@command("config delete context", "NAME", example="pachctl config delete context staging")
def config_delete_context(app: App, name: str) -> None:
    """Delete a context that is not the active one."""
    file = ConfigFile(app)
    file.context(name)
    if name in (file.active_name, file.v2.get("active_context")):
        raise InvalidRequest("cannot delete an active context")
    del file.contexts[name]
    if file.v2.get(ENTERPRISE) == name:
        del file.v2[ENTERPRISE]
    file.save()


@command("config list context", example="pachctl config list context")
def config_list_context(app: App) -> None:
    """List all contexts; the active one is marked with *, the active enterprise one with E."""
    file = ConfigFile(app)
    print("ACTIVE  NAME")
    for name in sorted(file.contexts):
        marks = ("E" if name == file.v2.get(ENTERPRISE) else "") + ("*" if name == file.active_name else "")
        print(f"{marks:<8}{name}")


@command("connect", "ADDRESS", example="pachctl connect grpc://pachd.example:30650")
@click.option("--alias", metavar="NAME", help="The name of the context; the address unless given.")
def connect(app: App, address: str, alias: str | None) -> None:
    """Make a context for an address, and make it the active one."""
    file = ConfigFile(app)
    qualified = _qualified(address)
    known = [name for name, one in file.contexts.items() if one.get("pachd_address") == qualified]
    name = alias or next(iter(sorted(known)), address)
    if file.contexts.get(name, {}).get("pachd_address") != qualified:
        file.contexts[name] = {**file.contexts.get(name, {}), "pachd_address": qualified}
        print(f"New context '{name}' created, will connect to Pachyderm at {qualified}")
    file.v2["active_context"] = name
    file.save()
    print(f"Context '{name}' set as active")


def _set(app: App, key: str, value: Any) -> None:
    file = ConfigFile(app)
    file.v2[key] = value
    file.save()


def _qualified(address: str) -> str:
    return str(parse(address))
