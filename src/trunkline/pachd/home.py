"""The folder that one pachd owns: who may use it, and what others find in it.

Invariant: one home, one pachd: the lock is held from before the catalog is opened until after it is closed, and
the system frees it when the process dies, however it dies. `pachd.json` is there only while calls are taken.
Data, logs and catalog are for the user who runs pachd only, also in a home that was there before.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from pathlib import Path

import msgspec
from blake3 import blake3

from trunkline.kernel.clock import Nanos
from trunkline.kernel.config import Settings
from trunkline.kernel.errors import AlreadyRunning, StorageFailed, StorageFull


class Record(msgspec.Struct, frozen=True):
    """What `pachd.json` says."""

    pid: int
    address: str
    started: Nanos


class Home:
    """The folder, locked for this process.

    Raises:
        AlreadyRunning: another pachd has it.
        StorageFailed, StorageFull: it cannot be made or written.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (settings.run_path, settings.logs_path, settings.store_path):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not settings.catalog:
                settings.catalog_path.touch(mode=0o600)  # SQLite gives its other files the same mode
            self._lock = (settings.run_path / "pachd.lock").open("a+")
        except OSError as error:
            raise _storage_error(settings.home, error) from None
        try:
            fcntl.flock(self._lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"another pachd{self._owner()} already uses the home {settings.home}: stop it (pachctl stop-pachd), or "
                "give this one a home of its own (TRUNKLINE_HOME)"
            ) from None
        self.announced.unlink(missing_ok=True)
        shutil.rmtree(settings.scratch_path, ignore_errors=True)
        settings.scratch_path.mkdir(exist_ok=True)

    @property
    def announced(self) -> Path:
        """Where the address is announced."""
        return self._settings.run_path / "pachd.json"

    def token(self) -> tuple[Path, bytes]:
        """A new secret in a file that only this user can read, and its BLAKE3; who can read it may use the store."""
        path = self._settings.run_path / "content.token"
        secret = secrets.token_hex(32).encode()
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secret)
        finally:
            os.close(descriptor)
        draft.replace(path)
        return path, blake3(secret).digest()

    def announce(self, record: Record) -> None:
        """Tells clients where calls are taken; whole or not at all."""
        draft = self.announced.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(record))
        draft.replace(self.announced)

    def withdraw(self) -> None:
        """Tells clients that no calls are taken any more."""
        self.announced.unlink(missing_ok=True)

    def release(self) -> None:
        """Lets another pachd have the folder."""
        shutil.rmtree(self._settings.scratch_path, ignore_errors=True)
        self._lock.close()

    def _owner(self) -> str:
        try:
            record = msgspec.json.decode(self.announced.read_bytes(), type=Record)
        except (OSError, msgspec.MsgspecError):
            return ""
        return f" (pid {record.pid}, {record.address})"


def _storage_error(home: Path, error: OSError) -> StorageFailed | StorageFull:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no space left for the home {home}: free some, or set TRUNKLINE_HOME")
    reason = os.strerror(error.errno or 0)
    return StorageFailed(
        f"the home {home} cannot be used ({reason}): set TRUNKLINE_HOME to a folder that can be written"
    )
