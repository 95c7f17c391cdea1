"""A pachd of a test's own, for what needs settings of its own, or is killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pachyderm_sdk import Client

from trunkline.testing.commands import wait_for


class OwnPachd:
    """One home, and the process on it."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        self._environ = {"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "1"} | environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Client:
        """Starts it; returns a client of the official SDK."""
        record = self.home / "run" / "pachd.json"
        record.unlink(missing_ok=True)
        command = [sys.executable, "-m", "trunkline.pachd", "--home", str(self.home), "--port", "0"]
        process = self._process = subprocess.Popen(command, env=self._environ, stderr=subprocess.DEVNULL)
        wait_for(lambda: record.exists() or process.poll() is not None, "pachd", 60)
        assert process.poll() is None
        host, _, port = json.loads(record.read_text())["address"].rpartition(":")
        return Client(host=host, port=int(port))

    def kill(self) -> None:
        """Ends it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ends it as its user would."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(60) == 0

    @property
    def log(self) -> str:
        """What it logged."""
        return (self.home / "logs" / "pachd.log").read_text()


@contextmanager
def own_pachd(home: Path, **environ: str) -> Iterator[OwnPachd]:
    """A pachd that is stopped in the end, and has then met nothing that it did not foresee."""
    made = OwnPachd(home, **environ)
    try:
        yield made
    finally:
        made.stop()
    assert "unforeseen error" not in made.log
