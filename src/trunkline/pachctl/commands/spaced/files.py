"""inspect, list, glob, copy and delete file."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from trunkline.pachctl import pickers, show
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.flags import output_flags, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import files as view
from trunkline.wire import pfs_pb2 as pfs


@command("inspect file", "FILE", example="pachctl inspect file training_data@master:/training_prod.csv")
@output_flags
@project_flag
def inspect_file(app: App, file: str) -> None:
    """Show one file or directory.

    FILE is REPO@COMMIT:PATH.
    """
    show.one(app, calls.inspect(app.server, pickers.file(app, file)), view.detail)


@command("list file", "COMMIT[:PATH]", example="pachctl list file training_data@master:/")
@output_flags
@timestamps_flag
@project_flag
def list_file(app: App, commit_path: str) -> None:
    """List the files in a directory.

    Without PATH, those at the top.
    """
    file = pickers.file(app, commit_path)
    file.path = file.path or "/"
    request = pfs.ListFileRequest(file=file)
    if app.flags.raw:
        show.raw(app, app.server.pfs.ListFile(request))
    else:
        _print(calls.rows(app.server, request, view.cells, view.row))


@command("glob file", "COMMIT:PATTERN", example="pachctl glob file 'qc_pre_process@master:/1*.json'")
@output_flags
@timestamps_flag
@project_flag
def glob_file(app: App, commit_pattern: str) -> None:
    """List the files that match a glob pattern.

    Quote the pattern, or the shell takes it for itself.
    """
    file = pickers.file(app, commit_pattern)
    infos = app.server.pfs.GlobFile(pfs.GlobFileRequest(commit=file.commit, pattern=file.path))
    if app.flags.raw:
        show.raw(app, infos)
    else:
        _print(map(view.row, infos))


@command("copy file", "SRC DST", example="pachctl copy file training_data@master:/train.csv archive@master:/2018.csv")
@click.option("-a", "--append", is_flag=True, help="Append to what is there instead of replacing it.")
@click.option("--src-project", metavar="NAME", help="The project of the source, if it is not the current one.")
@click.option("--dest-project", metavar="NAME", help="The project of the target, if it is not the current one.")
@project_flag
def copy_file(app: App, src: str, dst: str, append: bool, src_project: str | None, dest_project: str | None) -> None:
    """Copy a file or directory, without moving its bytes.

    SRC is REPO@COMMIT:PATH, DST is REPO@BRANCH:PATH or an open commit with a path.
    """
    source = pickers.file(app, src, src_project)
    target = pickers.file(app, dst, dest_project)
    calls.copy(app.server, source, target, append=append)


@command("delete file", "FILE", example="pachctl delete file attributes@master:/2.json")
@click.option("-r", "--recursive", is_flag=True, help="Delete everything below a directory.")
@project_flag
def delete_file(app: App, file: str, recursive: bool) -> None:
    """Delete a file; with -r a directory.

    FILE is REPO@BRANCH:PATH, or an open commit with a path. What is not there is deleted already.
    """
    calls.delete(app.server, pickers.file(app, file), recursive=recursive)


def _print(rows: Iterable[tuple[str, ...]]) -> None:
    """The lines under their header; the first of them at once."""
    sys.stdout.write(view.HEADER)
    first = True
    for (line,) in rows:
        sys.stdout.write(line)
        if first:
            sys.stdout.flush()
            first = False
