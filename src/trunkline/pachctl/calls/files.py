"""What the commands of files do, whichever way they are spelled; moving content is `upload`'s and `download`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from trunkline.kernel.errors import InvalidRequest, NotBuilt, NotFound, TrunklineError
from trunkline.pachctl.connect import Server
from trunkline.wire import pfs_pb2 as pfs

Row = tuple[str, ...]


def inspect(server: Server, file: pfs.File) -> pfs.FileInfo:
    """One file or directory.

    Raises:
        NotFound: there is none.
    """
    info: pfs.FileInfo = server.pfs.InspectFile(pfs.InspectFileRequest(file=file))
    return info


def rows(
    server: Server,
    request: pfs.ListFileRequest,
    cells: Callable[[str, int], Row],
    row: Callable[[pfs.FileInfo], Row],
) -> Iterator[Row]:
    """The lines of a listing; in columns where the server knows that, which is ten times as fast.

    Args:
        server: where to look.
        request: what to list.
        cells: a line for a path and a size.
        row: the same line for a message.
    """
    try:
        for found in server.listing.ListFile(request):
            yield from map(cells, found.path, found.size_bytes)
    except NotBuilt:
        yield from map(row, server.pfs.ListFile(request))


def content(server: Server, request: pfs.GetFileRequest) -> Iterator[bytes]:
    """The bytes of one file.

    Raises:
        InvalidRequest: it is a directory, or a pattern that more than one file matches.
    """
    try:
        for message in server.pfs.GetFile(request):
            yield message.value
    except TrunklineError as error:
        if "GetFileTAR" not in str(error):
            raise
        commit = request.file.commit
        name = commit.id or commit.branch.name
        raise InvalidRequest(
            f"couldn't download {request.file.path} from {commit.repo.name}@{name}: it is a directory, or more than "
            "one file. Try again with the -r flag"
        ) from None


def copy(server: Server, source: pfs.File, target: pfs.File, *, append: bool) -> None:
    """Copies a file or directory into a branch or an open commit.

    Raises:
        NotFound: there is no such source, which the call alone would not say.
        InvalidRequest: one of the paths is empty.
    """
    refuse_empty(source.path, target.path)
    inspect(server, source)
    change = pfs.CopyFile(dst=target.path, src=source, append=append)
    modify(server, target.commit, pfs.ModifyFileRequest(copy_file=change))


def delete(server: Server, file: pfs.File, *, recursive: bool | None) -> None:
    """Deletes a file or directory.

    Args:
        server: where.
        file: what.
        recursive: whether a directory may be meant; nothing for what is there, which has to be there then.

    Raises:
        InvalidRequest: an empty path; a directory that is not meant.
        NotFound: there is no such file, and `recursive` is not said.
    """
    refuse_empty(file.path)
    directory = _is_directory(server, file, must_exist=recursive is None)
    if directory and recursive is False:
        raise InvalidRequest(f"{file.path} is a directory: give -r to delete everything below it")
    below = directory if recursive is None else recursive
    path = f"{file.path.rstrip('/')}/" if below else file.path
    modify(server, file.commit, pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path)))


def modify(server: Server, commit: pfs.Commit, change: pfs.ModifyFileRequest) -> None:
    """One change of the files of a branch or an open commit."""
    server.pfs.ModifyFile(iter([pfs.ModifyFileRequest(set_commit=commit), change]))


def diff(server: Server, new: pfs.File, old: pfs.File | None, *, shallow: bool) -> Iterator[pfs.DiffFileResponse]:
    """Each file that differs, as it is on both sides; with `shallow` what lies directly below, directories too.

    Args:
        server: where to look.
        new: a path in a commit.
        old: in the other one; the same path in the parent, if there is none.
        shallow: do not look into directories.
    """
    request = pfs.DiffFileRequest(new_file=new, shallow=shallow, old_file=old)
    base = old.path if old is not None else new.path
    for pair in server.pfs.DiffFile(request):
        shown: dict[str, Any] = {}
        if pair.HasField("new_file") and _is_shown(pair.new_file, new.path, shallow):
            shown["new_file"] = pair.new_file
        if pair.HasField("old_file") and _is_shown(pair.old_file, base, shallow):
            shown["old_file"] = pair.old_file
        if shown:
            yield pfs.DiffFileResponse(**shown)


def refuse_empty(*paths: str) -> None:
    """An empty path means the root elsewhere; where something is deleted or written it is a slip of a script."""
    if not all(paths):
        raise InvalidRequest("path () invalid: a path is needed that is not empty; the root is /")


def _is_directory(server: Server, file: pfs.File, *, must_exist: bool) -> bool:
    try:
        return inspect(server, file).file_type == pfs.DIR
    except NotFound:
        if must_exist:
            raise
        return False


def _is_shown(info: pfs.FileInfo, base: str, shallow: bool) -> bool:
    """Files; with `shallow` only what lies directly in the base, directories too."""
    if not shallow:
        return info.file_type != pfs.DIR
    below = info.file.path.strip("/").removeprefix(base.strip("/")).strip("/")
    return below != "" and "/" not in below
