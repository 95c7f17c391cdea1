"""Builds /pfs for a datum: its inputs as copies (lazy ones as pipes), an empty `out`, the file `.env`.

Every try begins with a fresh tree. Invariants: nothing of the datum before is left, and no path from a commit
leads out of its input's folder (`trunkline.worker.tree`).
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator

from trunkline.content.entry import FileEntry, from_entry
from trunkline.content.reader import ContentReader
from trunkline.kernel.errors import Corrupt, FailedPrecondition, NotFound, TrunklineError
from trunkline.kernel.paths import as_directory
from trunkline.maps.keys import prefix_end
from trunkline.maps.maps import Maps
from trunkline.maps.root import Root
from trunkline.worker.copies import Copies
from trunkline.worker.environ import CLIENT, SCRATCH
from trunkline.worker.model import Datum, Input
from trunkline.worker.pipes import Pipes
from trunkline.worker.tree import Tree, failures, inside

Staged = dict[str, bytes]
"""Path to content hash, of what is below one folder of /pfs."""

_RESERVED = frozenset({"", ".", "..", "out", ".env", SCRATCH, CLIENT})


class Stager:
    """Fills and empties the staging folder. For one thread."""

    def __init__(self, maps: Maps, reader: ContentReader, copies: Copies, tree: Tree) -> None:
        self._maps = maps
        self._reader = reader
        self._copies = copies
        self._tree = tree
        self._pipes: Pipes | None = None

    def stage(self, datum: Datum, dotenv: str, *, keep_scratch: bool = False) -> int:
        """Builds the tree of a datum.

        Args:
            dotenv: the text of /pfs/.env.
            keep_scratch: user code that is alive has its temporary files there.

        Returns:
            The bytes staged; those of lazy inputs come later, see `finish`.

        Raises:
            NotFound: an input's path is not in its commit.
            FailedPrecondition: two inputs of one name do not go together.
            Corrupt: stored bytes were altered; the message names the file.
            StorageFull, StorageFailed: the disk.
        """
        self.clear(keep_scratch=keep_scratch)
        size = 0
        shared = {name: Staged() for name, times in Counter(one.name for one in datum.inputs).items() if times > 1}
        with failures("stage", f"datum {datum.id[:12]}"):
            self._tree.folder("out")
            self._tree.folder(SCRATCH)
            self._pipes = Pipes(self._reader, self._tree)
            for each in datum.inputs:
                size += self._input(each, shared.get(each.name))
            self._pipes.start()
            self._write(".env", dotenv.encode("utf-8", "surrogateescape"))
        return size

    def add(self, path: str, content: bytes) -> None:
        """Adds a file to the tree that was staged. Raises StorageFull, StorageFailed."""
        with failures("stage", path):
            self._write(path, content)

    def finish(self) -> int:
        """Ends lazy inputs; returns the bytes of them that were fetched.

        Raises:
            Corrupt, StorageFailed: what user code has read of one was not the whole file.
        """
        pipes, self._pipes = self._pipes, None
        return pipes.stop() if pipes is not None else 0

    def check(self) -> None:
        """Raises what `finish` would raise now, and ends nothing."""
        if self._pipes is not None:
            self._pipes.check()

    def clear(self, *, keep_scratch: bool = False) -> None:
        """Empties the tree, and ends lazy inputs."""
        with contextlib.suppress(TrunklineError):  # of a try that has failed
            self.finish()
        self._tree.empty(SCRATCH if keep_scratch else "")

    def original(self, input_: Input, path: str) -> FileEntry | None:
        """The file of an input's commit at a path, if it has one."""
        entry = self._maps.get(Root.unpack(input_.root), path.encode())
        return from_entry(entry) if entry is not None else None

    def _input(self, input_: Input, staged: Staged | None) -> int:
        """Stages an input, beside what is `staged` of others of its name, as a group has them."""
        if input_.name in _RESERVED or "/" in input_.name:
            raise NotFound(f"input {input_.name!r} cannot be a folder below /pfs: give it another name")
        self._tree.folder(input_.name)
        size = 0
        for path, file in self._files(input_):
            if staged is not None and path in staged:
                _check_same(input_, path, staged[path], file.hash)
                continue
            if staged is not None:
                staged[path] = file.hash
            try:
                size += self._file(input_, path, file)
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                raise FailedPrecondition(
                    f'inputs named "{input_.name}" have a file and a directory of one path (at {path}): '
                    "give them different names"
                ) from None
        return size

    def _files(self, input_: Input) -> Iterator[tuple[str, FileEntry]]:
        """The files of a match: one, or all below a directory."""
        root = Root.unpack(input_.root)
        key = input_.path.encode()
        if not input_.path.endswith("/"):
            entry = self._maps.get(root, key)
            if entry is not None:
                yield input_.path, from_entry(entry)
                return
            key = as_directory(input_.path).encode()
        found = False
        for each in self._maps.range(root, key, prefix_end(key)):
            found = True
            yield each[0].decode(), from_entry(each)
        if not found and not input_.path.endswith("/"):
            raise NotFound(f"{_where(input_, input_.path)} is not in the commit any more")

    def _file(self, input_: Input, path: str, file: FileEntry) -> int:
        if input_.lazy and not input_.empty_files:
            assert self._pipes is not None, "staging is under way"
            self._pipes.add(inside(input_.name, path), file, _where(input_, path))
            return 0
        target = self._tree.file(inside(input_.name, path))
        try:
            if input_.empty_files:
                return 0
            self._copies.write(file, target)
        except Corrupt as error:
            raise Corrupt(f"{_where(input_, path)} cannot be read: {error}") from None
        finally:
            os.close(target)
        return file.size

    def _write(self, name: str, content: bytes) -> None:
        target = self._tree.file(name)
        try:
            os.write(target, content)
        finally:
            os.close(target)


def _check_same(input_: Input, path: str, staged: bytes, wanted: bytes) -> None:
    """A file that two matches have is staged once; two files cannot be."""
    if staged != wanted:
        raise FailedPrecondition(
            f'inputs named "{input_.name}" have two files of one path (at {path}): give them different names'
        )


def _where(input_: Input, path: str) -> str:
    return f"{input_.repo or input_.name}@{input_.commit}:{path}"
