"""Settings: the only place below `pachctl` that reads the environment.

Every setting has a default that works on one machine with nothing installed. Addresses are loopback unless
somebody says otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.secrets import Secrets

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 30650
FOLDER = "file://"
"""How the address of a local object store begins; an absolute path follows."""

STORE_CACHE = 4 << 30
"""Bytes on disk for copies of what a remote store holds."""

CLOUD = ("AWS_", "GOOGLE_", "AZURE_")
"""How the variables begin that object stores are opened with: credentials, endpoints, regions."""

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")


class Secret(str):
    """A text that may hold a password: shown as stars by `repr`, and so in the repr of whatever holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one pachd needs to know before it starts.

    Attributes:
        home: the folder that holds everything this pachd keeps.
        host, port: where it listens.
        max_workers: worker processes at the most, over all pipelines.
        lease_seconds: how long a worker may be silent before its batch goes to another one.
        log_level: of pachd's own log (`debug`, `info`, `warning`, `error`).
        catalog: where the catalog is: empty for SQLite in the home, or the DSN of a PostgreSQL database.
        isolation: how user code sees /pfs: `auto`, `namespace` or `substitution`.
        passed_on: what user code gets of pachd's own environment.
        store: where chunks and map nodes are kept: empty for a folder in the home, `file:///folder`, or the
            address of a bucket.
        store_cache: bytes on disk for copies of what a bucket holds; 0 for none.
        cloud: variables that object stores are opened with; never shown, never passed on to user code.
        secrets_key: seals the secrets in the catalog, 64 hex digits; empty for a key kept in the home.
        file_sources: folders of pachd's machine whose files may be put by `file://` addresses.
        metrics_port: where metrics are served on the loopback, 0 for any free port; None: nowhere.
        sqlite_folders: folders of pachd's machine whose SQLite files output may be loaded into.
        sql_password: of databases that output is loaded into, where no secret is named.
    """

    home: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    max_workers: int = 4
    lease_seconds: float = 30.0
    log_level: str = "info"
    catalog: str = ""
    isolation: str = "auto"
    passed_on: dict[str, str] = {}
    store: str = ""
    store_cache: int = STORE_CACHE
    cloud: Secrets = msgspec.field(default_factory=Secrets)
    file_sources: tuple[Path, ...] = ()
    secrets_key: str = ""
    metrics_port: int | None = None
    sqlite_folders: tuple[Path, ...] = ()
    sql_password: str = Secret()

    @property
    def catalog_path(self) -> Path:
        """The SQLite database."""
        return self.home / "catalog.db"

    @property
    def secrets_path(self) -> Path | None:
        """The key of secrets, if none is given; a catalog that several homes share has none in any of them."""
        return None if self.catalog else self.home / "secrets.key"

    @property
    def store_path(self) -> Path:
        """The folder of a local object store: chunks and map nodes."""
        return Path(self.store.removeprefix(FOLDER)) if self.store.startswith(FOLDER) else self.home / "store"

    @property
    def bucket(self) -> str:
        """The address of a remote object store; empty when the store is a folder."""
        return "" if self.store.startswith(FOLDER) else self.store

    @property
    def cache_path(self) -> Path:
        """Copies of what a remote object store holds; may be removed at any time."""
        return self.home / "cache"

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
        catalog=Secret(env.get("TRUNKLINE_CATALOG", "")),
        isolation=isolation,
        passed_on={name: env[name] for name in PASSED_ON if name in env},
        store=_store(env),
        store_cache=_integer(env, "TRUNKLINE_STORE_CACHE", STORE_CACHE, least=0, most=1 << 50),
        cloud=Secrets({name: value for name, value in env.items() if name.startswith(CLOUD) and value}),
        secrets_key=Secret(_key(env)),
        file_sources=_folders(env, "TRUNKLINE_FILE_SOURCES"),
        metrics_port=_metrics_port(env),
        sqlite_folders=_folders(env, "TRUNKLINE_SQLITE_FOLDERS"),
        sql_password=Secret(env.get("PACHYDERM_SQL_PASSWORD", "")),
    )


def _store(env: Mapping[str, str]) -> str:
    text = env.get("TRUNKLINE_STORE", "")
    if text.startswith(FOLDER) and not text.startswith(FOLDER + "/"):
        raise InvalidRequest("TRUNKLINE_STORE names a folder with file://: give its absolute path, file:///folder")
    if text and "://" not in text:
        raise InvalidRequest("TRUNKLINE_STORE is no address: give file:///folder, s3://, gs:// or az://bucket/path")
    return text


def _key(env: Mapping[str, str]) -> str:
    text = env.get("TRUNKLINE_SECRETS_KEY", "").strip()
    if text and re.fullmatch("[0-9a-fA-F]{64}", text) is None:
        raise InvalidRequest("TRUNKLINE_SECRETS_KEY is no key: give 64 hex digits (openssl rand -hex 32)")
    return text


def _folder(text: str) -> Path:
    if not Path(text).is_absolute():
        raise InvalidRequest(f"TRUNKLINE_FILE_SOURCES has {text!r}: give absolute folders, with : between them")
    return Path(text)


def _metrics_port(env: Mapping[str, str]) -> int | None:
    return (
        _integer(env, "TRUNKLINE_METRICS_PORT", 0, least=0, most=65535) if env.get("TRUNKLINE_METRICS_PORT") else None
    )


def _folders(env: Mapping[str, str], name: str) -> tuple[Path, ...]:
    parts = [part for part in env.get(name, "").split(":") if part]
    for part in parts:
        if not Path(part).is_absolute():
            raise InvalidRequest(f"{name} has {part!r}: give absolute folders, with : between them")
    return tuple(map(Path, parts))


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
