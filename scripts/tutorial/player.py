"""Runs command lines on a fresh home, as a user at a terminal would, and says what it does.

Everything lives below one folder: the home of pachd, the client's configuration, the working folder. The
port is any free one. Whatever happens, `close` leaves no process behind that was started here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from scripts.tutorial.tables import Row, table

COMMAND_SECONDS = 120  # no command of the tutorial takes longer unless something hangs


class StepError(Exception):
    """A command failed, or what it showed is not what must be true."""


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


class Player:
    """A terminal of our own.

    Args:
        folder: an empty folder for all that is kept; the working folder is `work` in it.
        say: gets each line that is to be shown.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.home = folder / "home"
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.say = say
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRUNKLINE_", "PACH", "ADDRESS"))}
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TRUNKLINE_HOME": str(self.home),
            "TRUNKLINE_PORT": "0",
            "PACH_CONFIG": str(folder / "config.json"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, line: str) -> Said:
        """Shows a command, runs it in a shell, shows what it printed.

        Raises:
            StepError: the command failed, or it hangs.
        """
        self.say(f"$ {line}")
        said = self._run(line)
        for text in (said.out, said.err):
            if text:
                self.say(text.removesuffix("\n"))
        return _succeeded(line, said)

    def look(self, line: str) -> Said:
        """Runs a command without showing it: for checks that a user need not see.

        Raises:
            StepError: the command failed, or it hangs.
        """
        return _succeeded(line, self._run(line))

    def table(self, line: str) -> list[Row]:
        """Runs a command and reads the table it prints."""
        return table(self.run(line).out)

    def raw(self, line: str) -> list[dict[str, Any]]:
        """Runs a command with `--raw`, unseen, and reads the JSON objects it prints."""
        decoder, text, found = json.JSONDecoder(), self.look(f"{line} --raw").out.strip(), []
        while text:
            value, end = decoder.raw_decode(text)
            found.append(value)
            text = text[end:].lstrip()
        return found

    def until(self, line: str, true: Callable[[str], bool], what: str) -> None:
        """Runs a command again and again, unseen, until what it prints is as wanted."""
        for _ in range(300):  # each takes a good part of a second
            said = self._run(line)
            if said.code == 0 and true(said.out):
                return
        raise StepError(f"waited in vain until {what}; `{line}` last said: {(said.out + said.err).strip()}")

    def pachd(self) -> int:
        """The process id of the running pachd."""
        return int(json.loads((self.home / "run" / "pachd.json").read_text())["pid"])

    def workers(self) -> list[int]:
        """The process ids of the workers that the running pachd has started."""
        return [pid for pid, parent in _parents().items() if parent == self.pachd()]

    def close(self) -> None:
        """Stops pachd; kills what still runs on this home (and nothing else)."""
        if (self.home / "run" / "pachd.json").exists():
            self._run("pachctl stop-pachd")
        mark = f"TRUNKLINE_HOME={self.home}".encode()
        for pid in _parents():
            if pid != os.getpid() and mark in _read(Path(f"/proc/{pid}/environ")).split(b"\0"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def _run(self, line: str) -> Said:
        try:
            done = subprocess.run(
                ["sh", "-c", line],
                cwd=self.work,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StepError(f"`{line}` did not end within {COMMAND_SECONDS} seconds") from None
        return Said(done.stdout, done.stderr, done.returncode)


def need(true: bool, what: str) -> None:
    """Stops with `what` unless it is true."""
    if not true:
        raise StepError(f"not true: {what}")


def _succeeded(line: str, said: Said) -> Said:
    if said.code:
        raise StepError(f"`{line}`: exit code {said.code}: {said.err.strip() or 'nothing on stderr'}")
    return said


def _parents() -> dict[int, int]:
    """Each process of this machine with its parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            stat = _read(folder / "stat").rpartition(b")")[2].split()
            if stat:
                found[int(folder.name)] = int(stat[1])
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended, or is another user's
        return b""
