"""Lays an environment's folder over the machine's root, as the sandbox sees it.

Where every name of the environment has its like on the machine, single files are bound over single files;
where it adds names to a folder of the machine, that folder becomes a read-only overlay of the two; where the
kernel refuses the overlay, a folder of binds. Invariants: nothing of the machine or the environment is
written to, and environment files are read-only.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH102, PTH110, PTH112, PTH114, PTH115, PTH116, PTH208, PTH211

from __future__ import annotations

import os
import stat

from trunkline.worker.runtimes.runner import linux

SPECIAL = frozenset({"pfs", "proc", "dev", "sys"})
"""Top-level names that an environment cannot bring."""

_SHARED = frozenset({"/tmp", "/var/tmp", "/home", "/root", "/run"})  # noqa: S108 - names of folders people write to


class Layers:
    """Lays environments over a root that is being built.

    Attributes:
        new: where the new root is being built.
        base: the environment's root, bound read-only at a place of its own.
    """

    def __init__(self, new: str, base: str, submounts: list[str]) -> None:
        self.new = new
        self.base = base
        self._submounts = submounts

    def names(self) -> set[str]:
        """The top-level names that the environment brings."""
        return set(os.listdir(self.base)) - SPECIAL

    def replaces(self, name: str) -> bool:
        """Whether the environment's top-level entry stands instead of the machine's, not merged with it."""
        return not (_is_folder(self._own(name)) and os.path.isdir("/" + name))

    def lay(self) -> None:
        """Puts everything in place; the machine's own entries are there already."""
        merged: dict[str, list[str]] = {}
        for name in sorted(self.names()):
            own = self._own(name)
            if self.replaces(name):
                copy_entry(own, f"{self.new}/{name}")
            else:
                merged.setdefault(os.path.realpath("/" + name), []).append(own)
        for machine, sources in merged.items():
            self._merge(machine, sources)

    def _own(self, name: str) -> str:
        return f"{self.base}/{name}"

    def _merge(self, machine: str, sources: list[str]) -> None:
        if len(sources) == 1 and all(_alike(each, f"{machine}/{each.name}") for each in _entries(sources[0])):
            for entry in _entries(sources[0]):
                if entry.is_dir(follow_symlinks=False):
                    self._merge(f"{machine}/{entry.name}", [entry.path])
                else:
                    linux.bind(entry.path, f"{self.new}{machine}/{entry.name}")
            return
        if machine in _SHARED:
            self._bind_all(machine, sources, writable=True)
            return
        try:
            self._overlay(machine, sources)
        except OSError:
            self._bind_all(machine, sources, writable=False)

    def _overlay(self, machine: str, sources: list[str]) -> None:
        folders = [os.open(each, os.O_PATH | os.O_DIRECTORY) for each in [*sources, machine]]
        try:
            # Descriptors instead of paths: a path may hold the colons and commas that mount options part at.
            lower = ":".join(f"/proc/self/fd/{each}" for each in folders)
            linux.mount("overlay", self.new + machine, "overlay", linux.MS_RDONLY, f"lowerdir={lower}")
        finally:
            for each in folders:
                os.close(each)
        for mounted in self._submounts:
            inside = f"{self.new}{mounted}"
            if mounted.startswith(machine + "/") and os.path.exists(inside) and os.path.exists(mounted):
                linux.bind(mounted, inside)

    def _bind_all(self, machine: str, sources: list[str], *, writable: bool) -> None:
        target = self.new + machine
        mode = stat.S_IMODE(os.stat(machine).st_mode)
        linux.mount("tmpfs", target, "tmpfs", linux.MS_NODEV | linux.MS_NOSUID, f"mode={mode:o},size=64m")
        taken: set[str] = set()
        for source in sources:
            for entry in _entries(source):
                if entry.name in taken:
                    continue
                taken.add(entry.name)
                both = entry.is_dir(follow_symlinks=False) and _is_folder(f"{machine}/{entry.name}")
                copy_entry(f"{machine}/{entry.name}" if both else entry.path, f"{target}/{entry.name}")
                if both:
                    self._merge(f"{machine}/{entry.name}", [entry.path])
        for name in _names(machine):
            if name not in taken:
                copy_entry(f"{machine}/{name}", f"{target}/{name}")
        if not writable:
            linux.make_read_only(target)


def copy_entry(source: str, target: str) -> None:
    """Makes a file or folder appear at a new place: bound, or the same symbolic link once more."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if _is_folder(source):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    linux.bind(source, target)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def _names(folder: str) -> list[str]:
    """The names in a folder of the machine; none in one that the user may not read."""
    try:
        return os.listdir(folder)
    except PermissionError:
        return []


def _alike(entry: os.DirEntry[str], machine: str) -> bool:
    try:
        other = os.lstat(machine).st_mode
    except OSError:
        return False
    if entry.is_dir(follow_symlinks=False):
        return stat.S_ISDIR(other)
    return entry.is_file(follow_symlinks=False) and stat.S_ISREG(other)


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
