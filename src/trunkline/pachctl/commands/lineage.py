"""lineage: what a file was made from, or what was made from it."""

from __future__ import annotations

import sys

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views import lineage as view
from trunkline.wire import lineage_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs


@command("lineage", "FILE|REPO [COMMIT] [PATH]", example="pachctl lineage infer@master:/1.json")
@click.option("--downstream", is_flag=True, help="What was made from it, instead of what it was made from.")
@click.option(
    "--depth", type=click.INT, default=0, help="Datums between the file and the last ones shown; 0: any number."
)
@click.option(
    "--width", type=click.INT, default=0, help="Files of one directory, or of one datum, at the most; 0: 100."
)
@click.option("--most", type=click.INT, default=0, help="Files in all; 0: 10000.")
@output_flags
@timestamps_flag
@project_flag
def lineage(
    app: App,
    file_repo: str,
    commit: str | None,
    path: str | None,
    downstream: bool,
    depth: int,
    width: int,
    most: int,
) -> None:
    """Show what a file was made from, or what was made from it.

    That is: files, the datums between them, and the code that ran, back to files that no pipeline made. A datum that
    was skipped names the job in which its code ran.

    FILE is REPO@COMMIT:PATH; REPO, COMMIT and PATH may be words of their own. The path of a directory means every file
    below it.
    """
    request = wire.TraceFileRequest(
        file=_file(app, file_repo, commit, path), downstream=downstream, depth=depth, width=width, most=most
    )
    messages = app.server.lineage.TraceFile(request)
    if app.flags.raw:
        show.raw(app, messages)
        return
    for line in view.tree(app, messages, downstream=downstream):
        sys.stdout.write(f"{line}\n")


def _file(app: App, first: str, commit: str | None, path: str | None) -> pfs.File:
    if commit is None:
        word = first
    elif path is None:
        raise InvalidRequest("give a file as REPO@COMMIT:PATH, or as REPO COMMIT PATH")
    else:
        word = f"{first}@{commit}:{path}"
    if ":" not in word:
        raise InvalidRequest(f'invalid format "{word}": give the path of a file, REPO@COMMIT:PATH')
    return pickers.file(app, word)
