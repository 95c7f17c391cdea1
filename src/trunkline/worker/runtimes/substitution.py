"""The fallback where the kernel refuses namespaces: paths are replaced, because /pfs is not really there.

Every /pfs path in a command, its standard input and its environment becomes a path of the staging folder,
and the files of the environment's root are called by their real paths. Programs that have /pfs built in do
not work this way; that is why it is only the fallback, and why a job's log mentions it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from trunkline.worker.runtimes.protocol import Command


class Substitution:
    """Rewrites commands.

    Attributes:
        staging: the real path of the folder that stands for /pfs.
        environment: the real path of the environment's root; none if there is none.
        folders: other paths as user code writes them, and the real folders that stand for them.
    """

    def __init__(self, staging: Path, environment: Path | None, folders: Mapping[str, str] | None = None) -> None:
        self.staging = str(staging)
        self.environment = environment
        self._places = {"/pfs": self.staging, **(folders or {})}
        # Each as whole first elements of a path: not in /home/pfs, nor in /pfsx.
        names = "|".join(re.escape(each) for each in sorted(self._places, reverse=True))
        self._path = re.compile(rf"(?<![\w./~-])({names})(?![\w.-])")

    def text(self, text: str) -> str:
        """The text with /pfs paths, and those of the other folders, replaced."""
        return self._path.sub(lambda found: self._places[found[1]], text)

    def command(self, command: Command) -> Command:
        """The command as it has to be run on the bare machine."""
        argv = [self.text(each) for each in command.argv]
        argv = [self._own(argv[0]) if argv[0].startswith("/") else argv[0]] + [
            self._own(each) if each.startswith("/") and not Path(each).exists() else each for each in argv[1:]
        ]
        env = {name: self.text(value) for name, value in command.env.items()}
        if "PATH" in env:
            env["PATH"] = self._search_path(env["PATH"])
        stdin = command.stdin
        if stdin is not None:
            stdin = os.fsencode(self.text(os.fsdecode(stdin)))
        cwd = self._own(self.text(command.cwd)) if command.cwd != "/" else "/"
        return msgspec.structs.replace(command, argv=argv, env=env, stdin=stdin, cwd=cwd)

    def _own(self, path: str) -> str:
        """The environment's file of that path, if it has one."""
        if self.environment is not None:
            own = self.environment / path.lstrip("/")
            if own.exists():
                return str(own)
        return path

    def _search_path(self, value: str) -> str:
        folders: list[str] = []
        for folder in value.split(":"):
            own = self._own(folder) if folder.startswith("/") else folder
            folders += [folder] if own == folder else [own, folder]
        return ":".join(folders)
