"""version, inspect-cluster, fsck: facts about the installation."""

from __future__ import annotations

import sys

import click
from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import Corrupt, NotBuilt
from trunkline.kernel.version import API_VERSION
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.wire import admin_pb2 as admin
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import version_pb2 as version_messages

LEAST_WIDTH = 20
GAP = 3


@verb(example="pachctl version")
@click.option("--client-only", is_flag=True, help="Only that of pachctl; asks no server.")
@raw_flag
def version(app: App, client_only: bool, raw: bool) -> None:
    """Print the versions of pachctl and pachd.

    They are those of the public API that both speak.
    """
    own = _own_version()
    if raw:
        json.show([own] if client_only else [own, app.server.version.GetVersion(Empty())])
        return
    _print_row("COMPONENT", "VERSION")
    _print_row("pachctl", _text(own))
    if not client_only:
        _print_row("pachd", _text(app.server.version.GetVersion(Empty())))


@verb(example="pachctl inspect-cluster")
@raw_flag
def inspect_cluster(app: App, raw: bool) -> None:
    """Print the id of the server's installation."""
    request = admin.InspectClusterRequest(client_version=_own_version(), current_project=refs.project())
    info = app.server.admin.InspectCluster(request)
    for warning in info.warnings:
        print(warning, file=sys.stderr)
    if raw:
        json.show([info])
    else:
        print(info.id)


@verb(example="pachctl fsck")
@click.option("-f", "--fix", is_flag=True, help="Repair what can be repaired.")
@click.option("--zombie-all", is_flag=True, help="Not built yet.")
@click.option("--zombie", metavar="COMMIT", help="Not built yet.")
def fsck(app: App, fix: bool, zombie_all: bool, zombie: str | None) -> None:
    """Check that everything stored is whole.

    Reads every map and every chunk that something refers to. Exits with 11 if anything is wrong.
    """
    if zombie_all or zombie:
        raise NotBuilt("fsck --zombie is not built yet")
    problems = 0
    for answer in app.server.pfs.Fsck(pfs.FsckRequest(fix=fix)):
        if answer.fix:
            print(f"Fix applied: {answer.fix}", flush=True)
        if answer.error:
            problems += 1
            print(f"Error: {answer.error}", flush=True)
    if problems:
        raise Corrupt(f"fsck found {problems} problem{'s' if problems != 1 else ''}")
    print("No errors found.")


def _own_version() -> version_messages.Version:
    major, minor, micro = API_VERSION
    return version_messages.Version(major=major, minor=minor, micro=micro)


def _text(version: version_messages.Version) -> str:
    """`2.11.6`, or `2.11.6-rc.1`; what comes after a plus names a build, not a release."""
    text = f"{version.major}.{version.minor}.{version.micro}{version.additional}"
    return text.partition("+")[0]


def _print_row(*cells: str) -> None:
    sys.stdout.write("".join(cell.ljust(max(LEAST_WIDTH, len(cell) + GAP)) for cell in cells) + "\n")
    sys.stdout.flush()
