"""The rules that a pipeline spec must keep before anything is made of it; words and codes of release 2.11.

Invariants: `complete` fills in what a spec leaves open, so that a stored spec says everything; `check` is
given a completed spec and looks at nothing else (whether a repo exists, or a circle closes, is seen when the
branches are made). Fields that only a cluster honours are checked, kept and shown.
"""

from __future__ import annotations

import json

import msgspec

from trunkline.kernel import units
from trunkline.kernel.errors import InvalidRequest, NotBuilt, Refused
from trunkline.kernel.names import check_branch_name, check_pipeline_name
from trunkline.pps import egress, following, inputs, mounts, standing
from trunkline.pps.spec import (
    Input,
    PipelineName,
    PipelineSpec,
    ProjectName,
    ResourceSpec,
    TolerationOperator,
    Transform,
    seconds,
)

_MOST_WORKERS = 2**31 - 1
_DEFAULT_TRIES = 3


def complete(spec: PipelineSpec) -> PipelineSpec:
    """The spec with defaults filled in (spec 02, section 4.2), and without what concerns one request only.

    Raises:
        InvalidRequest, Refused: the pipeline or an input lacks what defaults are made from.
    """
    if spec.pipeline is None:
        raise Refused("request.Pipeline cannot be nil")
    name = PipelineName(name=spec.pipeline.name, project=ProjectName(name=spec.pipeline.project_name))
    return msgspec.structs.replace(
        standing.complete(spec),
        pipeline=name,
        input=None if spec.input is None else inputs.complete(following.named(spec.input, name), name),
        output_branch=spec.output_branch or "master",
        datum_tries=spec.datum_tries or _DEFAULT_TRIES,
        reprocess_spec=spec.reprocess_spec or "until_success",
        update=False,
        reprocess=False,
        dry_run=False,
    )


def check(spec: PipelineSpec) -> None:
    """Refuses a completed spec that breaks a rule.

    Raises:
        InvalidRequest, Refused: the message names the field, the rule, and where it helps the remedy.
        NotBuilt: the spec asks for something that this release does not do.
    """
    _check_name(spec)
    standing.check(spec)
    _check_not_built(spec)
    _check_transform(spec.transform)
    if spec.input is not None:
        inputs.check(spec.input, spec.name)
    elif spec.spout is None:
        raise Refused(
            "no input set: a pipeline runs when its input changes, give it one, such as "
            '"input": {"pfs": {"repo": "images", "glob": "/*"}}'
        )
    if spec.egress is not None:
        egress.check(spec.egress)
    _check_numbers(spec)
    _check_durations(spec)
    _check_cluster_fields(spec)
    if spec.reprocess_spec not in ("until_success", "every_job"):
        raise Refused("invalid pipeline spec: ReprocessSpec must be one of 'until_success' or 'every_job'")


def _check_name(spec: PipelineSpec) -> None:
    check_pipeline_name(spec.name.project_name, spec.name.name)
    try:
        check_branch_name(spec.output_branch)
    except Refused as error:
        raise Refused(f"outputBranch: {error}") from None


def not_built(field: str, what: str, remedy: str) -> NotBuilt:
    """The error for a field that this release cannot honour."""
    return NotBuilt(f"{field} is set, but this release of Trunkline does not {what} yet: {remedy}")


def _check_not_built(spec: PipelineSpec) -> None:
    """What the public API knows and this release does not do. Refused rather than ignored."""
    if spec.tf_job is not None:
        raise Refused("embedding TFJobs in pipelines is not supported yet")
    wanted = (
        (spec.spec_commit is not None, "specCommit", "restore pipelines"),
        (spec.s3_out, "s3Out", "take output through S3"),
        (spec.determined is not None, "determined", "work with Determined"),
    )
    for given, field, what in wanted:
        if given:
            raise not_built(field, what, f"remove {field} from the spec")


def _check_transform(transform: Transform | None) -> None:
    if transform is None:
        raise Refused("pipeline must specify a transform")
    if not transform.image:
        raise Refused("invalid transform: pipeline transform must contain an image")
    words = {"cmd": transform.cmd, "errCmd": transform.err_cmd, "user": (transform.user,)}
    words |= {"workingDir": (transform.working_dir,), "env": tuple(transform.env.values())}
    for field, values in words.items():
        if any("\0" in value for value in values):
            raise InvalidRequest(f"transform.{field} contains a NUL character: no program can be given one")
    mounts.check(transform.secrets)
    for name in transform.env:
        if not name or "=" in name or "\0" in name:
            raise InvalidRequest(f'transform.env has a variable named {name!r}: a name is not empty and has no "="')


def _check_numbers(spec: PipelineSpec) -> None:
    if spec.parallelism > _MOST_WORKERS:
        raise InvalidRequest(f"parallelismSpec.constant is {spec.parallelism}: give at most {_MOST_WORKERS} workers")
    if spec.datum_tries < 1:
        raise InvalidRequest(f"datumTries is {spec.datum_tries}: a datum needs at least 1 try")
    sets = spec.datum_set_spec
    if sets is not None:
        numbers = {"number": sets.number, "sizeBytes": sets.size_bytes, "perWorker": sets.per_worker}
        for field, value in numbers.items():
            if value < 0:
                raise InvalidRequest(f"datumSetSpec.{field} is {value}: give a number that is not negative")


def _check_durations(spec: PipelineSpec) -> None:
    if spec.maximum_expected_uptime is not None and not spec.autoscaling:
        raise Refused(f"pipeline {spec.name}: autoscaling must be true when max_expected_uptime is non-zero")
    fields = {
        "datumTimeout": spec.datum_timeout,
        "jobTimeout": spec.job_timeout,
        "maximumExpectedUptime": spec.maximum_expected_uptime,
    }
    for field, text in fields.items():
        try:
            value = seconds(text)
        except InvalidRequest as error:
            raise InvalidRequest(f"{field}: {error}") from None
        if value is not None and value <= 0:
            raise InvalidRequest(f"{field} is {text}: give a time that is more than zero")


def _check_cluster_fields(spec: PipelineSpec) -> None:
    resources = {
        "resourceRequests": spec.resource_requests,
        "resourceLimits": spec.resource_limits,
        "sidecarResourceRequests": spec.sidecar_resource_requests,
        "sidecarResourceLimits": spec.sidecar_resource_limits,
    }
    for field, resource in resources.items():
        if resource is not None:
            _check_resource(field, resource)
    for text, what in ((spec.pod_spec, "malformed PodSpec"), (spec.pod_patch, "malformed PodPatch")):
        _check_json(text, what)
    count = len(spec.tolerations)
    for number, toleration in enumerate(spec.tolerations, 1):
        if toleration.operator is TolerationOperator.EMPTY:
            raise Refused(
                f"toleration {number}/{count}: cannot omit key/value comparison operator; specify EQUAL or EXISTS"
            )


def _check_resource(field: str, resource: ResourceSpec) -> None:
    if resource.cpu < 0:
        raise InvalidRequest(f"{field}.cpu is {resource.cpu}: give a number that is not negative")
    for name, text in (("memory", resource.memory), ("disk", resource.disk)):
        try:
            units.quantity(text or "0")
        except InvalidRequest:
            raise InvalidRequest(f'{field}.{name} is "{text}": give a quantity such as "64M" or "1Gi"') from None
    if resource.gpu is not None and resource.gpu.number < 0:
        raise InvalidRequest(f"{field}.gpu.number is {resource.gpu.number}: give a number of devices")


def _check_json(text: str, what: str) -> None:
    if not text:
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(what) from None


def completed_input(pipeline: PipelineName, given: Input) -> Input:
    """An input with its defaults, checked; for listing the datums that it would form without a pipeline.

    Raises:
        InvalidRequest, Refused, NotBuilt: as `check`.
    """
    if inputs.has_cron(given):
        raise Refused("can't list datums with a cron input, there will be no datums until the pipeline is created")
    filled = inputs.complete(following.named(given, pipeline), pipeline)
    inputs.check(filled, pipeline)
    return filled
