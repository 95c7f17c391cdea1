"""Who had the home before: a pachd that was killed is dead for the next one on its home, at once and not in a minute.

A home has one pachd at a time, by a lock that the system frees when the process dies; so whoever holds it knows that
the processes noted here are over. Invariant: a note is believed only in the home where it was written (a copy of a home
has another file for its lock): a process that may live is never named. What cannot be read or written is done without.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

_MOST = 100
"""Names that are kept; more come together only if that many starts fail."""


class _Note(msgspec.Struct, frozen=True):
    lock: int
    names: list[str]


class Predecessors:
    """The note in a home.

    Args:
        folder: that of the lock, `run`; the caller holds the lock.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._lock = folder / "catalog.json", folder / "pachd.lock"

    def names(self) -> list[str]:
        """The processes that had this home, and may not have said goodbye to the catalog."""
        try:
            note = msgspec.json.decode(self._file.read_bytes(), type=_Note)
            return note.names if note.lock == self._lock.stat().st_ino else []
        except (OSError, msgspec.MsgspecError):
            return []

    def note(self, names: list[str]) -> None:
        """Remembers processes in place of those that were noted; whole or not at all."""
        draft = self._file.with_suffix(".new")
        with suppress(OSError):
            draft.write_bytes(msgspec.json.encode(_Note(self._lock.stat().st_ino, names[-_MOST:])))
            draft.replace(self._file)
