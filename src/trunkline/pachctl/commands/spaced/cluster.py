"""inspect cluster, delete all, list task, enterprise get-state, auth: what concerns the installation as a whole."""

from __future__ import annotations

import platform

import click

from trunkline.kernel.version import VERSION
from trunkline.pachctl import show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import everything
from trunkline.pachctl.configfile import ConfigFile
from trunkline.pachctl.flags import output_flags
from trunkline.pachctl.grammar import command
from trunkline.pachctl.warnings import cluster, own_version
from trunkline.wire import auth_pb2 as auth
from trunkline.wire import enterprise_pb2 as enterprise
from trunkline.wire import taskapi_pb2 as taskapi


@command("inspect cluster", example="pachctl inspect cluster")
@output_flags
def inspect_cluster(app: App) -> None:
    """Print the id of the server's installation."""
    show.one(app, cluster(app, app.server), lambda info: f"{info.id}\n")


@command("delete all", example="pachctl delete all")
def delete_all(app: App) -> None:
    """Delete everything: projects, repos, commits, files, pipelines and jobs.

    Lists what there is, and asks.
    """
    for line in everything.listed(app.server):
        print(line)
    if not show.confirmed():
        return
    everything.delete(app.server)
    file = ConfigFile(app)
    if file.active.pop("active_transaction", None):
        file.save()


@command("list task", "GROUP", example="pachctl list task storage")
def list_task(app: App, group: str) -> None:
    """List internal tasks; there are none here."""
    request = taskapi.ListTaskRequest(group=taskapi.Group(namespace=group))
    show.raw(app, app.server.pfs.ListTask(request))


@command("enterprise get-state", example="pachctl enterprise get-state")
@click.option("--enterprise", "other", is_flag=True, help="Accepted, without effect: there is no other server.")
def enterprise_get_state(app: App, other: bool) -> None:
    """Print whether there is a licence; nothing here needs one."""
    found = app.server.enterprise.GetState(enterprise.GetStateRequest())
    if found.state == enterprise.NONE:
        print("No Pachyderm Enterprise token was found")
    else:
        print(f"Pachyderm Enterprise token state: {enterprise.State.Name(found.state)}")


@command("auth whoami", example="pachctl auth whoami")
def auth_whoami(app: App) -> None:
    """Print who the server takes you for."""
    found = app.server.auth.WhoAmI(auth.WhoAmIRequest())
    print(f'You are "{found.username}"')


@command("buildinfo", example="pachctl buildinfo")
def buildinfo(app: App) -> None:
    """Print what this program is made of."""
    release = own_version()
    print(f"trunkline {VERSION}\nAPI {release.major}.{release.minor}.{release.micro}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
