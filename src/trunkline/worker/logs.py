"""The log of a batch: lines in order, sent in groups by a thread of its own, soon and never too many waiting.

Invariants: lines arrive at pachd in the order in which they were written; after `settle` all of them have;
and what waits is bounded, by making user code wait and not by dropping lines.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import TrunklineError
from trunkline.worker.model import Line

LONGEST = 64 << 10
"""Bytes of a line; a longer one is split."""

LARGEST = 64 << 20
"""Bytes of one command's output that are kept."""

_WAITING_BYTES = 4 << 20
_GROUP_BYTES = 1 << 20
_GROUP_LINES = 2000
_LINE_COST = 100
_PAUSE = 0.05


class BatchLog:
    """Collects lines and sends them."""

    def __init__(
        self,
        send: Callable[[Sequence[Line]], None],
        clock: Clock,
        on_failure: Callable[[TrunklineError], None],
    ) -> None:
        """Args:
        send: delivers lines to pachd.
        on_failure: told, from another thread, that pachd takes no lines; from then on they are dropped.
        """
        self._send = send
        self._on_failure = on_failure
        self._clock = clock
        self._changed = threading.Condition()
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._added = 0
        self._sent = 0
        self._hurry = False
        self._closed = False
        self._failure: TrunklineError | None = None
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def note(self, message: str, datum: str = "") -> None:
        """Adds a line of the worker's own."""
        self.add(datum, message, user=False)

    def add(self, datum: str, message: str, *, user: bool) -> None:
        """Adds a line."""
        line = Line(datum=datum, user=user, ts=self._clock.now(), message=message)
        with self._changed:
            if self._failure is not None:
                return
            self._lines.append(line)
            self._added += 1
            self._bytes += len(message) + _LINE_COST
            if len(self._lines) == 1 or self._bytes >= _GROUP_BYTES:
                self._changed.notify_all()

    def room(self) -> bool:
        """Whether more lines of user code may come now."""
        return self._bytes < _WAITING_BYTES

    def settle(self) -> None:
        """Returns when every line added before is with pachd.

        Raises:
            PachdGone: pachd does not take lines.
        """
        with self._changed:
            # Not until none is waiting: user code that never stops writing must not hold up a report.
            target = self._added
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._failure or self._sent >= target)
            self._hurry = False
            if self._failure is not None:
                raise self._failure

    def close(self) -> None:
        """Sends what is left, if pachd takes it, and ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            try:
                self._send(group)
            except TrunklineError as error:
                self._fail(error)
                self._on_failure(error)
                return
            with self._changed:
                self._sent += len(group)
                self._changed.notify_all()

    def _next_group(self) -> list[Line]:
        """Waits for lines, then a moment for more of them; none when the log is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed)
            self._changed.wait_for(self._is_due, _PAUSE)
            group: list[Line] = []
            size = 0
            while self._lines and len(group) < _GROUP_LINES and size < _GROUP_BYTES:
                line = self._lines.popleft()
                size += len(line.message) + _LINE_COST
                group.append(line)
            self._bytes -= size
            return group

    def _is_due(self) -> bool:
        return self._hurry or self._closed or self._bytes >= _GROUP_BYTES

    def _fail(self, error: TrunklineError) -> None:
        with self._changed:
            self._failure = error
            self._lines.clear()
            self._bytes = 0
            self._changed.notify_all()


class UserOutput:
    """What one command writes, cut into lines; an `Output` of the runtimes. What is too much is dropped, and told."""

    def __init__(self, log: BatchLog, datum: str, largest: int = LARGEST) -> None:
        self._log = log
        self._datum = datum
        self._rest = b""
        self._largest = self._left = largest

    def room(self) -> bool:
        """As the protocol says."""
        return self._log.room()

    def write(self, data: bytes) -> None:
        """As the protocol says."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._add(line)
        while len(self._rest) > LONGEST:
            end = _character_end(self._rest, LONGEST)
            self._add(self._rest[:end])
            self._rest = self._rest[end:]

    def end(self) -> None:
        """Adds what came after the last end of line."""
        if self._rest:
            self._add(self._rest)
            self._rest = b""

    def _add(self, line: bytes) -> None:
        if self._left <= 0:
            return
        self._left -= len(line) + 1
        if self._left <= 0:
            self._log.note(
                f"user code has written more than {self._largest >> 20} MiB: the rest is not kept", self._datum
            )
            return
        while len(line) > LONGEST:
            end = _character_end(line, LONGEST)
            self._log.add(self._datum, line[:end].decode("utf-8", "replace"), user=True)
            line = line[end:]
        self._log.add(self._datum, line.decode("utf-8", "replace"), user=True)


def _character_end(line: bytes, at: int) -> int:
    """The last place up to `at` where no character of UTF-8 is cut in two."""
    for end in range(at, at - 4, -1):
        if line[end] & 0xC0 != 0x80:
            return end
    return at
