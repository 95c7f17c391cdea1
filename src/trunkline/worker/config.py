"""What pachd tells a worker when it starts it: one line of JSON on standard input.

Standard input, because command lines and environments of processes can be read by others: the token is in
neither.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trunkline.kernel.errors import InvalidRequest

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one worker process.

    Attributes:
        address: pachd's, host:port.
        token: sent with each call.
        worker: this worker's id.
        store: the folder of a local object store.
        bucket: the address of a remote object store; empty when the store is a folder.
        cloud: variables that the bucket is opened with; secret, and never part of user code's environment.
        store_cache: bytes on disk for copies of what the bucket holds, shared with the other processes of the home.
        scratch: a folder for this worker alone; emptied when the worker starts.
        home: what user code must not see.
        isolation: `auto`, `namespace` or `substitution`.
        lease_seconds: of batches that do not say.
        variables: what user code gets of pachd's own environment (PATH, LANG, TZ and the like).
        cache_bytes: bound of the cache of staged files, on disk.
        service_port: where the worker's own service listens on localhost; set by the worker itself.
    """

    address: str
    token: str
    worker: str
    store: Path
    scratch: Path
    home: Path
    bucket: str = ""
    cloud: dict[str, str] = {}
    store_cache: int = 0
    isolation: str = "auto"
    lease_seconds: float = 30.0
    variables: dict[str, str] = {}
    cache_bytes: int = 2 << 30
    service_port: int = 0

    @property
    def staging(self) -> Path:
        """What user code sees as /pfs."""
        return self.scratch / "pfs"


def read(line: bytes) -> WorkerConfig:
    """The settings in a line of JSON.

    Raises:
        InvalidRequest: the line does not have them; the message does not repeat it.
    """
    try:
        config = msgspec.json.decode(line, type=WorkerConfig, dec_hook=_path)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidRequest(
            f"the worker's settings on standard input are wrong: {error}; start workers by pachd"
        ) from None
    if config.isolation not in ("auto", "namespace", "substitution"):
        raise InvalidRequest(f"isolation is {config.isolation!r}: give auto, namespace or substitution")
    return config


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and Path(value).is_absolute():
        return Path(value)
    raise ValueError("expected an absolute path")
