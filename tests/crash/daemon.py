"""A pachd process on one home that is killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from pachyderm_sdk import Client


class Daemon:
    """The process.

    Args:
        catalog: as TRUNKLINE_CATALOG has it; empty for SQLite in the home.
    """

    def __init__(self, home: Path, catalog: str = "") -> None:
        self.home, self.catalog = home, catalog
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        record = self.home / "run" / "pachd.json"
        record.unlink(missing_ok=True)
        environ = {"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "2", "TRUNKLINE_LEASE_SECONDS": "5"}
        environ["TRUNKLINE_CATALOG"] = self.catalog
        with (self.home / "pachd.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.pachd", "--home", str(self.home), "--port", "0"],
                env=environ,
                stderr=errors,
            )
        wait_until(lambda: record.exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, (self.home / "pachd.err").read_text()

    @property
    def address(self) -> str:
        return str(json.loads((self.home / "run" / "pachd.json").read_text())["address"])

    def client(self) -> Client:
        host, port = self.address.split(":")
        return Client(host=host, port=int(port))

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)])

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(60) == 0


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
