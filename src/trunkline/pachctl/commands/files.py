"""inspect-file, list-file, glob-file, diff-file, copy-file, delete-file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import click

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, table
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.pachctl.views import files as view
from trunkline.wire import pfs_pb2 as pfs

MOST_CHILDREN = 100
"""Names that inspect-file shows of a directory; list-file shows all."""


@verb("REPO COMMIT PATH", example="pachctl inspect-file training_data master training_prod.csv")
@raw_flag
def inspect_file(app: App, repo: str, commit: str, path: str, raw: bool) -> None:
    """Show one file or directory."""
    file = refs.file(repo, commit, path)
    info = calls.inspect(app.server, file)
    if raw:
        json.show([info])
        return
    names: list[str] = []
    if info.file_type == pfs.DIR:
        request = pfs.ListFileRequest(file=file, number=MOST_CHILDREN + 1)
        names = [child.file.path.rstrip("/").rsplit("/", 1)[-1] for child in app.server.pfs.ListFile(request)]
    print(view.detail(info, names[:MOST_CHILDREN], len(names) > MOST_CHILDREN), end="")


@verb("REPO COMMIT [PATH]", example="pachctl list-file training_data master")
@raw_flag
def list_file(app: App, repo: str, commit: str, path: str | None, raw: bool) -> None:
    """List the files in a directory.

    Without PATH, those at the top.
    """
    file = refs.file(repo, commit, path or "/")
    request = pfs.ListFileRequest(file=file)
    listed: Iterator[Any] = (
        iter(app.server.pfs.ListFile(request)) if raw else calls.rows(app.server, request, view.cells, view.row)
    )
    first = list(islice(listed, 1))
    if not first and path is not None and path.strip("/"):
        # A path that is not there lists nothing; only InspectFile tells it from an empty directory.
        calls.inspect(app.server, file)
    if raw:
        json.show(chain(first, listed))
    else:
        table.show(view.HEADER, chain(first, listed))


def _rows(app: App, request: pfs.ListFileRequest) -> Iterator[tuple[str, ...]]:
    return calls.rows(app.server, request, view.cells, view.row)


@verb("REPO COMMIT PATTERN", example="pachctl glob-file qc_pre_process master '/1*.json'")
@raw_flag
def glob_file(app: App, repo: str, commit: str, pattern: str, raw: bool) -> None:
    """List the files that match a glob pattern.

    Quote the pattern, or the shell takes it for itself.
    """
    request = pfs.GlobFileRequest(commit=refs.commit(repo, commit), pattern=pattern)
    _show(app.server.pfs.GlobFile(request), raw)


@verb(
    "NEW_REPO NEW_COMMIT NEW_PATH [OLD_REPO] [OLD_COMMIT] [OLD_PATH]",
    example="pachctl diff-file training_data master / training_data master^ /",
)
@click.option("-s", "--shallow", is_flag=True, help="Do not look into directories that differ.")
def diff_file(
    app: App,
    new_repo: str,
    new_commit: str,
    new_path: str,
    old_repo: str | None,
    old_commit: str | None,
    old_path: str | None,
    shallow: bool,
) -> None:
    """Show what differs between two commits.

    With three words, the commit is compared with its parent.
    """
    given = sum(word is not None for word in (old_repo, old_commit, old_path))
    if given not in (0, 3):
        raise InvalidRequest(f"diff-file expects either 3 or 6 args, got {3 + given}")
    new_file = refs.file(new_repo, new_commit, new_path)
    old_file = None
    if old_repo is not None and old_commit is not None and old_path is not None:
        old_file = refs.file(old_repo, old_commit, old_path)
    new, old = [], []
    for pair in calls.diff(app.server, new_file, old_file, shallow=shallow):
        if pair.HasField("new_file"):
            new.append(view.row(pair.new_file))
        if pair.HasField("old_file"):
            old.append(view.row(pair.old_file))
    for title, rows in (("New Files:", new), ("Old Files:", old)):
        if rows:
            print(title)
            table.show(view.HEADER, rows)


@verb(
    "SRC_REPO SRC_COMMIT SRC_PATH DST_REPO DST_BRANCH DST_PATH",
    example="pachctl copy-file training_data master training_prod.csv archive master 2018.csv",
)
@click.option("-o", "--overwrite", is_flag=True, help="Replace what is there instead of appending to it.")
def copy_file(
    app: App,
    src_repo: str,
    src_commit: str,
    src_path: str,
    dst_repo: str,
    dst_branch: str,
    dst_path: str,
    overwrite: bool,
) -> None:
    """Copy a file or directory, without moving its bytes."""
    source = refs.file(src_repo, src_commit, src_path)
    target = refs.file(dst_repo, dst_branch, dst_path)
    calls.copy(app.server, source, target, append=not overwrite)


@verb("REPO BRANCH PATH", example="pachctl delete-file attributes master 2.json")
def delete_file(app: App, repo: str, branch: str, path: str) -> None:
    """Delete a file or directory.

    BRANCH may be the id of an open commit too.
    """
    calls.delete(app.server, refs.file(repo, branch, path), recursive=None)


def _show(infos: Iterable[pfs.FileInfo], raw: bool) -> None:
    if raw:
        json.show(infos)
    else:
        table.show(view.HEADER, map(view.row, infos))
