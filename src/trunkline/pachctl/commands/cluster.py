"""version, inspect-cluster, fsck, delete-all: the installation as a whole."""

from __future__ import annotations

import sys

import click
from google.protobuf.empty_pb2 import Empty

from trunkline.kernel.errors import Corrupt, NotReady, Refused, Unreachable
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import everything
from trunkline.pachctl.flags import output_flags
from trunkline.pachctl.grammar import GoDuration, raw_flag, verb
from trunkline.pachctl.warnings import cluster, own_version
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import upkeep_pb2 as upkeep
from trunkline.wire import version_pb2 as version_messages

LEAST_WIDTH = 20
GAP = 3


@verb(example="pachctl version")
@click.option("--client-only", is_flag=True, help="Only that of pachctl; asks no server.")
@click.option("--timeout", type=GoDuration(), metavar="DURATION", help="Wait no longer than this for the server.")
@click.option("--enterprise", is_flag=True, help="Accepted, without effect: there is no other server.")
@click.option("--compare", is_flag=True, help="Exit with 1 if the versions differ.")
@output_flags
def version(app: App, client_only: bool, timeout: float | None, enterprise: bool, compare: bool) -> None:
    """Print the versions of pachctl and pachd.

    They are those of the public API that both speak.
    """
    own = own_version()
    if not app.flags.raw:
        _print_row("COMPONENT", "VERSION")
        _print_row("pachctl", _text(own))
    other = None if client_only else _version_of_server(app, timeout)
    if app.flags.raw:
        for text in show.texts([own] if other is None else [own, other], app.flags.output or "json"):
            print(text)
    elif other is not None:
        _print_row("pachd", _text(other))
    if compare and other is not None and _text(own) != _text(other):
        raise Refused(f"pachctl {_text(own)} and pachd {_text(other)} are of different releases")


@verb(example="pachctl inspect-cluster")
@raw_flag
def inspect_cluster(app: App, raw: bool) -> None:
    """Print the id of the server's installation."""
    info = cluster(app, app.server)
    for warning in info.warnings:
        print(warning, file=sys.stderr)
    if raw:
        json.show([info])
    else:
        print(info.id)


@verb(example="pachctl fsck")
@click.option("-f", "--fix", is_flag=True, help="Repair what can be repaired.")
@click.option("--hashes", is_flag=True, help="Hold the bytes of every file against its hash, too.")
@click.option("--zombie-all", is_flag=True, help="Look only for files in heads of output branches that no datum made.")
@click.option("--zombie", metavar="REPO@COMMIT", help="Look only for such files in one commit.")
def fsck(app: App, fix: bool, hashes: bool, zombie_all: bool, zombie: str | None) -> None:
    """Check that everything stored is whole.

    Reads every map and every chunk that something refers to. Exits with 11 if anything is wrong, or still is after
    --fix. That removes rows that belong to nothing, counts anew, and writes again what is damaged but in memory; it
    makes nothing up.
    """
    request = pfs.FsckRequest(fix=fix)
    if zombie:
        repo, _, commit = zombie.partition("@")
        request.zombie_target.CopyFrom(refs.commit(repo, commit))
    elif zombie_all:
        request.zombie_all = True
    if hashes:
        answers = app.server.upkeep.Examine(upkeep.ExamineRequest(fsck=request, hashes=True))
    else:
        answers = app.server.pfs.Fsck(request)
    problems = 0
    for answer in answers:
        if answer.fix:
            print(f"Fix applied: {answer.fix}", flush=True)
        if answer.error:
            problems += 1
            print(f"Error: {answer.error}", flush=True)
    if problems:
        raise Corrupt(f"fsck found {problems} problem{'s' if problems != 1 else ''}")
    print("No errors found.")


def _version_of_server(app: App, timeout: float | None) -> version_messages.Version:
    """What the server says.

    Raises:
        Unreachable: nobody answers, in the words of the original.
    """
    try:
        found: version_messages.Version = app.server.version.GetVersion(Empty(), timeout=timeout)
    except (Unreachable, NotReady) as error:
        where = f"pachd (version unknown) : error connecting to pachd server at address ({app.server.address})"
        raise Unreachable(f"{where}: {str(error).partition(': ')[2] or error}") from None
    return found


def _text(version: version_messages.Version) -> str:
    """`2.11.6`, or `2.11.6-rc.1`; what comes after a plus names a build, not a release."""
    text = f"{version.major}.{version.minor}.{version.micro}{version.additional}"
    return text.partition("+")[0]


def _print_row(*cells: str) -> None:
    sys.stdout.write("".join(cell.ljust(max(LEAST_WIDTH, len(cell) + GAP)) for cell in cells) + "\n")
    sys.stdout.flush()


@verb(example="pachctl delete-all")
def delete_all(app: App) -> None:
    """Delete everything: repos, commits, files, pipelines and jobs.

    Lists what there is, and asks.
    """
    for line in everything.listed(app.server):
        print(line)
    print("Are you sure you want to delete all ACLs, repos, commits, files, pipelines and jobs?\nyN")
    if sys.stdin.readline().strip()[:1] in ("y", "Y"):
        everything.delete(app.server)
