"""put-file: files, directories, standard input and URLs into a branch or an open commit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from trunkline.client.putting import PARALLELISM
from trunkline.kernel.errors import InvalidRequest, TrunklineError
from trunkline.kernel.ids import is_id
from trunkline.pachctl import refs
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.commands.commits import message_flag
from trunkline.pachctl.fetch import fetch
from trunkline.pachctl.grammar import verb
from trunkline.pachctl.sources import STDIN, Source, is_url, resolve, split_list
from trunkline.pachctl.splitting import Split, folders
from trunkline.pachctl.transfer import put
from trunkline.wire import pfs_pb2 as pfs


@verb("REPO BRANCH [PATH]", example="pachctl put-file training_data master training_prod.csv -f data/training.csv")
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
@click.option("-o", "--overwrite", is_flag=True, help="Replace files that are there instead of appending.")
@click.option("-p", "--parallelism", type=click.INT, default=PARALLELISM, help="Small files read at the same time.")
@click.option("--split", metavar="json|line", help="Make a directory of numbered pieces of each file.")
@click.option("--target-file-datums", type=click.INT, help="With --split: so many records to a piece.")
@click.option("--target-file-bytes", type=click.INT, help="With --split: end a piece after so many bytes.")
@click.option("-c", "--commit", is_flag=True, help="Accepted, without effect: a commit is made anyway.")
@message_flag
def put_file(
    app: App,
    repo: str,
    branch: str,
    path: str | None,
    files: tuple[str, ...],
    input_file: str | None,
    recursive: bool,
    overwrite: bool,
    parallelism: int,
    split: str | None,
    target_file_datums: int | None,
    target_file_bytes: int | None,
    commit: bool,
    message: str,
) -> None:
    """Put files into a branch or an open commit.

    Files that are there are appended to, unless --overwrite is given. Everything that one call puts becomes
    visible at once, or not at all. BRANCH is made if it is not there; the id of an open commit may stand for
    it, and to a branch whose last commit is open the files are added.

    Without PATH a file is stored under the path by which it was given. With one source PATH is where it goes;
    with several, or when PATH ends with a slash, PATH is the directory that they go to.

    With --split a file becomes a directory of pieces, one record (a JSON value, or a line) to each unless a target
    is given. Later pieces come after those that are there, or with --overwrite instead of them.
    """
    how = _how_to_split(split, target_file_datums, target_file_bytes)
    if commit:
        app.note("--commit has no effect any more: every put is a commit of its own, unless one is open")
    origins = origins_of(files, input_file)
    sources = resolve(origins, path, recursive=recursive)
    if STDIN in origins:
        print("Reading from stdin.", flush=True)
    anew = overwrite and how is not None and not is_id(branch)
    with _target(app, repo, branch, message, explicit=anew) as target, TemporaryDirectory("-pachctl") as folder:
        if how is not None:
            given = list(sources)
            if overwrite:
                _remove(app, target, given)
            sources = folders(app.server, target, given, how, Path(folder), overwrite=overwrite)
        put(app, target, sources, overwrite=overwrite, recursive=recursive, remember=how is None)


def _how_to_split(kind: str | None, records: int | None, size: int | None) -> Split | None:
    """What the flags say, if they say anything."""
    if kind is None:
        if records is not None or size is not None:
            raise InvalidRequest("--target-file-datums and --target-file-bytes need --split")
        return None
    split = Split(kind, records or 0, size or 0)
    split.check()
    return split


def _remove(app: App, target: pfs.Commit, sources: list[Source]) -> None:
    """Nothing is left where the pieces of these go."""
    for source in sources:
        path = f"{source.target.rstrip('/')}/"
        calls.modify(app.server, target, pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path)))


def origins_of(files: Iterable[str], input_file: str | None) -> list[str]:
    """All sources of the command line, in order; standard input if none is named."""
    origins = split_list(files)
    if input_file is not None:
        listed = [line.strip() for line in _list_text(input_file).splitlines() if line.strip()]
        if not listed:
            raise InvalidRequest(f"{input_file} names no sources")
        origins.extend(listed)
    if origins.count(STDIN) > 1 or (STDIN in origins and input_file == STDIN):
        raise InvalidRequest("standard input can be read only once")
    return origins or [STDIN]


def _list_text(input_file: str) -> str:
    if input_file == STDIN:
        return sys.stdin.read()
    if is_url(input_file):
        return fetch(input_file).decode()
    try:
        with open(input_file, encoding="utf-8") as handle:  # noqa: PTH123
            return handle.read()
    except OSError as error:
        raise InvalidRequest(f"{input_file} cannot be read: {error.strerror}") from None


@contextmanager
def _target(app: App, repo: str, branch: str, message: str, *, explicit: bool) -> Iterator[pfs.Commit]:
    """The commit to write to; with a message, or if asked for, one started for it, and dropped if the put fails."""
    if not message and not explicit:
        yield refs.commit(repo, branch)
        return
    request = pfs.StartCommitRequest(branch=refs.branch(repo, branch), description=message)
    started = app.server.pfs.StartCommit(request)
    mine = pfs.Commit(repo=refs.repo(repo), id=started.id)
    try:
        yield mine
    except BaseException:
        with suppress(TrunklineError):
            app.server.pfs.DropCommit(pfs.DropCommitRequest(commit=mine, recursive=True))
        raise
    app.server.pfs.FinishCommit(pfs.FinishCommitRequest(commit=mine))
