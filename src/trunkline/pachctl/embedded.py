"""The local pachd of a home: whether one runs, starting one in the background, waiting until one is gone.

Invariant: of several pachctl at once, one starts pachd and the others wait for it; the lock is a file in the
home's run folder, so it goes with the process that holds it. That only one pachd serves a home is pachd's own care.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trunkline.kernel.errors import AlreadyRunning, StorageFailed, Unreachable

POLL_SECONDS = 0.03
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class Running(NamedTuple):
    """A pachd that serves a home.

    Attributes:
        pid: its process id.
        address: host:port.
    """

    pid: int
    address: str


def find(home: Path) -> Running | None:
    """The pachd that serves this home, or nothing if none does or it does not answer (any more)."""
    claimed = claimed_by(home)
    return claimed if claimed is not None and _accepts(claimed.address) else None


def claimed_by(home: Path) -> Running | None:
    """The live process that says it serves this home, whether or not it takes connections."""
    try:
        record = json.loads((home / "run" / "pachd.json").read_text(encoding="utf-8"))
        found = Running(int(record["pid"]), str(record["address"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _is_pachd(found.pid) else None


def start(
    home: Path,
    environ: Mapping[str, str],
    daemon: Sequence[str],
    patience: float = START_SECONDS,
) -> tuple[Running, bool]:
    """Starts a pachd in the background, unless somebody else just did.

    Args:
        home: of the pachd; made if it is not there.
        environ: of the new process.
        daemon: the command; `--home DIR` is appended.
        patience: seconds to wait until it serves.

    Returns:
        The pachd, and whether this call started it.

    Raises:
        Unreachable: it did not start; the message has the reason from its log.
        StorageFailed: the home cannot be written.
    """
    log = _prepare(home)
    deadline = time.monotonic() + patience
    with _start_lock(home, deadline):
        found = find(home)
        if found is not None:
            return found, False
        return _launch(home, environ, daemon, log, deadline)


def wait_gone(home: Path, pid: int, patience: float = STOP_SECONDS) -> bool:
    """Waits until the process has ended (and is not merely a zombie); false if it takes longer."""
    return _until(lambda: not _is_pachd(pid), time.monotonic() + patience)


def _launch(
    home: Path, environ: Mapping[str, str], daemon: Sequence[str], log: Path, deadline: float
) -> tuple[Running, bool]:
    begin = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*daemon, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home,
            env=dict(environ),
            start_new_session=True,
        )
    serves = _until(lambda: process.poll() is not None or _serves_as(home, process.pid), deadline)
    if process.poll() == AlreadyRunning.exit_code:
        serves = _until(lambda: find(home) is not None, min(deadline, time.monotonic() + 10))
        other = find(home)
        if serves and other is not None:
            return other, False
    found = find(home)
    if process.poll() is None and found is not None:
        return found, True
    if process.poll() is None:
        reason = f"it does not serve after {START_SECONDS:.0f} seconds"
    else:
        reason = _last_line(log, begin) or f"it ended with code {process.returncode}"
    raise Unreachable(f"pachd did not start: {reason} (log: {log})")


def _prepare(home: Path) -> Path:
    """Makes the folders that a start needs; returns the file for what pachd prints."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("run", "logs"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
        log = home / "logs" / "pachd.out"
        log.touch()
    except OSError as error:
        raise StorageFailed(
            f"cannot use {home} as home: {error.strerror}; set TRUNKLINE_HOME to a folder that can be written"
        ) from None
    return log


@contextlib.contextmanager
def _start_lock(home: Path, deadline: float) -> Iterator[None]:
    with (home / "run" / "pachctl.lock").open("a") as handle:
        if not _until(lambda: _locked(handle.fileno()), deadline):
            raise Unreachable(f"another pachctl is still starting pachd for {home}; try again")
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _until(condition: Callable[[], bool], deadline: float) -> bool:
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _serves_as(home: Path, pid: int) -> bool:
    found = find(home)
    return found is not None and found.pid == pid


def _is_pachd(pid: int) -> bool:
    """Whether the process lives and looks like a pachd; a process id may have been given to another since."""
    try:
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OSError:
        return not Path("/proc/self").exists()
    return b"pachd" in command


def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except (OSError, ValueError):
        return False


def _last_line(log: Path, begin: int) -> str:
    with log.open("rb") as handle:
        handle.seek(begin)
        lines = handle.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
