"""Settings: the only place below `pachctl` that reads the environment.

Every setting has a default that works on one machine with nothing installed. Addresses are loopback unless
somebody says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from trunkline.kernel.errors import InvalidRequest

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 30650
PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one pachd needs to know before it starts.

    Attributes:
        home: the folder that holds everything this pachd keeps.
        host, port: where it listens.
        max_workers: worker processes at the most, over all pipelines.
        lease_seconds: how long a worker may be silent before its batch goes to another one.
        log_level: of pachd's own log (`debug`, `info`, `warning`, `error`).
        isolation: how user code sees /pfs: `auto`, `namespace` or `substitution`.
        passed_on: what user code gets of pachd's own environment.
    """

    home: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    max_workers: int = 4
    lease_seconds: float = 30.0
    log_level: str = "info"
    isolation: str = "auto"
    passed_on: dict[str, str] = {}

    @property
    def catalog_path(self) -> Path:
        """The SQLite database."""
        return self.home / "catalog.db"

    @property
    def store_path(self) -> Path:
        """The object store: chunks and map nodes."""
        return self.home / "store"

    @property
    def logs_path(self) -> Path:
        """pachd's own log, and the logs of jobs."""
        return self.home / "logs"

    @property
    def scratch_path(self) -> Path:
        """Where workers stage datums; emptied at every start."""
        return self.home / "scratch"

    @property
    def run_path(self) -> Path:
        """The lock, the process id, the address and the workers' token of the running pachd."""
        return self.home / "run"


def home_from(environ: Mapping[str, str]) -> Path:
    """`TRUNKLINE_HOME`, or `~/.trunkline`."""
    given = environ.get("TRUNKLINE_HOME")
    if given:
        return Path(given).expanduser().absolute()
    return Path(environ.get("HOME") or Path.home()) / ".trunkline"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Raises:
        InvalidRequest: a variable that cannot be read; the message names it.
    """
    env = os.environ if environ is None else environ
    isolation = env.get("TRUNKLINE_ISOLATION", "auto")
    if isolation not in ("auto", "namespace", "substitution"):
        raise InvalidRequest(f"TRUNKLINE_ISOLATION is {isolation!r}: give auto, namespace or substitution")
    level = env.get("TRUNKLINE_LOG_LEVEL", "info").lower()
    if level not in ("debug", "info", "warning", "error"):
        raise InvalidRequest(f"TRUNKLINE_LOG_LEVEL is {level!r}: give debug, info, warning or error")
    return Settings(
        home=home_from(env),
        host=env.get("TRUNKLINE_HOST", DEFAULT_HOST),
        port=_integer(env, "TRUNKLINE_PORT", DEFAULT_PORT, least=0, most=65535),
        max_workers=_integer(env, "TRUNKLINE_MAX_WORKERS", max(2, os.cpu_count() or 1), least=1, most=1024),
        lease_seconds=float(_integer(env, "TRUNKLINE_LEASE_SECONDS", 30, least=1, most=3600)),
        log_level=level,
        isolation=isolation,
        passed_on={name: env[name] for name in PASSED_ON if name in env},
    )


def _integer(env: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = env.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        raise InvalidRequest(f"{name} is {text!r}: give a whole number") from None
    if not least <= value <= most:
        raise InvalidRequest(f"{name} is {value}: give a number from {least} to {most}")
    return value
