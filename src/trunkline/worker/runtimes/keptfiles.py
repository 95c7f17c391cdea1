"""Files of secrets where no namespace can hide them: in a folder of the worker's that only user code's user may enter.

They are removed with the sandbox; after a worker that was killed, with its scratch folder. Invariant: nobody but the
owner can read them at any moment. What user code writes as the path is replaced by `substitution`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from trunkline.worker.tree import failures


class KeptFiles:
    """The files of one sandbox.

    Args:
        folder: made anew.
        files: contents by absolute path, as user code sees it.
        owner: uid and gid of user code; none: the worker's own.

    Attributes:
        folders: for each folder that user code expects, the real one.

    Raises:
        StorageFull, StorageFailed: the disk.
    """

    def __init__(self, folder: Path, files: Mapping[str, bytes], owner: tuple[int, int] | None) -> None:
        self._folder, self._owner = folder, owner
        self.folders: dict[str, str] = {}
        self.remove()
        if not files:
            return
        with failures("put secrets into", str(folder)):
            self._own(folder)
            for path, content in files.items():
                wanted, _, name = path.rpartition("/")
                self._write(self._folder_of(wanted) / name, content)

    def remove(self) -> None:
        """Removes the files; may be repeated."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _folder_of(self, wanted: str) -> Path:
        if wanted not in self.folders:
            made = self._folder / str(len(self.folders))
            self._own(made)
            self.folders[wanted] = str(made.resolve())
        return Path(self.folders[wanted])

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        if self._owner is not None:
            os.chown(folder, *self._owner)

    def _write(self, file: Path, content: bytes) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with os.fdopen(descriptor, "wb") as opened:
            if self._owner is not None:
                os.fchown(descriptor, *self._owner)
            opened.write(content)
