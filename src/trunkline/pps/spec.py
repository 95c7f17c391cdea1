"""A pipeline spec as types: the canonical protobuf JSON (lowerCamelCase) of a CreatePipelineRequest.

Invariant: `decode(encode(spec)) == spec`, and what is left at its default is not written. Integers may come
as text, as protobuf JSON writes 64-bit ones. Rules about what a spec may say are in `validate`, the merge
with the defaults is in `effective`, other spellings (snake_case, numbers of enums) are in `canonical`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any

import msgspec

from trunkline.kernel import units
from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pps.states import PipelineType

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Uint64 = Annotated[int, msgspec.Meta(ge=0)]
"""64-bit integers are written as text in protobuf JSON, 32-bit ones as numbers."""


class _Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """One message of the wire contract, by its JSON names."""


class ProjectName(_Message, frozen=True):
    """Names a project."""

    name: str = ""


class PipelineName(_Message, frozen=True):
    """Names a pipeline; no project means the default one."""

    name: str = ""
    project: ProjectName | None = None

    @property
    def project_name(self) -> str:
        """The project, filled in."""
        return (self.project.name if self.project else "") or DEFAULT_PROJECT

    def __str__(self) -> str:
        return f"{self.project_name}/{self.name}"


class SecretMount(_Message, frozen=True):
    """A secret that user code sees as a file or a variable."""

    name: str = ""
    key: str = ""
    mount_path: str = ""
    env_var: str = ""


class Transform(_Message, frozen=True):
    """How user code is started. `image` names what it runs in; `cmd` is the program and its arguments."""

    image: str = ""
    cmd: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    env: dict[str, str] = {}
    secrets: tuple[SecretMount, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[Int64, ...] = ()
    debug: bool = False
    user: str = ""
    working_dir: str = ""
    dockerfile: str = ""
    memory_volume: bool = False
    datum_batching: bool = False


class ParallelismSpec(_Message, frozen=True):
    """How many workers; 0 means one."""

    constant: Uint64 = 0


class DatumSetSpec(_Message, frozen=True):
    """How datums are handed out: `number` datums or `size_bytes` bytes a batch, `per_worker` batches each."""

    number: Int64 = 0
    size_bytes: Int64 = 0
    per_worker: Int64 = 0


class GpuSpec(_Message, frozen=True):
    """Graphics processors, for a cluster."""

    type: str = ""
    number: Int64 = 0


class ResourceSpec(_Message, frozen=True):
    """Resources of a worker, for a cluster; `memory` and `disk` are quantities such as `64M` or `1Gi`."""

    cpu: float = 0.0
    memory: str = ""
    gpu: GpuSpec | None = None
    disk: str = ""


class SchedulingSpec(_Message, frozen=True):
    """Where a cluster may put the workers."""

    node_selector: dict[str, str] = {}
    priority_class_name: str = ""


class TolerationOperator(Enum):
    """In the order of their numbers."""

    EMPTY = "EMPTY"
    EXISTS = "EXISTS"
    EQUAL = "EQUAL"


class TaintEffect(Enum):
    """In the order of their numbers."""

    ALL_EFFECTS = "ALL_EFFECTS"
    NO_SCHEDULE = "NO_SCHEDULE"
    PREFER_NO_SCHEDULE = "PREFER_NO_SCHEDULE"
    NO_EXECUTE = "NO_EXECUTE"


class Toleration(_Message, frozen=True):
    """A taint of a cluster's nodes that the workers bear."""

    key: str = ""
    operator: TolerationOperator = TolerationOperator.EMPTY
    value: str = ""
    effect: TaintEffect = TaintEffect.ALL_EFFECTS
    toleration_seconds: Int64 | None = None


class Metadata(_Message, frozen=True):
    """Annotations and labels of what a cluster makes for the pipeline."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class ObjectStorageEgress(_Message, frozen=True):
    """A bucket that output is copied to."""

    url: str = ""


class SqlFileFormatType(Enum):
    """In the order of their numbers."""

    UNKNOWN = "UNKNOWN"
    CSV = "CSV"
    JSON = "JSON"
    PARQUET = "PARQUET"


class SqlFileFormat(_Message, frozen=True):
    """How output files become rows."""

    type: SqlFileFormatType = SqlFileFormatType.UNKNOWN
    columns: tuple[str, ...] = ()


class SqlSecret(_Message, frozen=True):
    """Where the password of a database is."""

    name: str = ""
    key: str = ""


class SqlDatabaseEgress(_Message, frozen=True):
    """A database that output is loaded into."""

    url: str = ""
    file_format: SqlFileFormat | None = None
    secret: SqlSecret | None = None


class Egress(_Message, frozen=True):
    """Where output goes besides its repo."""

    url: str = msgspec.field(default="", name="URL")
    object_storage: ObjectStorageEgress | None = None
    sql_database: SqlDatabaseEgress | None = None


class Service(_Message, frozen=True):
    """A network service that user code offers."""

    internal_port: Int32 = 0
    external_port: Int32 = 0
    ip: str = ""
    type: str = ""


class Spout(_Message, frozen=True):
    """User code that brings data in by itself."""

    service: Service | None = None


class TfJob(_Message, frozen=True):
    """A field of old; never honoured."""

    tf_job: str = ""


class Determined(_Message, frozen=True):
    """Workspaces of another product."""

    workspaces: tuple[str, ...] = ()


class Trigger(_Message, frozen=True):
    """When a branch follows another one."""

    branch: str = ""
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: Int64 = 0
    cron_spec: str = ""


class PropagationSpec(_Message, frozen=True):
    """Whether new commits of an input cause jobs."""

    never: bool = False


class PfsInput(_Message, frozen=True):
    """The files of a branch that match a glob: one element per match. `name` is the folder below /pfs."""

    project: str = ""
    name: str = ""
    repo: str = ""
    repo_type: str = ""
    branch: str = ""
    commit: str = ""
    glob: str = ""
    join_on: str = ""
    outer_join: bool = False
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    trigger: Trigger | None = None
    propagation_spec: PropagationSpec | None = None
    reference: bool = False


class CronInput(_Message, frozen=True):
    """A clock as an input; `start` is RFC 3339 text."""

    name: str = ""
    project: str = ""
    repo: str = ""
    commit: str = ""
    spec: str = ""
    overwrite: bool = False
    start: str = ""


class Input(_Message, frozen=True):
    """Exactly one of its fields is set, in a valid spec."""

    pfs: PfsInput | None = None
    join: tuple[Input, ...] = ()
    group: tuple[Input, ...] = ()
    cross: tuple[Input, ...] = ()
    union: tuple[Input, ...] = ()
    cron: CronInput | None = None


class PipelineSpec(_Message, frozen=True):
    """A CreatePipelineRequest. Durations are text such as `600s`, to be read by `seconds`."""

    pipeline: PipelineName | None = None
    tf_job: TfJob | None = None
    transform: Transform | None = None
    parallelism_spec: ParallelismSpec | None = None
    egress: Egress | None = None
    update: bool = False
    output_branch: str = ""
    s3_out: bool = False
    resource_requests: ResourceSpec | None = None
    resource_limits: ResourceSpec | None = None
    sidecar_resource_limits: ResourceSpec | None = None
    input: Input | None = None
    description: str = ""
    reprocess: bool = False
    service: Service | None = None
    spout: Spout | None = None
    datum_set_spec: DatumSetSpec | None = None
    datum_timeout: str | None = None
    job_timeout: str | None = None
    salt: str = ""
    datum_tries: Int64 = 0
    scheduling_spec: SchedulingSpec | None = None
    pod_spec: str = ""
    pod_patch: str = ""
    spec_commit: dict[str, Any] | None = None
    metadata: Metadata | None = None
    reprocess_spec: str = ""
    autoscaling: bool = False
    tolerations: tuple[Toleration, ...] = ()
    sidecar_resource_requests: ResourceSpec | None = None
    dry_run: bool = False
    determined: Determined | None = None
    maximum_expected_uptime: str | None = None

    @property
    def name(self) -> PipelineName:
        """The pipeline's name; a spec that passed validation has one."""
        return self.pipeline or PipelineName()

    @property
    def type(self) -> PipelineType:
        """What kind of pipeline it is."""
        if self.spout is not None:
            return PipelineType.SPOUT
        return PipelineType.TRANSFORM if self.service is None else PipelineType.SERVICE

    @property
    def parallelism(self) -> int:
        """Workers wanted, at least one."""
        return max(1, self.parallelism_spec.constant if self.parallelism_spec else 1)

    @property
    def memory_limit(self) -> int:
        """Bytes that user code may have; 0 for any."""
        text = self.resource_limits.memory if self.resource_limits else ""
        return units.quantity(text) if text else 0


class Defaults(_Message, frozen=True):
    """What holds in a cluster or a project where the spec of a pipeline says nothing."""

    create_pipeline_request: PipelineSpec | None = None


_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")


def decode(text: str | bytes) -> PipelineSpec:
    """Reads a spec in canonical JSON.

    Raises:
        InvalidRequest: not JSON, an unknown field, or a value of the wrong type; the message says where.
    """
    try:
        return msgspec.json.decode(text, type=PipelineSpec, strict=False)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"malformed pipeline spec: {error}") from None


def decode_input(text: str | bytes) -> Input:
    """Reads an input in canonical JSON.

    Raises:
        InvalidRequest: as `decode`.
    """
    try:
        return msgspec.json.decode(text, type=Input, strict=False)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"malformed input: {error}") from None


def encode(spec: PipelineSpec) -> str:
    """The spec as JSON; what is at its default is left out."""
    return msgspec.json.encode(spec).decode()


def seconds(text: str | None) -> float | None:
    """A duration as protobuf JSON writes it (`600s`, `1.5s`), in seconds; None for none.

    Raises:
        InvalidRequest: the text is not a duration.
    """
    if text is None:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InvalidRequest(f'invalid duration "{text}": give seconds with the unit s, such as "600s"')
    sign, whole, fraction = found.groups()
    value = int(whole) + float(f"0.{fraction or 0}")
    return -value if sign else value
