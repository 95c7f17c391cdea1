"""The peer of the commit curve: git with a work tree, durable like us (`core.fsync=all`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.pfs.harness import git, seconds


class Git:
    """A repository with a work tree."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git("init", "-q")
        for key, value in (("core.fsync", "all"), ("gc.auto", "0"), ("user.name", "b"), ("user.email", "b@b")):
            self._git("config", key, value)

    def put(self, files: Iterable[tuple[str, bytes]]) -> float:
        """One commit with these files; milliseconds of add and commit, the writing of the files left out."""
        for path, content in files:
            target = self._folder / path.lstrip("/")
            target.parent.mkdir(exist_ok=True, parents=True)
            target.write_bytes(content)
        return 1000 * seconds(self._commit)

    def _commit(self) -> None:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "more")

    def _git(self, *words: str) -> None:
        git(self._folder, *words)
