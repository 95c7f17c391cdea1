"""The display of how far jobs are, while a command waits for them."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from threading import Event

import pytest

from trunkline.kernel.errors import Unreachable
from trunkline.pachctl import watching
from trunkline.pachctl.watching import Watching, block
from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps

from .conftest import Pachd

ID = "a" * 12 + "4" + "a" * 19


def info(name: str, state: str, project: str = "default", **counts: int) -> pps.JobInfo:
    pipeline = pps.Pipeline(name=name, project=pfs.Project(name=project))
    return pps.JobInfo(job=pps.Job(pipeline=pipeline, id=ID), state=f"JOB_{state}", **counts)


class Terminal(io.StringIO):
    """Takes note of each drawing."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self._left, self.full = enough, Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.full.set()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 0.0)
    monkeypatch.setattr(watching, "PAUSE", 0.001)


def test_a_line_for_each_job() -> None:
    infos = [
        info("edges", "SUCCESS", data_total=1000, data_processed=400, data_skipped=600),
        info("montage", "RUNNING", data_total=2000, data_processed=500, data_failed=1),
        info("report", "STARTING", "p"),
    ]
    assert block(infos, 200) == [
        "montage  running    [#####               ]  25% 501/2,000 datums, 1 failed",
        "p/report starting",
        "edges    success    [####################] 100% 1,000/1,000 datums",
    ]
    assert {len(line) for line in block(infos, 12)} == {11}
    assert block([], 80) == []


def test_many_jobs_are_counted() -> None:
    infos = [info(f"j{number}", "SUCCESS" if number % 2 else "RUNNING") for number in range(30)]
    lines = block(infos, 80)
    assert len(lines) == 11
    assert lines[-1] == "and 20 more; 15 of 30 jobs have ended"
    assert all("running" in line for line in lines[:-1])


def test_what_was_drawn_is_wiped_away() -> None:
    terminal = Terminal(3)
    with Watching(lambda: [info("a", "RUNNING"), info("b", "RUNNING")], terminal):
        assert terminal.full.wait(30)
    text = terminal.getvalue()
    assert text.startswith("a running\nb running\n\x1b[2F\x1b[Ja running\n")
    assert text.endswith("\x1b[2F\x1b[J")


def test_nothing_is_asked_for_where_nobody_looks() -> None:
    def look() -> list[pps.JobInfo]:
        raise AssertionError("asked")

    plain = io.StringIO()
    with Watching(look, plain), Watching(look, Terminal(1), show=False):
        pass
    assert plain.getvalue() == ""


def test_an_answer_that_fails_ends_the_display_and_not_the_waiting() -> None:
    terminal = Terminal(2)
    found = [[info("a", "RUNNING")]]

    def look() -> list[pps.JobInfo]:
        if found:
            return found.pop()
        raise Unreachable("pachd is gone")

    with Watching(look, terminal):
        assert terminal.full.wait(30)
    assert terminal.getvalue() == "a running\n\x1b[1F\x1b[J"


@pytest.mark.parametrize("line", [["wait", "job", ID], ["flush-job", "data/master"]])
def test_on_a_terminal(pachd: Pachd, line: list[str]) -> None:
    """A process of its own, with a terminal as standard error."""
    pachd.ok("create-repo", "data")
    pachd.ok("create-repo", "edges")
    commit = pachd.pfs.add_commit("data", {"/a": b"x"})
    running = info("edges", "RUNNING", data_total=10, data_processed=4)
    running.job.id = line[-1] if line[-1] == ID else commit.commit.id
    pachd.pps.jobs.append(running)
    pachd.pps.ended.clear()
    if line[0] == "flush-job":
        _caused(pachd, commit, running)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "trunkline.pachctl", *line]
    environ = {"PATH": os.environ["PATH"], **pachd.environ}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        os.close(slave)
        seen = b""
        while b"4/10 datums" not in seen:
            seen += os.read(master, 4096)
        running.state = pps.JOB_SUCCESS
        pachd.pps.ended.set()
        out, _ = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0
    assert re.search(r"edges running +\[########            \]  40% 4/10 datums", seen.decode())
    assert "success" in out


def _caused(pachd: Pachd, commit: pfs.CommitInfo, job: pps.JobInfo) -> None:
    """The job's output commit, in the set of the commit that caused it."""
    output = pfs.Commit(
        repo=pfs.Repo(name="edges", type="user", project=pfs.Project(name="default")), id=commit.commit.id
    )
    job.output_commit.CopyFrom(output)
    started = commit.started
    pachd.pfs.commits.append(
        pfs.CommitInfo(commit=output, started=started, finished=started, direct_provenance=[commit.commit])
    )
