"""Collects what user code left in /pfs/out: files become content in the store, links the files they lead to.

Invariants: no symbolic link is followed here, even if user code is alive and puts one where a folder was (the
sandbox follows them, in its own view and with the user's rights); a name that no commit can have, or a link that
leads nowhere, fails the datum with a reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

import msgspec

from trunkline.content.entry import FileEntry
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest, TrunklineError
from trunkline.worker.environ import SCRATCH
from trunkline.worker.inside import allow, open_inside
from trunkline.worker.model import Datum
from trunkline.worker.runtimes.protocol import Linked, Sandbox
from trunkline.worker.staging import Stager
from trunkline.worker.tree import Tree, failures

_PART = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class CannotUpload(InvalidRequest):
    """Something in /pfs/out cannot be stored."""

    code = "cannot-upload"


class Gathered(msgspec.Struct):
    """Files on their way into the store.

    Attributes:
        files: paths below /pfs/out, with a leading slash, sorted; content is durable after the writer's flush.
        size: bytes of all of them.
    """

    files: list[tuple[str, Pending | FileEntry]]
    size: int


class Gatherer:
    """Collects the output of datums. For one thread."""

    def __init__(self, tree: Tree, stager: Stager) -> None:
        self._tree = tree
        self._stager = stager

    def gather(self, datum: Datum, sandbox: Sandbox, writer: ContentWriter) -> Gathered:
        """All files of /pfs/out.

        Raises:
            CannotUpload: a bad name, a link that leads nowhere or where it must not.
            StorageFull, StorageFailed: the store.
            SandboxLost: a link was to be followed, and the sandbox is gone.
        """
        found: list[tuple[str, Pending | FileEntry]] = []
        links: list[str] = []
        with failures("read", "/pfs/out"):
            top = os.open(self._tree.root / "out", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                for path, is_link, folder in _walk(top):
                    if is_link:
                        links.append(path)
                    else:
                        found.append((_checked(path), writer.add(_content(path, folder))))
            finally:
                os.close(top)
            if links:
                found += self._linked(datum, sandbox, writer, links)
        found.sort(key=lambda each: each[0].encode())
        return Gathered(found, sum(each.size for _, each in found))

    def _linked(
        self, datum: Datum, sandbox: Sandbox, writer: ContentWriter, links: Sequence[str]
    ) -> Iterator[tuple[str, Pending | FileEntry]]:
        problem: TrunklineError | None = None
        for each in sandbox.follow([f"/pfs/out{path}" for path in links]):
            try:
                resolved = self._resolved(datum, each, writer) if problem is None else None
                if resolved is not None:
                    yield resolved
            except TrunklineError as error:
                problem = error  # raised when the rest is taken, so that the connection stays in step
            finally:
                if each.file >= 0:
                    os.close(each.file)
        if problem is not None:
            raise problem

    def _resolved(self, datum: Datum, linked: Linked, writer: ContentWriter) -> tuple[str, Pending | FileEntry] | None:
        path = _checked(linked.path.removeprefix("/pfs/out"))
        if linked.problem:
            raise CannotUpload(f"cannot upload the symbolic link {linked.path}: {linked.problem}")
        _, pfs, below = linked.target.partition("/pfs/")
        if pfs and linked.target.startswith("/pfs/"):
            name, _, inner = below.partition("/")
            inputs = [each for each in datum.inputs if each.name == name]
            if not inputs and name not in (SCRATCH, ".env"):
                raise CannotUpload(f'cannot upload the symbolic link {linked.path}: could not find input "{name}"')
            for each in inputs:
                original = self._stager.original(each, "/" + inner) if each.empty_files or each.lazy else None
                if original is not None:
                    return path, original
        if linked.file < 0:
            return None  # a special file, which is not uploaded
        return path, writer.add(_parts(linked.file))


def _walk(top: int) -> Iterator[tuple[str, bool, int]]:
    """The files (false) and symbolic links (true) below a folder: path with a leading slash, which, folder it is in."""
    waiting = [""]
    while waiting:
        above = waiting.pop()
        folder = _open(f".{above}", os.O_DIRECTORY, top)
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    path = f"{above}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                        _check_length(path)
                    elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                        yield path, entry.is_symlink(), folder
        finally:
            os.close(folder)


def _open(path: str, flags: int, top: int) -> int:
    """Opens something for reading, even if its owner (who is the worker's user, or root's guest) forbade it."""
    try:
        return open_inside(top, path, _READ | flags)
    except PermissionError:
        allow(top, path, stat.S_IRWXU)
        return open_inside(top, path, _READ | flags)


def _content(path: str, folder: int) -> Iterator[bytes]:
    descriptor = _open(path.rpartition("/")[2], 0, folder)
    try:
        yield from _parts(descriptor)
    finally:
        os.close(descriptor)


def _parts(descriptor: int) -> Iterator[bytes]:
    while part := os.read(descriptor, _PART):
        yield part


def _checked(path: str) -> str:
    try:
        return paths.file_path(path)
    except TrunklineError as error:
        raise _bad_name(str(error)) from None


def _check_length(path: str) -> None:
    if len(os.fsencode(path)) > paths.LONGEST_PATH - 16:
        raise _bad_name(f"path ({path[:60]!r}…) is longer than {paths.LONGEST_PATH} bytes")


def _bad_name(why: str) -> CannotUpload:
    return CannotUpload(
        f"cannot upload file produced by the user code because its name cannot be represented in PFS: {why}"
    )
