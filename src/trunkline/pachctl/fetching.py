"""Content for get-file: from the folder of the store where it can be reached and that is worth it, else by the API.

Invariant: which way was taken shows in nothing but the time: what is there, what is not, and what cannot be got this
way is said by the API in both cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.client.getting import Folder, reach
from trunkline.kernel.errors import TrunklineError
from trunkline.pachctl.app import App
from trunkline.pachctl.calls import files as calls
from trunkline.pachctl.download import inside, replacing, unpack
from trunkline.pachctl.meter import Meter
from trunkline.wire import pfs_pb2 as pfs

LARGE = 8 << 20
"""Bytes; for less, one call of the API is quicker."""


def content(app: App, request: pfs.GetFileRequest, meter: Meter) -> Iterator[bytes | memoryview]:
    """The bytes of one file.

    Raises:
        InvalidRequest: it is a directory, or a pattern that more than one file matches.
    """
    size = _size(app, request.file)
    folder = reach(app.server) if size >= LARGE and request.offset >= 0 else None
    pieces: Iterable[bytes | memoryview]
    pieces = calls.content(app.server, request) if folder is None else _read(folder, request)
    meter.size = max(0, size - request.offset)
    for piece in pieces:
        yield piece
        meter(0, len(piece))


def tree(app: App, request: pfs.GetFileRequest, output: Path, base: str, meter: Meter) -> int:
    """Writes everything that matches below a directory; says how many files.

    Args:
        app: the invocation.
        request: the path or pattern.
        output: the directory, or where a single file goes.
        base: directory in the repo that becomes `output`.
        meter: told of files and bytes.

    Raises:
        InvalidRequest: a path that leaves the directory.
    """
    folder = reach(app.server)
    if folder is None:
        return unpack(output, _counted(app.server.pfs.GetFileTAR(request), meter), base)
    count = 0
    made: set[Path] = set()
    with folder:
        for file in folder.files(request.file):
            target = inside(output, file.path, base)
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            with replacing(target) as handle:
                for piece in folder.read(file):
                    handle.write(piece)
                    meter(0, len(piece))
            meter(1, 0)
            count += 1
    return count


def _read(folder: Folder, request: pfs.GetFileRequest) -> Iterator[memoryview]:
    with folder:
        for file in folder.files(request.file):
            yield from folder.read(file, request.offset)


def _size(app: App, file: pfs.File) -> int:
    """Of a single file that is named exactly; 0 for everything else."""
    try:
        info = app.server.pfs.InspectFile(pfs.InspectFileRequest(file=file))
    except TrunklineError:
        return 0  # a pattern, or trouble that the next call tells of
    return info.size_bytes if info.file_type == pfs.FILE else 0


def _counted(messages: Iterable[BytesValue], meter: Meter) -> Iterator[bytes]:
    for message in messages:
        yield message.value
        meter(0, len(message.value))
