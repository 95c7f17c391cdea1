"""Parts of pipeline specifications that the views of jobs and of pipelines share."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.pachctl import raw
from trunkline.wire import pps_pb2 as pps

Details = pps.JobInfo.Details | pps.PipelineInfo.Details

_RESOURCES = (
    ("ResourceRequests", "resource_requests"),
    ("ResourceLimits", "resource_limits"),
    ("Sidecar ResourceLimits", "sidecar_resource_limits"),
    ("Sidecar ResourceRequests", "sidecar_resource_requests"),
)


def parallelism(given: Details) -> str | None:
    """`constant: 4`."""
    if not given.HasField("parallelism_spec"):
        return None
    return f"constant: {given.parallelism_spec.constant}"


def resources(given: Details) -> Iterator[tuple[str, str | None]]:
    """A line for each kind of resources that is set: `CPU 0.5, Memory 64M, GPU 1 nvidia.com/gpu, Disk 1Gi`."""
    for label, field in _RESOURCES:
        if given.HasField(field):
            yield label, _resource_text(getattr(given, field))


def service(given: Details) -> str | None:
    """The ports of a service, as JSON."""
    return raw.text(given.service) if given.HasField("service") else None


def shorthand(given: pps.Input) -> str:
    """An input on one line: `repo:glob`, `(a ⨯ b)`, `(a ∪ b)`, `(a ⋈ b)`, `(Group: a, b)`, `name:spec`."""
    if given.HasField("pfs"):
        return f"{given.pfs.repo}:{given.pfs.glob}"
    if given.HasField("cron"):
        return f"{given.cron.name}:{given.cron.spec}"
    if given.cross:
        return f"({' ⨯ '.join(map(shorthand, given.cross))})"
    if given.union:
        return f"({' ∪ '.join(map(shorthand, given.union))})"
    if given.join:
        return f"({' ⋈ '.join(map(shorthand, given.join))})"
    if given.group:
        return f"(Group: {', '.join(map(shorthand, given.group))})"
    return "none"


def _resource_text(spec: pps.ResourceSpec) -> str:
    parts = []
    if spec.cpu:
        parts.append(f"CPU {spec.cpu:g}")
    if spec.memory:
        parts.append(f"Memory {spec.memory}")
    if spec.HasField("gpu"):
        parts.append(f"GPU {spec.gpu.number} {spec.gpu.type}".rstrip())
    if spec.disk:
        parts.append(f"Disk {spec.disk}")
    return ", ".join(parts) or "none"
