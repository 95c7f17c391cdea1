"""When the machine fails: a full disk, an altered chunk, a pachd that is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bad_input.conftest import Terminal


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal on a home of its own."""
    terminal = Terminal(tmp_path, print)
    yield terminal
    terminal.close()


def test_an_altered_chunk_is_noticed(fresh: Terminal) -> None:
    content = os.urandom(50_000)
    (fresh.work / "f").write_bytes(content)
    fresh.run("pachctl create-repo data")
    fresh.run("pachctl put-file data master f -f f")
    fresh.run("pachctl fsck")
    (chunk,) = [path for path in (fresh.home / "store" / "chunks").rglob("*") if path.is_file()]
    altered = bytearray(chunk.read_bytes())
    altered[len(altered) // 2] ^= 1
    chunk.chmod(0o600)
    chunk.write_bytes(altered)
    fresh.run("pachctl stop-pachd")  # what it has in memory is still right
    fresh.attempt("pachctl start-pachd")
    fresh.fails("pachctl get-file data master f", says="f")
    found = fresh.attempt("pachctl fsck")
    assert found.code != 0
    assert chunk.name in found.out + found.err
    assert "/f" in found.out + found.err


def test_a_pachd_that_is_not_there(fresh: Terminal) -> None:
    fresh.environment["PACHD_ADDRESS"] = "127.0.0.1:1"
    line = fresh.fails("pachctl list-repo", says="127.0.0.1:1")
    assert "PACHD_ADDRESS" in line


def test_a_second_pachd_on_one_home(fresh: Terminal) -> None:
    fresh.run("pachctl create-repo data")
    said = fresh.attempt(f"{sys.executable} -m trunkline.pachd --home {fresh.home} --port 0")
    assert said.code == 12
    assert "already uses the home" in said.err
    assert len(said.err.strip().splitlines()) == 1
    fresh.run("pachctl list-repo")


def test_a_port_that_is_taken(fresh: Terminal) -> None:
    fresh.run("pachctl create-repo data")
    address = fresh.look("pachctl pachd-status").out.split("Address: ")[1].split()[0]
    other = fresh.home.parent / "other"
    said = fresh.attempt(f"{sys.executable} -m trunkline.pachd --home {other} --port {address.split(':')[1]}")
    assert said.code != 0
    assert "cannot listen on" in said.err
    assert len(said.err.strip().splitlines()) == 1


FULL_DISK = """
set -e
mount -t tmpfs -o size=24m none "$TRUNKLINE_HOME"
exec "$0" "$1"
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """On a real file system of 24 MiB, in a mount namespace of its own, so that it needs no root."""
    home = tmp_path / "home"
    home.mkdir()
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = Path(__file__).with_name("fill_disk.py")
    done = subprocess.run(
        [*command, "sh", "-c", FULL_DISK, sys.executable, str(script)],
        env=os.environ | {"TRUNKLINE_HOME": str(home), "TRUNKLINE_PORT": "0", "FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"(needs unshare and mount namespaces)\n{done.stdout}\n{done.stderr}"
