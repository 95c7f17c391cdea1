"""What is handed to workers, as values: batches of datums with everything that staging and running them takes.

A ticket is what all batches of one job share. Invariant: a worker needs no catalog; where bytes lie is in the packed
roots of the input commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from trunkline.kernel.clock import Nanos
from trunkline.kernel.ids import DatumId, SetId
from trunkline.maps import Entry
from trunkline.pps.environments import Environment
from trunkline.pps.outcomes import Finding
from trunkline.pps.plan import records
from trunkline.pps.refs import JobRef
from trunkline.pps.secrets import Handed
from trunkline.pps.spec import DatumSetSpec, Transform

Record = Callable[[Sequence[Finding]], bool]
"""Writes down what datums came to, durably; False if the job has ended."""


class InputSource(msgspec.Struct, frozen=True):
    """Where one pfs input of a job reads. `root` is the packed map of the commit's content."""

    repo: str
    project: str
    branch: str
    commit: SetId
    root: bytes
    lazy: bool = False
    empty_files: bool = False


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A job, as far as handing out its datums goes.

    Attributes:
        job_key, pipeline_key: of the catalog.
        secrets: what of secrets user code is given; for workers of this job alone.
        environment, environment_digest: what the image name means here; None if it is unknown.
        datum_timeout: seconds for one try; None for any.
        memory_limit: bytes for user code; 0 for any.
        parallelism: workers at the most.
        sources: one for each pfs input of the input expression, in order.
        record: called with what workers report, before they are answered.
        standing: whether user code is to run on, and what it leaves in /pfs/out is nothing.
        credential: what standing code may show to pachd to write to its output.
        log: which log its lines go to, if not to the job's.
    """

    job_key: int
    pipeline_key: int
    ref: JobRef
    version: int
    spec_commit: SetId
    output_branch: str
    transform: Transform
    secrets: tuple[Handed, ...] = ()
    environment: Environment | None = None
    environment_digest: str = ""
    datum_timeout: float | None = None
    memory_limit: int = 0
    datum_tries: int = 3
    parallelism: int = 1
    datum_set: DatumSetSpec = DatumSetSpec()
    sources: tuple[InputSource, ...]
    record: Record
    standing: bool = False
    credential: str = ""
    log: JobRef | None = None


class DatumInput(msgspec.Struct, frozen=True):
    """One input of a datum to be staged below /pfs/<name>. `path` of a directory ends with `/`."""

    name: str
    path: str
    hash: bytes
    size: int
    source: InputSource
    join_on: str = ""
    group_by: str = ""


class WorkDatum(msgspec.Struct, frozen=True):
    """A datum to be worked on."""

    id: DatumId
    hash: bytes
    inputs: tuple[DatumInput, ...]


class Batch(msgspec.Struct, frozen=True):
    """Datums in a worker's hands, for `lease_seconds` unless it renews."""

    id: str
    ticket: Ticket
    datums: tuple[WorkDatum, ...]
    lease_seconds: float


class Verdict(msgspec.Struct, frozen=True):
    """What a worker is told when it reports or renews: whether its lease is gone, and what to begin again."""

    lost: bool = False
    restart: tuple[DatumId, ...] = ()


class WorkerStatus(msgspec.Struct, frozen=True):
    """What a worker does now; no datum between two datums."""

    worker: str
    job: JobRef
    datum: WorkDatum | None
    started: Nanos | None


def datum(entry: Entry, sources: Sequence[InputSource]) -> WorkDatum:
    """A datum of the datum map, as a worker needs it."""
    record = records.decode(entry)
    inputs = tuple(
        DatumInput(one.name, one.path, one.hash, one.size, sources[one.leaf], one.join_on, one.group_by)
        for one in record.inputs
    )
    return WorkDatum(record.id, record.hash, inputs)
