"""The local pachd: started once and only if needed, found again, stopped; with a stand-in for the server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.pachctl import embedded
from trunkline.pachctl.app import App

from .conftest import Result, invoke

DAEMON = (sys.executable, str(Path(__file__).with_name("fake_pachd.py")))


class Local:
    """A home, and command lines that use the local pachd of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {"TRUNKLINE_HOME": str(home), "HOME": str(home.parent), "PATH": os.environ["PATH"]}

    def run(self, *words: str, daemon: tuple[str, ...] = DAEMON) -> Result:
        return invoke(words, self.environ, daemon=daemon)

    def record(self) -> dict:
        """What pachd says of itself."""
        return json.loads((self.home / "run" / "pachd.json").read_text())

    def starts(self) -> list[int]:
        """The process ids of all pachds that ever served this home."""
        return [int(line) for line in (self.home / "starts").read_text().split()]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """A home that is not there yet; what runs for it at the end is ended."""
    given = Local(tmp_path / "a home")
    yield given
    if (given.home / "starts").exists():
        for pid in given.starts():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_command_starts_pachd_and_says_so(local: Local) -> None:
    first = local.run("version")
    record = local.record()
    assert first.code == 0
    assert first.err == (
        f"pachctl: started pachd (pid {record['pid']}, {record['address']}, home {local.home}); "
        "stop it with: pachctl stop-pachd\n"
    )
    assert first.out == (
        "COMPONENT           VERSION             \npachctl             2.11.6              \n"
        "pachd               2.11.6              \n"
    )
    second = local.run("version")
    assert (second.err, second.out) == ("", first.out)
    assert local.starts() == [record["pid"]]
    assert (local.home / "logs" / "pachd.out").exists()
    assert os.getsid(record["pid"]) == record["pid"], "it has a session of its own, so Ctrl-C does not reach it"


def test_status_and_stop(local: Local) -> None:
    none = local.run("pachd-status")
    assert (none.code, none.err) == (3, "")
    assert none.out == f"no pachd runs for {local.home}; start it with: pachctl start-pachd\n"
    assert local.run("stop-pachd")[:3] == (0, f"no pachd runs for {local.home}\n", "")
    assert not local.home.exists()

    assert local.run("start-pachd").code == 0
    pid = local.record()["pid"]
    assert local.run("start-pachd").out.startswith(f"pachd already runs (pid {pid}, ")
    status = local.run("pachd-status")
    assert (status.code, status.err) == (0, "")
    assert f"Process: {pid}\n" in status.out
    assert json.loads(local.run("pachd-status", "--raw").out)["pid"] == str(pid)

    assert local.run("stop-pachd").out == f"stopped pachd (pid {pid}, home {local.home})\n"
    assert local.run("pachd-status").code == 3
    assert local.starts() == [pid]


def test_one_that_does_not_listen_is_ended_by_a_signal(local: Local) -> None:
    assert local.run("start-pachd", daemon=(*DAEMON, "--deaf")).code == 0
    assert local.run("stop-pachd").code == 0
    assert local.run("pachd-status").code == 3


def test_after_a_crash_another_one_is_started(local: Local) -> None:
    local.run("start-pachd")
    pid = local.record()["pid"]
    os.kill(pid, signal.SIGKILL)
    assert embedded.wait_gone(local.home, pid)
    assert (local.home / "run" / "pachd.json").exists(), "it could not tidy up"
    assert local.run("pachd-status").code == 3
    assert local.run("version").code == 0
    assert len(local.starts()) == 2


def test_another_process_with_its_number_is_not_taken_for_it(local: Local) -> None:
    (local.home / "run").mkdir(parents=True)
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        record = {"pid": sleeper.pid, "address": "127.0.0.1:1"}
        (local.home / "run" / "pachd.json").write_text(json.dumps(record))
        assert embedded.claimed_by(local.home) is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "address": "y"}', '{"address": "y"}'])
def test_a_damaged_record_means_none_runs(local: Local, text: str) -> None:
    (local.home / "run").mkdir(parents=True)
    (local.home / "run" / "pachd.json").write_text(text)
    assert local.run("pachd-status").code == 3


def test_a_failing_start_gives_the_reason(local: Local) -> None:
    (local.home / "logs").mkdir(parents=True)
    (local.home / "logs" / "pachd.out").write_text("an older line\n")
    result = local.run("list-repo", daemon=(*DAEMON, "--fail", "pachd: the disk is upside down"))
    log = local.home / "logs" / "pachd.out"
    expected = f"pachd did not start: pachd: the disk is upside down (log: {log})\n"
    assert (result.code, result.out, result.err) == (8, "", expected)
    silent = local.run("list-repo", daemon=("false",))
    assert silent.err == f"pachd did not start: it ended with code 1 (log: {log})\n"


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = Local(tmp_path / "file" / "home").run("list-repo")
    assert result.code == 10
    assert result.err.startswith(f"cannot use {tmp_path}/file/home as home: Not a directory; set TRUNKLINE_HOME")


def test_several_at_once_start_one(local: Local) -> None:
    results: list[Result] = []
    script = (
        "import os, sys; from trunkline.pachctl.app import App; from trunkline.pachctl.main import run\n"
        f"sys.exit(run(['version'], App(os.environ, daemon={DAEMON!r})))"
    )

    def play() -> None:
        done = subprocess.run([sys.executable, "-c", script], env=local.environ, capture_output=True, text=True)
        results.append(Result(done.returncode, done.stdout, done.stderr, b""))

    threads = [threading.Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.code for result in results] == [0] * 4
    assert sum("started pachd" in result.err for result in results) == 1
    assert len(local.starts()) == 1


def test_one_started_by_hand_meanwhile_is_used(local: Local) -> None:
    """pachd is up but has not announced itself yet when pachctl looks; pachctl's own then refuses to start."""
    local.run("start-pachd")
    record = (local.home / "run" / "pachd.json").read_text()
    (local.home / "run" / "pachd.json").unlink()
    timer = threading.Timer(0.2, (local.home / "run" / "pachd.json").write_text, [record])
    timer.start()
    result = local.run("version")
    timer.join()
    assert (result.code, result.err) == (0, "")
    assert len(local.starts()) == 1


def test_verbose_names_the_server(local: Local) -> None:
    local.run("start-pachd")
    address = re.escape(local.record()["address"])
    assert re.fullmatch(f"pachctl: using {address} \\(home .*\\)\n", local.run("-v", "version").err)
    assert re.fullmatch(f"pachctl: using {address} \\(home .*\\)\n", local.run("version", "-v").err)


def test_start_has_a_default_command() -> None:
    assert App({}).daemon == (sys.executable, "-m", "trunkline.pachd")
