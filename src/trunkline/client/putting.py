"""Puts files into a branch or an open commit: what changed is read, cut and hashed here, and only what the store
lacks is stored; then one call makes everything visible, or nothing.

Invariants: the result is that of a `ModifyFile` stream of the same files; a put that fails or is interrupted leaves
nothing visible; memory is bounded by the chunks under way and some hundred bytes for each file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trunkline.client.batches import Batches
from trunkline.client.connection import Calls
from trunkline.client.crew import Crew
from trunkline.client.folders import FolderReading
from trunkline.client.localfiles import Progress
from trunkline.client.memory import Memory
from trunkline.client.reading import read_file, read_stream
from trunkline.client.session import Session
from trunkline.client.sources import File, Folder, Source
from trunkline.client.writing import Writing
from trunkline.content.writer import ContentWriter
from trunkline.kernel.errors import Conflict, FailedPrecondition, TrunklineError
from trunkline.wire import content_pb2 as wire
from trunkline.wire import pfs_pb2 as pfs

PARALLELISM = 10
"""Small files that are read at the same time unless somebody says otherwise, where the disk is slow."""

GROUP_BYTES = 24 << 20
"""Bytes of chunks that are stored together: twice what pachd takes, which has many clients."""


class Result(NamedTuple):
    """What a put came to.

    Attributes:
        commit: that holds the files.
        files: how many were given.
        size: bytes of those that were looked into.
        unchanged: how many were known to be unchanged, and not looked into.
    """

    commit: pfs.Commit
    files: int
    size: int
    unchanged: int


def put(
    calls: Calls,
    commit: pfs.Commit,
    sources: Iterable[Source],
    *,
    replace: bool = False,
    memory: Path | None = None,
    parallelism: int = PARALLELISM,
    progress: Progress = lambda files, size: None,
) -> Result:
    """Stores sources.

    Args:
        calls: a connection.
        commit: a branch, or an open commit.
        sources: what to store, and where; each path once.
        replace: files replace what is there; otherwise they are appended to it.
        memory: a folder in which to remember what was read; None: everything is read.
        parallelism: small files of a folder that are read at the same time, and processes that do so, at the most.
        progress: told now and then how many files and bytes are done.

    Raises:
        NotBuilt: the server has no such service; nothing was read.
        InvalidRequest: a source that cannot be read; nothing was stored.
        TrunklineError: what the server refused; nothing was stored.
    """
    given = list(sources)
    with Session(calls) as session:
        return _Put(calls, session, commit, given, replace, parallelism, progress).run(memory)


class _Put:
    def __init__(
        self,
        calls: Calls,
        session: Session,
        commit: pfs.Commit,
        sources: list[Source],
        replace: bool,
        parallelism: int,
        progress: Progress,
    ) -> None:
        self._calls, self._session, self._commit = calls, session, commit
        self._sources, self._replace, self._progress = sources, replace, progress
        self._parallelism = parallelism

    def run(self, folder: Path | None) -> Result:
        """Puts; what is remembered serves a single source, which is the case in which it is worth something."""
        only = self._sources[0] if len(self._sources) == 1 else None
        if not isinstance(only, Folder | File):
            return self._once(None, None)
        origin = str(Path(only.origin).absolute())
        memory = Memory(folder, self._session.cluster, origin)
        directory = _directory(only) if isinstance(only, Folder) else ""
        name = f"{self._commit.repo}{self._commit.branch.name}{self._commit.id}{directory}"
        digest = memory.digest(name) if self._replace and directory else None
        result = self._repeated(memory, digest, directory)
        # After an append the directory holds more than what is remembered, so it says nothing of it.
        memory.save(name, self._held(result.commit, directory) if self._replace and directory else None)
        return result

    def _repeated(self, memory: Memory, digest: bytes | None, directory: str) -> Result:
        """Puts again what was refused for what is remembered: first everything is said anew, then it is read anew."""
        for _ in range(2):
            try:
                return self._once(memory, digest, directory)
            except Conflict:  # the target changed since
                digest = None
            except FailedPrecondition:  # the installation lost chunks
                digest = None
                memory.forget()
        return self._once(memory, None)

    def _once(self, memory: Memory | None, digest: bytes | None, directory: str = "") -> Result:
        session = self._session
        target = wire.WriteTarget(session=session.id, commit=self._commit)
        if digest is not None:
            target.expectation.directory, target.expectation.digest = directory, digest
        writer = ContentWriter(session.store, GROUP_BYTES)
        counts = [0, 0, 0]
        with (
            Writing(self._calls, target, replace=self._replace, once=len(self._sources) > 1) as writing,
            Crew(session, writer, self._parallelism, self._progress) as crew,
        ):
            batches = Batches(writer, session.store, writing)
            for source in self._sources:
                if isinstance(source, Folder):
                    known = memory or Memory(None, "", "")
                    reading = FolderReading(crew, batches, writing, known, self._progress)
                    reading.read(source, skip_unchanged=digest is not None)
                    counts = [a + b for a, b in zip(counts, reading.counts, strict=True)]
                elif isinstance(source, File):
                    size, remembered = read_file(source, writer, batches, memory, self._progress)
                    counts = [counts[0] + 1, counts[1] + size, counts[2] + remembered]
                else:
                    size = read_stream(source, writer, batches, self._progress)
                    counts = [counts[0] + 1, counts[1] + size, counts[2]]
            batches.end()
            return Result(writing.end(), *counts)

    def _held(self, commit: pfs.Commit, directory: str) -> bytes | None:
        """What the commit holds below a directory, if it is finished and this is known."""
        file = pfs.File(commit=commit, path=directory)
        try:
            info = self._calls.pfs.InspectFile(pfs.InspectFileRequest(file=file))
        except TrunklineError:
            return None
        return info.hash if info.HasField("committed") else None


def _directory(folder: Folder) -> str:
    parts = [part for part in folder.target.split("/") if part not in ("", ".")]
    return "/" + "".join(f"{part}/" for part in parts)
