"""Runs a command as an ordinary user, from root, even if the interpreter lies where only root may go.

`python ordinary.py UID NEEDED… -- COMMAND…`: in a mount namespace of its own, every folder on the way to a
needed path that others may not enter is covered by an open one that leads nowhere but there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from trunkline.worker.runtimes.runner import linux


def closed_above(path: Path) -> Path | None:
    """The outermost folder above a path that others may not enter."""
    for folder in [*reversed(path.parents), path]:
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def open_up(needed: list[Path]) -> None:
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    held: dict[Path, list[tuple[Path, int]]] = {}
    for path in needed:
        folder = closed_above(path)
        if folder is not None:
            held.setdefault(folder, []).append((path, os.open(path, os.O_PATH)))
    for folder, paths in held.items():
        linux.mount("tmpfs", str(folder), "tmpfs", 0, "mode=755")
        for path, descriptor in paths:
            path.mkdir(parents=True, exist_ok=True)
            linux.bind(f"/proc/self/fd/{descriptor}", str(path))


def main() -> None:
    at = sys.argv.index("--")
    uid = int(sys.argv[1])
    open_up([Path(each).resolve() for each in sys.argv[2:at]])
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(sys.argv[at + 1], sys.argv[at + 1 :])


if __name__ == "__main__":
    main()
