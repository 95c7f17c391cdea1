"""put file and get file; the bytes are moved by what the hyphenated commands use."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path

import click

from trunkline.client.putting import PARALLELISM
from trunkline.kernel.errors import InvalidRequest, TrunklineError
from trunkline.pachctl import pickers
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.commands.getfile import get
from trunkline.pachctl.commands.putfile import origins_of
from trunkline.pachctl.flags import project_flag
from trunkline.pachctl.grammar import command
from trunkline.pachctl.sources import is_url, resolve
from trunkline.pachctl.targets import is_archive, naming, unpacked
from trunkline.pachctl.transfer import put
from trunkline.wire import pfs_pb2 as pfs


@command("put file", "COMMIT[:PATH]", example="pachctl put file training_data@master:/train.csv -f data/training.csv")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="SOURCE",
    help="A file, a URL, or - for standard input (the default); may be given several times, or as a,b,c.",
)
@click.option("-i", "--input-file", metavar="LIST", help="A file, a URL or -, with one source on each line.")
@click.option("-r", "--recursive", is_flag=True, help="Put everything below directories.")
@click.option("-a", "--append", is_flag=True, help="Append to files that are there instead of replacing them.")
@click.option("--full-path", is_flag=True, help="Keep the path by which a source was given, not only its name.")
@click.option("--untar", is_flag=True, help="Unpack sources that end in .tar, .tar.gz or .tgz.")
@click.option("-p", "--parallelism", type=click.INT, default=PARALLELISM, help="Small files read at the same time.")
@click.option("-c", "--compress", is_flag=True, help="Accepted, without effect.")
@click.option("--progress/--no-progress", default=True, help="Show what is done, on a terminal.")
@project_flag
def put_file(
    app: App,
    commit_path: str,
    files: tuple[str, ...],
    input_file: str | None,
    recursive: bool,
    append: bool,
    full_path: bool,
    untar: bool,
    progress: bool,
    parallelism: int,
    **tuning: object,
) -> None:
    """Put files into a branch or an open commit.

    Files that are there are replaced, unless --append is given. Everything that one call puts becomes visible at
    once, or not at all.

    Without PATH a file is stored under its name. With one source PATH is where it goes; with several, or when PATH
    ends with a slash, PATH is the directory that they go to.
    """
    target = pickers.file(app, commit_path)
    origins = origins_of(files, input_file)
    archives = [origin for origin in origins if untar and is_archive(origin)]
    plain = [origin for origin in origins if origin not in archives]
    rule = naming(recursive=recursive, full_path=full_path)
    sources = resolve(plain, target.path or None, recursive=recursive, naming=rule)
    with tempfile.TemporaryDirectory(prefix="pachctl-put-") as folder:
        every = chain(sources, unpacked(archives, Path(folder)))
        put(
            app,
            target.commit,
            every,
            overwrite=not append,
            recursive=recursive,
            show=progress,
            remember=not archives,
            parallelism=parallelism,
        )


@command("get file", "FILE", example="pachctl get file model@master:/model.json")
@click.option("-r", "--recursive", is_flag=True, help="Get everything below a directory; needs --output.")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to this file, or with -r into this directory; or a URL of a bucket."
)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many bytes at the beginning.")
@click.option("--retry", is_flag=True, help="Append what is missing to an output file that is there.")
@click.option("--progress/--no-progress", default=True, help="Show what is done, on a terminal.")
@project_flag
def get_file(
    app: App, file: str, recursive: bool, output: str | None, offset: int, retry: bool, **tuning: object
) -> None:
    """Get the content of a file, or of a directory.

    FILE is REPO@COMMIT:PATH. Without --output the content goes to standard output. To a URL of an object store the
    server writes by itself.
    """
    request = pfs.GetFileRequest(file=pickers.file(app, file), offset=offset)
    if not retry or (output is not None and is_url(output)):
        get(app, request, recursive=recursive, output=output, show=bool(tuning["progress"]))
        return
    if output is None or recursive:
        raise InvalidRequest("--retry needs the --output file that is to be completed, and no -r")
    _complete(app, request, Path(output))


def _complete(app: App, request: pfs.GetFileRequest, output: Path) -> None:
    """Appends the bytes that a file on disk lacks."""
    try:
        with output.open("ab") as handle:
            request.offset += handle.tell()
            for piece in calls.content(app.server, request):
                handle.write(piece)
    except OSError as error:
        raise TrunklineError(f"cannot write {output}: {error.strerror}") from None
