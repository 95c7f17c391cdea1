"""Writes sources to a commit, all or nothing: by the thick client, or as one ModifyFile stream.

The stream is for an original, for URLs, which the server reads, and for little, where one call is quickest.
Invariant: no more than one chunk of a file is in memory; nothing is repeated by itself, since a repeated append
would store the data twice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.client.localfiles import Progress
from trunkline.client.putting import PARALLELISM, Result
from trunkline.kernel.errors import InvalidRequest, NotBuilt, TrunklineError
from trunkline.pachctl import thick
from trunkline.pachctl.connect import Server
from trunkline.pachctl.sources import STDIN, Source, expanded
from trunkline.wire import pfs_pb2 as pfs

CHUNK_BYTES = 4 * 1024 * 1024
"""Of file content in one message; the limit of the API is 20 MiB a message."""

_NOTHINGS_TAG = "replaced by what comes"


def upload(
    server: Server,
    commit: pfs.Commit,
    sources: Iterable[Source],
    *,
    overwrite: bool,
    recursive: bool,
    memory: Path | None = None,
    parallelism: int = PARALLELISM,
    progress: Progress = lambda files, size: None,
) -> Result | None:
    """Stores the sources.

    Args:
        server: where to.
        commit: a branch, or an open commit.
        sources: what to store, and where.
        overwrite: replace what is there; otherwise append to it.
        recursive: of URLs, everything below them.
        memory: a folder in which to remember what was read; None: everything is read.
        parallelism: small files that are read at the same time.
        progress: told now and then how many more files and bytes are done.

    Returns:
        What it came to, unless it was a small matter.

    Raises:
        InvalidRequest: a source that cannot be read; nothing is stored then.
        TrunklineError: what the server refused.
    """
    given = list(sources)
    if thick.is_worth_it(given):
        try:
            return thick.upload(
                server,
                commit,
                given,
                replace=overwrite,
                memory=memory,
                parallelism=parallelism,
                progress=progress,
            )
        except NotBuilt:
            pass  # an original; nothing was read yet
    _stream(server, commit, expanded(given), overwrite, recursive, progress)
    return None


def _stream(
    server: Server, commit: pfs.Commit, sources: Iterable[Source], overwrite: bool, recursive: bool, progress: Progress
) -> None:
    """The same by the public API: files as they are, cut and hashed by the server."""
    failures: list[TrunklineError] = []
    messages = _guarded(commit, _messages(commit, sources, overwrite, recursive), failures)
    try:
        server.pfs.ModifyFile(_counted(messages, progress))
    except TrunklineError:
        if not failures:
            raise
    if failures:
        raise failures[0] from None


def _counted(messages: Iterable[pfs.ModifyFileRequest], progress: Progress) -> Iterator[pfs.ModifyFileRequest]:
    for message in messages:
        yield message
        progress(0, len(message.add_file.raw.value))


def _guarded(
    commit: pfs.Commit, messages: Iterator[pfs.ModifyFileRequest], failures: list[TrunklineError]
) -> Iterator[pfs.ModifyFileRequest]:
    """Ends a stream that cannot go on with a message that every server refuses: a second commit.

    To cancel the call would not do: at the server a cancelled stream can look, for a moment, like one that
    has come to its end, and half of the files would be stored.
    """
    try:
        yield from messages
    except OSError as error:
        failures.append(InvalidRequest(f"{error.filename or 'input'} cannot be read: {error.strerror}"))
    except TrunklineError as error:
        failures.append(error)
    if failures:
        yield pfs.ModifyFileRequest(set_commit=commit)


def _messages(
    commit: pfs.Commit, sources: Iterable[Source], overwrite: bool, recursive: bool
) -> Iterator[pfs.ModifyFileRequest]:
    yield pfs.ModifyFileRequest(set_commit=commit)
    for source in sources:
        if overwrite:
            yield pfs.ModifyFileRequest(delete_file=_replaced(source, recursive))
        if source.is_url:
            url = pfs.AddFile.URLSource(URL=source.origin, recursive=recursive)
            yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=source.target, url=url))
        else:
            yield from _content(source)


def _replaced(source: Source, recursive: bool) -> pfs.DeleteFile:
    """What makes room for a source.

    With everything below an address it stands for all that will come: pachd replaces each file if the very path was
    deleted. A slash at its end would remove the whole folder, so the root is named with a tag that nothing has.
    """
    if not (source.is_url and recursive):
        return pfs.DeleteFile(path=source.target)
    path = "/" + source.target.strip("/")
    return pfs.DeleteFile(path=path, datum=_NOTHINGS_TAG if path == "/" else "")


def _content(source: Source) -> Iterator[pfs.ModifyFileRequest]:
    """The bytes of one source; at least one message, so that an empty file exists."""
    if source.origin == STDIN:
        yield from _chunks(sys.stdin.buffer, source.target)
        return
    with open(source.origin, "rb") as handle:  # noqa: PTH123 - one object less for each file
        yield from _chunks(handle, source.target)


def _chunks(handle: BinaryIO, path: str) -> Iterator[pfs.ModifyFileRequest]:
    data = handle.read(CHUNK_BYTES)
    yield _add(path, data)
    while len(data) == CHUNK_BYTES:
        data = handle.read(CHUNK_BYTES)
        if data:
            yield _add(path, data)


def _add(path: str, data: bytes) -> pfs.ModifyFileRequest:
    return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=BytesValue(value=data)))
