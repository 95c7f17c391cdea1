"""Holds user code to its limit of memory where nobody else does: by looking, ten times a second.

A control group of the kernel would be exact; it takes one that this user may write to, which few machines have. What
is counted is what the processes have in memory, pages that several share once. Invariant: without a limit, nothing is
looked at.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH115, PTH123

from __future__ import annotations

import os
import time

from trunkline.worker.runtimes.runner.reaper import descendants

_PAUSE = 100
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limit:
    """The limit of one command.

    Attributes:
        pause: milliseconds between two looks; 0 if there is no limit.
        exceeded: whether the processes were found to have more.
    """

    def __init__(self, limit: int) -> None:
        """Args:
        limit: bytes; 0 for none.
        """
        self._limit = limit
        self._next = 0.0
        self.pause = _PAUSE if limit else 0
        self.exceeded = False

    def look(self) -> bool:
        """Looks, if it is time to; whether there is too much."""
        now = time.monotonic()
        if not self._limit or now < self._next:
            return False
        self._next = now + _PAUSE / 2000
        processes = descendants(int(os.readlink("/proc/self")))
        # Cheap first: it counts what is shared once for each process, so never too little.
        if sum(map(_resident, processes)) > self._limit and sum(map(_proportional, processes)) > self._limit:
            self.exceeded = True
            return True
        return False


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(pid)
