"""What the worker knows: batches, datums, transforms, and what became of a datum. Values only.

They mirror the messages of the `Work` service, so that only `trunkline.worker.client` knows the wire.
"""

from __future__ import annotations

import enum

import msgspec


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What an image name means to the process runtime.

    Attributes:
        image: as pipelines name it.
        root: absolute folder laid over the machine's root; empty: none.
        variables: added to the environment of user code.
        search_path: absolute folders put before PATH.
        digest: of all of that, from pachd.
    """

    image: str
    root: str = ""
    variables: dict[str, str] = {}
    search_path: tuple[str, ...] = ()
    digest: str = ""


class Secret(msgspec.Struct, frozen=True):
    """A value for user code: as a variable, or as a file at an absolute path; the other is empty."""

    variable: str
    path: str
    value: bytes

    def __repr__(self) -> str:
        return f"Secret({self.variable or self.path})"


class Transform(msgspec.Struct, frozen=True, kw_only=True):
    """How user code is started; the same for all datums of a batch.

    Attributes:
        timeout: seconds that one try of one datum may take; none: as long as it likes.
        tries: how often a datum is tried at the most.
        datum_batching: user code is started once and asks for one datum after the other.
        memory: bytes that all processes of user code may have together; none: any.
        environment: none: the image is unknown here, and the machine itself is used.
    """

    image: str = ""
    cmd: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    env: dict[str, str] = {}
    accept_return_code: tuple[int, ...] = ()
    user: str = ""
    working_dir: str = ""
    timeout: float | None = None
    tries: int = 3
    environment: Environment | None = None
    secrets: tuple[Secret, ...] = ()
    datum_batching: bool = False
    memory: int | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One match of a datum: a file (`/a`), a directory (`/a/`) or everything (`/`) of an input commit.

    Attributes:
        name: the directory below /pfs.
        root: the packed root of the commit's map.
        hash: of the content of the match.
    """

    name: str
    path: str
    repo: str = ""
    project: str = ""
    branch: str = ""
    commit: str = ""
    root: bytes = b""
    lazy: bool = False
    empty_files: bool = False
    join_on: str = ""
    group_by: str = ""
    hash: bytes = b""


class Datum(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work.

    Attributes:
        id: 64 hex digits.
    """

    id: str
    hash: bytes = b""
    inputs: tuple[Input, ...] = ()


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Datums of one job that this worker has the lease of.

    Attributes:
        lease: seconds after which pachd gives the batch to another worker, unless it is renewed.
        standing: whether user code is to run on; nothing is gathered from /pfs/out.
        credential: what standing code may show to pachd to write to its output; empty for none.
    """

    id: str
    project: str
    pipeline: str
    job: str
    transform: Transform
    datums: tuple[Datum, ...]
    pipeline_version: int = 1
    spec_commit: str = ""
    output_branch: str = ""
    lease: float = 30.0
    standing: bool = False
    credential: str = ""


class State(enum.Enum):
    """What became of a datum."""

    SUCCESS = "success"
    FAILED = "failed"
    RECOVERED = "recovered"


class Statistics(msgspec.Struct, kw_only=True):
    """What a datum has cost, over all its tries. Times are seconds; bytes are those of the last try."""

    download_time: float = 0.0
    process_time: float = 0.0
    upload_time: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0
    tries: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported of a datum; `outputs` is the packed root of the map of its files, if it is a success."""

    id: str
    state: State
    reason: str = ""
    outputs: bytes = b""
    statistics: Statistics
    image_digest: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's log.

    Attributes:
        user: written by user code; else by the worker.
        ts: nanoseconds since the epoch.
    """

    datum: str
    user: bool
    ts: int
    message: str


class Verdict(msgspec.Struct, frozen=True):
    """What pachd answers to a report or a renewal.

    Attributes:
        lost: the lease is gone; the batch is to be dropped.
        restart: ids of datums to kill and begin again.
    """

    lost: bool = False
    restart: tuple[str, ...] = ()
