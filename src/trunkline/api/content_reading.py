"""Where the bytes of files lie, as messages of columns; for `trunkline.api.content_service`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trunkline.content.codec import chunk_key
from trunkline.content.entry import slices_of
from trunkline.kernel.errors import NotFound
from trunkline.pfs import filesets
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pfs.tree import Node
from trunkline.wire import content_pb2 as wire

MOST_FILES = 4096
MOST_BYTES = 1 << 20
"""Of one message."""


def located(
    pfs: Pfs, ref: CommitRef, request: wire.LocateRequest, alive: Callable[[], bool]
) -> Iterator[wire.FileColumns]:
    """The files that a path or a pattern means, those below directories included, in order of their paths.

    Raises:
        NotFound: there are none.
    """
    commit = pfs.readable(filesets.source(pfs, ref, alive), alive)
    view = View(pfs.maps, pfs.reader, pfs.content(commit))
    message, weight = wire.FileColumns(), 0
    for node in _files(view, request.file.path, f"in repo {commit.repo} at commit {commit.id}"):
        message.paths.append(node.path.encode())
        message.sizes.append(node.size)
        message.hashes.append(node.hash)
        message.places.append(node.aux)
        weight += len(node.aux) + len(node.path)
        if len(message.paths) >= MOST_FILES or weight >= MOST_BYTES:
            yield _pinned(pfs, request.session, message)
            message, weight = wire.FileColumns(), 0
    if message.paths:
        yield _pinned(pfs, request.session, message)


def _files(view: View, path: str, where: str) -> Iterator[Node]:
    exact = view.find(path)
    matches = [exact] if exact is not None else list(view.glob(path))
    if not matches:
        raise NotFound(f"file {path} not found {where}")
    within = ""  # the last directory that was gone through
    for match in matches:
        if within and match.path.startswith(within):
            continue
        within = match.path if match.is_dir else within
        for node in view.walk(match.path):
            if not node.is_dir:
                yield node


def _pinned(pfs: Pfs, session: str, message: wire.FileColumns) -> wire.FileColumns:
    """The message, its chunks being kept for the session."""
    if session:
        chunks = {each.chunk for aux in message.places for each in slices_of(aux)}
        pfs.pins.add(session, map(chunk_key, chunks))
    return message
