"""get-file: the content of a file to standard output or to disk, or all of a directory."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from trunkline.kernel.errors import InvalidRequest, NotFound
from trunkline.pachctl import refs
from trunkline.pachctl.app import App
from trunkline.pachctl.download import write_file
from trunkline.pachctl.fetching import content, tree
from trunkline.pachctl.grammar import verb
from trunkline.pachctl.meter import Meter
from trunkline.pachctl.sources import is_url
from trunkline.wire import pfs_pb2 as pfs

_GLOB = re.compile(r"[*?\[\]{}!()@+^\\]")


@verb("REPO COMMIT PATH", example="pachctl get-file model master model.json")
@click.option("-r", "--recursive", is_flag=True, help="Get everything below a directory; needs --output.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file, or with -r into this directory.")
@click.option("-p", "--parallelism", type=click.INT, default=10, help="Accepted, without effect.")
def get_file(
    app: App, repo: str, commit: str, path: str, recursive: bool, output: str | None, parallelism: int
) -> None:
    """Get the content of a file, or of a directory.

    Without --output the content goes to standard output. To a URL of an object store the server writes by itself.
    """
    get(app, pfs.GetFileRequest(file=refs.file(repo, commit, path)), recursive=recursive, output=output)


def get(app: App, request: pfs.GetFileRequest, *, recursive: bool, output: str | None, show: bool = True) -> None:
    """Gets a file, or with `recursive` everything that its path matches; both grammars come here.

    Args:
        app: the invocation.
        request: the file, and where to begin in it.
        recursive: into a directory.
        output: the file or directory to write to; nothing or `-` for standard output; the address of an object store,
            to which the server writes by itself.
        show: how far it is, on a terminal.

    Raises:
        InvalidRequest: standard output cannot hold more than one file.
    """
    path = request.file.path
    if output is not None and is_url(output):
        request.URL = output
        for _ in app.server.pfs.GetFileTAR(request) if recursive else app.server.pfs.GetFile(request):
            pass
        return
    if recursive and output is None:
        raise InvalidRequest("an output path needs to be specified when using the --recursive flag")
    if recursive and output is not None:
        _get_tree(app, request, path, Path(output), show)
        return
    if output is None or output == "-":
        with Meter("got", show=show and not sys.stdout.isatty()) as meter:
            for piece in content(app, request, meter):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return
    target = Path(output)
    with Meter("got", show=show) as meter:
        write_file(target / Path(path).name if target.is_dir() else target, content(app, request, meter))


def _get_tree(app: App, request: pfs.GetFileRequest, path: str, output: Path, show: bool) -> None:
    """Writes what matches the path; a single file is written as `output`, unless that is a directory."""
    base, name = _base(app, request.file, path)
    with Meter("got", show=show) as meter:
        tree(app, request, output / name if name and output.is_dir() else output, base, meter)


def _base(app: App, file: pfs.File, path: str) -> tuple[str, str]:
    """The directory that is taken off every path; and for a single file, its name."""
    if not path.strip("/"):
        return path, ""
    try:
        info = app.server.pfs.InspectFile(pfs.InspectFileRequest(file=file))
    except NotFound:
        glob = _GLOB.search(path)
        if glob is None:
            raise
        return path[: glob.start()].rpartition("/")[0], ""
    return path, Path(path).name if info.file_type == pfs.FILE else ""
