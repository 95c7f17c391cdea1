"""`trunkline.v1.Lineage`: what files were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.api import convert, convert_pps
from trunkline.api.dispatch import Call
from trunkline.kernel import paths
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import resolve
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, RepoRef
from trunkline.pps.lineage.down import Downward
from trunkline.pps.lineage.up import Upward
from trunkline.pps.lineage.values import Bounds, Run, TracedDatum, TracedFile, TracedInput, TraceEnd
from trunkline.pps.refs import PipelineRef
from trunkline.wire import lineage_pb2 as wire
from trunkline.wire import pfs_pb2, pps_pb2

WIDTH, MOST = 100, 10_000
"""Files, where the request does not say."""

LARGEST = 1_000_000
"""Files that may be asked for."""


class LineageService:
    """Traces files."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs

    def TraceFile(self, request: wire.TraceFileRequest, call: Call) -> Iterator[wire.TraceFileResponse]:
        """Where a file comes from, or where it went."""
        bounds = _bounds(request)
        path = paths.clean(request.file.path)
        with self._pfs.catalog.read() as tx:
            found = resolve.commit(tx, convert.commit_ref(request.file.commit))
        commit = self._pfs.readable(found, call.alive)
        direction = Downward if request.downstream else Upward
        for told in direction(self._pfs, bounds, call.alive).trace(commit, path):
            if isinstance(told, TracedFile):
                yield wire.TraceFileResponse(file=_file(told))
            elif isinstance(told, TracedDatum):
                yield wire.TraceFileResponse(datum=_datum(told))
            else:
                yield wire.TraceFileResponse(end=_end(told))


def _bounds(request: wire.TraceFileRequest) -> Bounds:
    for name in ("depth", "width", "most"):
        value = getattr(request, name)
        if not 0 <= value <= LARGEST:
            raise InvalidRequest(f"{name} is {value}: give a number from 0 to {LARGEST}")
    return Bounds(request.most or MOST, request.width or WIDTH, request.depth)


def _place(repo: RepoRef, branch: str, commit: str, path: str) -> pfs_pb2.File:
    named = convert.branch_message(BranchRef(repo, branch)) if branch else None
    return pfs_pb2.File(commit=pfs_pb2.Commit(repo=convert.repo_message(repo), id=commit, branch=named), path=path)


def _file(value: TracedFile) -> wire.TracedFile:
    return wire.TracedFile(
        number=value.number,
        file=_place(value.repo, value.branch, value.commit, value.path),
        size_bytes=value.size,
        hash=value.hash,
        datum=value.datum,
        note=value.note,
    )


def _datum(value: TracedDatum) -> wire.TracedDatum:
    return wire.TracedDatum(
        number=value.number,
        datum=pps_pb2.Datum(job=convert_pps.job_message(value.job), id=value.id),
        state=value.state.value,
        pipeline_version=value.version,
        run=None if value.run is None else _run(value.job.pipeline, value.run),
        inputs=map(_input, value.inputs),
        outputs=value.outputs,
    )


def _input(value: TracedInput) -> wire.TracedInput:
    return wire.TracedInput(
        name=value.name,
        file=_place(value.repo, value.branch, value.commit, value.path),
        size_bytes=value.size,
        hash=value.hash,
        files=value.files,
        more=value.more,
    )


def _run(pipeline: PipelineRef, value: Run) -> wire.TracedRun:
    spec = pipeline.spec_branch
    return wire.TracedRun(
        job=None if value.job is None else convert_pps.job_message(value.job),
        pipeline_version=value.version,
        spec_commit=_place(spec.repo, spec.name, value.spec_commit, "").commit,
        image=value.image,
        image_digest=value.image_digest,
        recorded=convert.timestamp(value.recorded),
        tries=value.tries,
        stats=convert_pps.stats(value.stats),
    )


def _end(value: TraceEnd) -> wire.TraceEnd:
    return wire.TraceEnd(files=value.files, datums=value.datums, cut=value.cut, passed=value.passed)
