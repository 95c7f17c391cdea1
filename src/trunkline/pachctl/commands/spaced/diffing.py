"""diff file: the names of what differs, or the differences by another program."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl import pickers, table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.download import write_file
from trunkline.pachctl.flags import pager_flag, project_flag, timestamps_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.views.spaced import files as view
from trunkline.wire import pfs_pb2 as pfs

GIT = ("git", "--no-pager", "diff", "--no-index")
NOTHING = "/dev/null"


@command("diff file", "NEW [OLD]", example="pachctl diff file training_data@master training_data@master^")
@click.option("-s", "--shallow", is_flag=True, help="Do not look into directories that differ.")
@click.option("--name-only", is_flag=True, help="Print the names and sizes of what differs.")
@click.option("--diff-command", metavar="COMMAND", help="The program that compares two files; git diff unless given.")
@click.option("--old-project", metavar="NAME", help="The project of OLD, if it is not the current one.")
@timestamps_flag
@pager_flag
@project_flag
def diff_file(
    app: App,
    new: str,
    old: str | None,
    shallow: bool,
    name_only: bool,
    diff_command: str | None,
    old_project: str | None,
) -> None:
    """Show what differs between two commits.

    NEW and OLD are COMMIT or COMMIT:PATH. Without OLD, the commit is compared with its parent. Both sides of each
    file that differs are got and given to git diff, or to --diff-command.
    """
    new_file = pickers.file(app, new)
    old_file = None if old is None else pickers.file(app, old, old_project)
    for file in (new_file, old_file):
        if file is not None:
            file.path = file.path or "/"
    pairs = calls.diff(app.server, new_file, old_file, shallow=shallow)
    if name_only:
        table.show(view.DIFF_HEADER, (row for pair in pairs for row in view.diff_rows(app, pair)))
        return
    program = [*GIT, f"--color={'always' if app.colors else 'never'}"]
    if diff_command is not None:
        program = _split(diff_command)
    with tempfile.TemporaryDirectory(prefix="pachctl-diff-") as folder:
        for pair in pairs:
            _compare(app, pair, Path(folder), program)


def _compare(app: App, pair: pfs.DiffFileResponse, folder: Path, program: list[str]) -> None:
    sides = []
    for field in ("old_file", "new_file"):
        info = getattr(pair, field)
        known = pair.HasField(field) and info.file_type == pfs.FILE
        sides.append(_got(app, info.file, folder / field.removesuffix("_file")) if known else NOTHING)
    if sides == [NOTHING, NOTHING]:
        return
    sys.stdout.flush()
    try:
        done = subprocess.run([*program, *sides], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise NotFound(f"{program[0]} cannot be run: {error.strerror}; --diff-command names another program") from None
    sys.stdout.buffer.write(done.stdout)
    if done.returncode > 1:  # 1 says that there are differences
        text = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise InvalidRequest(f"{program[0]} failed: {text}")


def _got(app: App, file: pfs.File, folder: Path) -> str:
    """The content of a file on disk; its path relative to the folder above."""
    target = folder.joinpath(*(part for part in file.path.split("/") if part not in ("", ".", "..")))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, calls.content(app.server, pfs.GetFileRequest(file=file)))
    return str(target.relative_to(folder.parent))


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidRequest(f"--diff-command {text!r} cannot be read: {error}") from None
    if not words:
        raise InvalidRequest("--diff-command needs the name of a program")
    return words
