"""Ends what user code has started: every process, however it hid, before the next datum begins.

In a PID namespace the runner is process 1, and one signal reaches everybody else, atomically. Without one,
the runner is the subreaper of its descendants: whoever loses its parent becomes the runner's child, so
killing children until there are none is complete as well, if slower.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Reaper(Protocol):
        """Kills, and buries."""

        def kill(self) -> None:
            """Kills every process that user code has started. Does not wait."""
            ...

        def sweep(self) -> None:
            """Kills them all and returns when none is left."""
            ...


class NamespaceReaper:
    """For a runner that is process 1 of its own PID namespace."""

    def kill(self) -> None:
        """As the protocol says."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return

    def sweep(self) -> None:
        """As the protocol says."""
        self.kill()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return
            self.kill()


class SubreaperReaper:
    """For a runner that shares the machine's process ids and has been made a subreaper."""

    def kill(self) -> None:
        """As the protocol says."""
        for pid in descendants(os.getpid()):
            _signal(pid)

    def sweep(self) -> None:
        """As the protocol says."""
        pause = 0.0
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                self.kill()
                time.sleep(pause)
                pause = min(pause + 0.001, 0.05)


def collect() -> dict[int, int]:
    """Buries who has ended. Returns their wait statuses by process id."""
    found: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found[pid] = status


def descendants(ancestor: int) -> list[int]:
    """The processes that come from one, by their numbers in /proc.

    Parents come before their children, so that a killed parent cannot have more of them.
    """
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                text = file.read()
        except OSError:
            continue
        # The command's name, in parentheses, may hold anything; what follows it may not.
        parent = int(text[text.rindex(b")") + 2 :].split()[1])
        children.setdefault(parent, []).append(int(name))
    found = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
