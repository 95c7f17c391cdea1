"""Puts the files of secrets into the view of user code: each folder of them a file system in memory, read-only.

Done when the view stands and is the root. Invariants: no byte of a secret is on a disk, or visible outside of this
mount namespace; nothing of the machine is written to. Where the folder is not there, the one above it is laid out
anew, from binds of all that it holds, so that there is a place for one more name.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH102, PTH112, PTH116, PTH120, PTH123, PTH208

from __future__ import annotations

import os
import stat

from trunkline.worker.runtimes.runner import linux
from trunkline.worker.runtimes.runner.layers import copy_entry

_FLAGS = linux.MS_NOSUID | linux.MS_NODEV
_TAKEN = ("/pfs", "/proc", "/sys", "/dev")


class NoPlace(Exception):
    """A secret cannot be where the pipeline wants it; the message names the folder."""


def place(files: dict[str, bytes]) -> None:
    """Makes files appear at absolute paths; those of one folder replace what is in it. Raises NoPlace."""
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[name] = content
    own = {"/"}
    for folder, content_of in sorted(folders.items()):
        try:
            _fill(_room(folder, own), content_of)
        except OSError as error:
            raise NoPlace(
                f"secrets cannot be mounted at {folder} ({error.strerror}): choose another mount_path"
            ) from None


def _room(folder: str, own: set[str]) -> str:
    """The real path of a folder, which is there when this returns.

    Args:
        own: folders that are this view's own, and not the machine's.
    """
    real = os.path.realpath(folder)
    if real == "/" or any(f"{real}/".startswith(f"{each}/") for each in _TAKEN):
        raise NoPlace(f"secrets cannot be mounted at {folder}, which is {real} here: choose another mount_path")
    if os.path.isdir(real):
        return real
    above = _room(os.path.dirname(real), own) if os.path.dirname(real) != "/" else "/"
    if above not in own:
        _lay_out(above)
        own.add(above)
    os.mkdir(real, 0o755)
    own.add(real)
    return real


def _lay_out(folder: str) -> None:
    """Replaces a folder of the machine by one of this view that holds the same."""
    machine = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        behind = f"/proc/self/fd/{machine}"
        mode = stat.S_IMODE(os.stat(behind).st_mode)
        linux.mount("tmpfs", folder, "tmpfs", _FLAGS, f"mode={mode:o},size=64m")
        for name in os.listdir(behind):
            copy_entry(f"{behind}/{name}", f"{folder}/{name}")
    finally:
        os.close(machine)


def _fill(folder: str, files: dict[str, bytes]) -> None:
    size = sum(map(len, files.values())) + (len(files) + 4) * 16384
    linux.mount("tmpfs", folder, "tmpfs", _FLAGS | linux.MS_NOEXEC, f"mode=755,size={size}")
    for name, content in files.items():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o444)
    linux.make_read_only(folder)
