"""Between wire messages and domain values of pipelines, jobs and datums.

Specs travel as JSON on both sides of this border: protobuf's own JSON mapping turns the stored effective spec
into the messages that a client sees.
"""

from __future__ import annotations

import functools

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from trunkline.api import convert
from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import SetId
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.pfs.refs import BranchRef
from trunkline.pps.pipeline_queries import PipelineInfo
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.pps.rows import Job, Stats, Version
from trunkline.pps.states import PipelineState
from trunkline.wire import pfs_pb2, pps_pb2


def pipeline_ref(message: pps_pb2.Pipeline) -> PipelineRef:
    """The pipeline that a message names.

    Raises:
        InvalidRequest: it names none.
    """
    if not message.name:
        raise InvalidRequest("validate request: Pipeline.name: value length must be at least 1 bytes")
    return PipelineRef(message.name, message.project.name or DEFAULT_PROJECT)


def job_ref(message: pps_pb2.Job) -> JobRef:
    """The job that a message names.

    Raises:
        InvalidRequest: it names none.
    """
    if not message.id:
        raise InvalidRequest("must specify a job: give its pipeline and its id")
    if not message.pipeline.name:
        raise InvalidRequest("pipeline must be specified for the given job")
    return JobRef(pipeline_ref(message.pipeline), SetId(message.id))


def pipeline_message(ref: PipelineRef) -> pps_pb2.Pipeline:
    """A pipeline's name on the wire."""
    return pps_pb2.Pipeline(name=ref.name, project=pfs_pb2.Project(name=ref.project))


def job_message(ref: JobRef) -> pps_pb2.Job:
    """A job's name on the wire."""
    return pps_pb2.Job(pipeline=pipeline_message(ref.pipeline), id=ref.id)


def duration(nanos: int) -> Duration:
    """A length of time on the wire."""
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)


def stats(value: Stats) -> pps_pb2.ProcessStats:
    """What datums cost, on the wire."""
    return pps_pb2.ProcessStats(
        download_time=duration(value.download_time),
        process_time=duration(value.process_time),
        upload_time=duration(value.upload_time),
        download_bytes=value.download_bytes,
        upload_bytes=value.upload_bytes,
    )


@functools.lru_cache(maxsize=256)
def request_of(effective_spec: str) -> pps_pb2.CreatePipelineRequest:
    """A stored effective spec as a message; shared, so not to be changed."""
    return json_format.Parse(effective_spec, pps_pb2.CreatePipelineRequest())


def output_commit(job: Job) -> pfs_pb2.Commit:
    """The commit that a job fills, on the wire; its id is the job's."""
    branch = BranchRef(job.ref.pipeline.repo, job.output_branch)
    return pfs_pb2.Commit(repo=convert.repo_message(branch.repo), id=job.ref.id, branch=convert.branch_message(branch))


def job_info(job: Job, version: Version | None) -> pps_pb2.JobInfo:
    """A job on the wire; with details if the version of the pipeline that it runs is given."""
    counts = job.counts
    info = pps_pb2.JobInfo(
        job=job_message(job.ref),
        pipeline_version=job.version,
        output_commit=output_commit(job),
        restart=job.restart,
        data_processed=counts.processed,
        data_skipped=counts.skipped,
        data_total=counts.total,
        data_failed=counts.failed,
        data_recovered=counts.recovered,
        stats=stats(job.stats),
        state=f"JOB_{job.state.value}",
        reason=job.reason,
        created=convert.timestamp(job.created),
        started=convert.timestamp(job.started),
        finished=convert.timestamp(job.finished),
    )
    if version is not None:
        _job_details(info.details, version, job)
    return info


_SHARED = (
    "transform",
    "parallelism_spec",
    "egress",
    "service",
    "spout",
    "resource_requests",
    "resource_limits",
    "sidecar_resource_limits",
    "sidecar_resource_requests",
    "input",
    "datum_set_spec",
    "datum_timeout",
    "job_timeout",
    "scheduling_spec",
)
"""Messages that a spec, a job's details and a pipeline's details have in common, by name."""


def _job_details(details: pps_pb2.JobInfo.Details, version: Version, job: Job) -> None:
    _copy(details, request_of(version.effective_spec))
    details.salt = version.salt
    for leaf in _leaves(details.input):
        leaf.commit = job.ref.id


def _copy(
    details: pps_pb2.JobInfo.Details | pps_pb2.PipelineInfo.Details, request: pps_pb2.CreatePipelineRequest
) -> None:
    for field in _SHARED:
        if request.HasField(field):
            getattr(details, field).CopyFrom(getattr(request, field))
    details.datum_tries = request.datum_tries
    details.pod_spec = request.pod_spec
    details.pod_patch = request.pod_patch


def _leaves(tree: pps_pb2.Input) -> list[pps_pb2.PFSInput | pps_pb2.CronInput]:
    found = [getattr(tree, kind) for kind in ("pfs", "cron") if tree.HasField(kind)]
    for field in ("cross", "union", "join", "group"):
        for child in getattr(tree, field):
            found += _leaves(child)
    return found


_WITHOUT_WORKERS = {PipelineState.PAUSED, PipelineState.STANDBY, PipelineState.FAILURE}


def pipeline_info(info: PipelineInfo, *, details: bool) -> pps_pb2.PipelineInfo:
    """A pipeline on the wire."""
    last = "JOB_STATE_UNKNOWN" if info.last_job_state is None else f"JOB_{info.last_job_state.value}"
    message = pps_pb2.PipelineInfo(
        pipeline=pipeline_message(info.ref),
        version=info.version,
        spec_commit=pfs_pb2.Commit(
            repo=convert.repo_message(info.ref.spec_branch.repo),
            id=info.spec_commit,
            branch=convert.branch_message(info.ref.spec_branch),
        ),
        stopped=info.stopped,
        state=f"PIPELINE_{info.state.value}",
        reason=info.reason,
        last_job_state=last,
        parallelism=info.parallelism,
        type=f"PIPELINE_TYPE_{info.type.value}",
        user_spec_json=info.user_spec,
        effective_spec_json=info.merged_spec,
        metadata=info.metadata,
    )
    if details:
        _pipeline_details(message.details, request_of(info.effective_spec), info)
    return message


def _pipeline_details(
    details: pps_pb2.PipelineInfo.Details, request: pps_pb2.CreatePipelineRequest, info: PipelineInfo
) -> None:
    _copy(details, request)
    details.created_at.CopyFrom(convert.needed_timestamp(info.created))
    details.updated_at.CopyFrom(convert.needed_timestamp(info.updated))
    details.output_branch = request.output_branch
    details.description = request.description
    details.salt = info.salt
    details.reason = info.reason
    details.s3_out = request.s3_out
    details.reprocess_spec = request.reprocess_spec
    details.autoscaling = request.autoscaling
    details.tolerations.extend(request.tolerations)
    # Workers are shared: a pipeline that is up can have as many as it may.
    details.workers_requested = 0 if info.state in _WITHOUT_WORKERS else info.parallelism
    details.workers_available = info.parallelism if info.state is PipelineState.RUNNING else 0
    if info.workers_started is not None:
        details.workers_started_at.CopyFrom(convert.needed_timestamp(info.workers_started))
    for field in ("metadata", "determined", "maximum_expected_uptime"):
        if request.HasField(field):
            getattr(details, field).CopyFrom(getattr(request, field))
