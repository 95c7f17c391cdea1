from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from tests.compat.own import own_pachd
from tests.compat.place import Place, place

from trunkline.testing.commands import wait_for


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """A running pachd, a process of its own, as users start it; in the end it is sound, and nothing in it failed."""
    home = tmp_path_factory.mktemp("pachd")
    record = home / "run" / "pachd.json"
    environ = {"PATH": os.environ["PATH"], "TRUNKLINE_MAX_WORKERS": "1"}
    if request.config.getoption("--catalogs") == "postgresql":
        environ["TRUNKLINE_CATALOG"] = request.getfixturevalue("databases").server.new_database()
        environ["TRUNKLINE_SECRETS_KEY"] = "ab" * 32
    with (home / "pachd.err").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.pachd", "--home", str(home), "--port", "0"], env=environ, stderr=errors
        )
    try:
        wait_for(lambda: record.exists() or process.poll() is not None, "pachd", 60)
        assert process.poll() is None, (home / "pachd.err").read_text()
        found = json.loads(record.read_text())["address"]
        yield found
        assert [one.error for one in connect(found).pfs.fsck() if one.error] == []
    finally:
        process.terminate()
        assert process.wait(60) == 0
    said = (home / "pachd.err").read_text() + _log(home)
    assert "unforeseen error" not in said, said


def _log(home: Path) -> str:
    path = home / "logs" / "pachd.log"
    return path.read_text() if path.exists() else ""


def connect(address: str) -> Client:
    host, _, port = address.rpartition(":")
    return Client(host=host, port=int(port))


@pytest.fixture
def client(address: str) -> Client:
    """The official SDK, unchanged."""
    return connect(address)


@pytest.fixture
def here(client: Client) -> Place:
    """A project of its own."""
    return place(client)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Place]:
    """A project on a pachd of its own, for what concerns everything there is."""
    with own_pachd(tmp_path / "home") as pachd:
        yield place(pachd.start())


@pytest.fixture
def data(here: Place) -> Place:
    """A project with the repo `data`."""
    here.make("data")
    return here
