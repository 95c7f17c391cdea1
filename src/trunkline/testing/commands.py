"""Helpers for tests that run commands in sandboxes, or wait for what processes do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from trunkline.worker.runtimes.protocol import Command, Ended, Sandbox

PATH = "/usr/local/bin:/usr/bin:/bin"


class Collected:
    """An `Output` that keeps everything, or until it is `full`."""

    def __init__(self, capacity: int | None = None) -> None:
        self.data = bytearray()
        self.capacity = capacity

    def room(self) -> bool:
        """As the protocol says."""
        return self.capacity is None or len(self.data) < self.capacity

    def write(self, data: bytes) -> None:
        """As the protocol says."""
        self.data += data

    @property
    def text(self) -> str:
        """What came, decoded."""
        return self.data.decode("utf-8", "replace")


def run(sandbox: Sandbox, *argv: str, **more: object) -> tuple[Ended, str]:
    """Runs a command with a plain environment; returns how it ended and what it wrote."""
    output = Collected()
    settings: dict[str, object] = {"env": {"PATH": PATH}} | more
    return sandbox.run(Command(argv=argv, **settings), output), output.text  # type: ignore[arg-type]


def shell(sandbox: Sandbox, script: str, **more: object) -> str:
    """Runs a script that must succeed; returns what it wrote."""
    ended, text = run(sandbox, "sh", "-c", script, **more)
    assert ended == Ended(0), text
    return text


def processes(marker: str) -> list[int]:
    """Processes of the machine whose command line has the marker, this one excepted."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if marker.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Returns when the condition holds; fails when that takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(0.002)
