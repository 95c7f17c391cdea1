"""The folders of a local store: making them, making their names durable, walking them.

Invariant: after `Folders.settle` every name in the folder, and the folder itself, survives a crash. Names
that other processes put there count too; so what is remembered is the state a folder was in, not the fact.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from trunkline.objects.abreast import abreast
from trunkline.objects.keys import is_key

GRAIN = 0.1
"""Seconds; longer than the steps in which any file system counts the time of change of a folder.

A name that comes within the same step as the last one does not show in that time. So a folder is taken for
settled only after a synchronisation that began this long after the change was first seen.
"""


class _State(NamedTuple):
    changed: int  # the folder's time of change, nanoseconds
    seen: float  # when it was first seen, by the monotonic clock
    settled: bool


class Folders:
    """The folders below one root. Thread-safe: its memory is dictionaries whose single steps are atomic."""

    def __init__(self, root: Path, sync: Callable[[int], None]) -> None:
        self._root = root
        self._sync = sync
        self._states: dict[Path, _State] = {}
        self._rooted: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Makes a folder and those above it, if need be."""
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)

    def settle(self, folders: Iterable[Path]) -> None:
        """Makes the names in these folders durable, and the folders' own names.

        A folder that did not change since it was last settled costs one look at its time of change.
        """
        waiting: list[tuple[Path, _State, bool]] = []
        rooted: list[Path] = []
        above: dict[Path, None] = {}
        for folder in sorted(folders):
            changed = folder.stat().st_mtime_ns
            state = self._states.get(folder)
            if state is None or state.changed != changed:
                state = _State(changed, time.monotonic(), False)
            if not state.settled:
                waiting.append((folder, state, time.monotonic() - state.seen > GRAIN))
            if folder not in self._rooted:
                # Once in the life of this store: the folder may have been made by another process that has
                # not come to this point itself.
                for parent in folder.parents:
                    above[parent] = None
                    if parent == self._root:
                        break
                rooted.append(folder)
        abreast(self._sync_folder, [*(folder for folder, _, _ in waiting), *above])
        for folder, state, quiet in waiting:
            self._states[folder] = _State(state.changed, state.seen, quiet)
        self._rooted.update(rooted)

    def _sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._sync(descriptor)
        finally:
            os.close(descriptor)


def walk(root: Path, prefix: str) -> Iterator[str]:
    """The paths of all files below the root, relative to it, that begin with the prefix; any order."""
    return (name for name, _ in walk_entries(root, prefix))


def walk_entries(root: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """As `walk`, with what the system says of each file."""
    start, slash, _ = prefix.rpartition("/")
    if slash and not is_key(start):
        return  # no key begins like this; and a path might lead out of the root
    pending = [start]
    while pending:
        inside = pending.pop()
        try:
            entries = os.scandir(root / inside if inside else root)
        except (FileNotFoundError, NotADirectoryError):
            continue  # no such folder, or gone since we saw it
        with entries:
            for entry in entries:
                name = f"{inside}/{entry.name}" if inside else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name.startswith(prefix) or prefix.startswith(name + "/"):
                        pending.append(name)
                elif name.startswith(prefix):
                    yield name, entry
