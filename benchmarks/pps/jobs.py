"""Pipelines for benchmarks: made, fed and waited for over gRPC, as a client does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from benchmarks.pfs import harness
from benchmarks.pfs.harness import Pachd
from google.protobuf.duration_pb2 import Duration

from trunkline.wire import pfs_pb2 as pfs
from trunkline.wire import pps_pb2 as pps
from trunkline.wire import pps_pb2_grpc

COPY = ("sh", "-c", "cp /pfs/in/* /pfs/out/")


class Pipelines:
    """The pipelines of one server."""

    def __init__(self, server: Pachd) -> None:
        self.server = server
        self.stub = pps_pb2_grpc.APIStub(server.channel())

    def create(self, name: str, given: pps.Input, command: Iterable[str], workers: int = 1, **fields: Any) -> None:
        """A new pipeline, with fields of the request on top; fields of the transform begin with `transform_`."""
        more = {key.removeprefix("transform_"): fields.pop(key) for key in list(fields) if key.startswith("transform_")}
        self.stub.CreatePipeline(
            pps.CreatePipelineRequest(
                pipeline=pps.Pipeline(name=name, project=pfs.Project(name="default")),
                transform=pps.Transform(image="none", cmd=list(command), **more),
                parallelism_spec=pps.ParallelismSpec(constant=workers),
                input=given,
                **fields,
            )
        )

    def head(self, name: str) -> pfs.Commit:
        """The head of a pipeline's output."""
        return harness.head(repo(name))

    def wait(self, name: str) -> pps.JobInfo:
        """The newest job of a pipeline, when it has ended.

        Raises:
            SystemExit: it was no success.
        """
        info = self.server.stub.InspectCommit(
            pfs.InspectCommitRequest(commit=self.head(name), wait=pfs.CommitState.FINISHED)
        )
        job = pps.Job(pipeline=pps.Pipeline(name=name, project=pfs.Project(name="default")), id=info.commit.id)
        found: pps.JobInfo = self.stub.InspectJob(pps.InspectJobRequest(job=job, wait=True, details=True))
        if found.state != pps.JobState.JOB_SUCCESS:
            raise SystemExit(f"a job of {name} ended as {pps.JobState.Name(found.state)}: {found.reason}")
        return found


def repo(name: str) -> pfs.Repo:
    """A repo of users, or of a pipeline's output."""
    return pfs.Repo(name=name, type="user", project=pfs.Project(name="default"))


def reads(name: str, glob: str = "/*", called: str = "in", **fields: Any) -> pps.Input:
    """An input from one repo."""
    return pps.Input(pfs=pps.PFSInput(project="default", repo=name, branch="master", name=called, glob=glob, **fields))


def files(begin: int, end: int) -> list[tuple[str, bytes]]:
    """Small files, each different."""
    return [(f"/f{number:07d}", b"%d" % number) for number in range(begin, end)]


def seconds(duration: Duration) -> float:
    """A duration of the API."""
    return float(duration.seconds + duration.nanos / 1e9)


def since(begin: float) -> float:
    """Seconds since a time of `time.perf_counter`."""
    return time.perf_counter() - begin
