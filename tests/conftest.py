"""What the tests run on: the header names the real components, so that nothing is left out in silence."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from hypothesis import settings

from trunkline.kernel.version import VERSION
from trunkline.testing.buckets import S3Server
from trunkline.worker.runtimes.probe import probe

# In CI the same examples each time, so that a change is judged by what it changed; elsewhere new ones, to find more.
settings.register_profile("house", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


def pytest_report_header() -> list[str]:
    """The components that are real here, each with its version."""
    mode, why = probe("auto")
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    return [
        f"trunkline {VERSION} on Python {sys.version.split()[0]}, as {who}, {os.cpu_count()} processors",
        f"real: SQLite {sqlite3.sqlite_version}, local object store, gRPC {version('grpcio')} on loopback, "
        f"pachyderm-sdk {version('pachyderm-sdk')}, worker processes, S3 by moto {version('moto')}",
        f"user code sees /pfs by: {mode or 'nothing'}{f' ({why})' if why else ''}",
    ]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server, shared by the tests of one process; each makes buckets of its own."""
    server = S3Server()
    yield server
    server.stop()
