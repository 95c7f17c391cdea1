"""How far a long put or get is, on a terminal: one line that is written over, and a summary at the end.

Invariant: nothing is written if standard error is no terminal, or if it is over within a second.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from trunkline.client.putting import Result
from trunkline.kernel import units

PATIENCE = 1.0
"""Seconds before anything is shown."""

PAUSE = 0.2
"""Seconds between two changes of the line."""

WIDTH = 20
"""Characters of the bar."""


class Meter:
    """A context manager, and what `progress` takes: told how many more files and bytes are done.

    Attributes:
        size: bytes in all, if they are known; then there is a bar.
        result: what a put came to, for the summary.
    """

    def __init__(
        self, verb: str, stream: TextIO | None = None, *, show: bool = True, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._verb, self._stream, self._now = verb, stream or sys.stderr, now
        self._begun = self._last = now()
        self._shown = False
        self._files = self._bytes = 0
        self.size: int | None = None
        self.result: Result | None = None
        self._visible = show and self._stream.isatty()

    def __call__(self, files: int, size: int) -> None:
        """Takes note, and shows it if it is time."""
        self._files += files
        self._bytes += size
        if not self._visible:
            return
        now = self._now()
        if now - self._begun > PATIENCE and now - self._last > PAUSE:
            self._last = now
            self._shown = True
            self._stream.write(f"\r\x1b[K{self._line(now)}")
            self._stream.flush()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
        if self._visible and error is None and self._now() - self._begun > PATIENCE:
            self._stream.write(f"{self._summary()}\n")
        self._stream.flush()

    def _line(self, now: float) -> str:
        speed = units.size(int(self._bytes / (now - self._begun)))
        said = f"{self._verb} {self._counted()} ({speed}/s)"
        if not self.size:
            return said
        share = min(1.0, self._bytes / self.size)
        bar = "#" * int(share * WIDTH)
        return f"[{bar:<{WIDTH}}] {share:4.0%} {said}"

    def _counted(self) -> str:
        files = f"{self._files:,} file{'' if self._files == 1 else 's'}, " if self._files else ""
        return f"{files}{units.size(self._bytes)}"

    def _summary(self) -> str:
        took = self._now() - self._begun
        unchanged = self.result.unchanged if self.result is not None else 0
        known = f", {unchanged:,} of them known to be unchanged" if unchanged else ""
        return f"{self._verb} {self._counted()}{known}, in {took:.1f} seconds"
