"""Which jobs a word means: `PIPELINE@ID` is one, an `ID` alone is every job that one change caused."""

from __future__ import annotations

from trunkline.kernel.errors import NotFound
from trunkline.kernel.ids import is_id
from trunkline.pachctl import refs
from trunkline.pachctl.connect import Server
from trunkline.wire import pps_pb2 as pps


def find(
    server: Server, word: str, pipeline: str | None = None, *, wait: bool = False, details: bool = False
) -> list[pps.JobInfo]:
    """The jobs of a word, those that others build on first; never empty.

    Args:
        server: where to look.
        word: `ID` or `PIPELINE@ID`.
        pipeline: only the job of this one.
        wait: until they have ended.
        details: fill in the details.

    Raises:
        NotFound: there is none.
    """
    named, _, job_id = word.rpartition("@")
    name = named or pipeline
    if not is_id(job_id):
        raise NotFound(f"job {word} not found: give an ID of pachctl list-job, or PIPELINE@ID")
    if name:
        request = pps.InspectJobRequest(job=refs.job(name, job_id), wait=wait, details=details)
        return [server.pps.InspectJob(request)]
    jobs = of_set(server, job_id, wait=wait, details=details)
    if not jobs:
        raise NotFound(f"job {job_id} not found: pachctl list-job shows the jobs there are")
    return jobs


def of_set(server: Server, set_id: str, *, wait: bool = False, details: bool = False) -> list[pps.JobInfo]:
    """The jobs of a set, those that others build on first; empty if there are none."""
    request = pps.InspectJobSetRequest(job_set=pps.JobSet(id=set_id), wait=wait, details=details)
    try:
        return list(server.pps.InspectJobSet(request))
    except NotFound:
        return []
