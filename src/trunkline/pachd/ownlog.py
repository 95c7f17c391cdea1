"""pachd's own log as GetLogs shows it: the lines of the file, and new ones as they come."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from trunkline.kernel.errors import Cancelled

_LOOK_SECONDS = 0.5
"""Between two looks at whether the file has grown; other processes may write it, so nothing can wake us."""


class OwnLog:
    """Reads one log file, which may not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = threading.Event()

    def lines(self, *, tail: int, follow: bool, alive: Callable[[], bool]) -> Iterator[str]:
        """The lines so far, only the last `tail` of them if that is not 0; with `follow`, without end.

        Raises:
            Cancelled: while following, the caller went away or pachd is shutting down.
        """
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            yield from deque(_whole(file.readline), maxlen=tail or None)
            while follow:
                yield from _whole(file.readline)
                if self._closed.wait(_LOOK_SECONDS) or not alive():
                    raise Cancelled("pachd is shutting down, or the caller went away")

    def close(self) -> None:
        """Ends every follower."""
        self._closed.set()


def _whole(read: Callable[[], str]) -> Iterator[str]:
    while line := read():
        yield line.rstrip(os.linesep)
