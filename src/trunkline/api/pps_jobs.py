"""Jobs, datums and logs over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from trunkline.api import convert, convert_pps, datum_stream, jqfilter, reading
from trunkline.api.dispatch import Call
from trunkline.api.transactions import Transactions
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import InvalidRequest, NotBuilt
from trunkline.kernel.ids import SetId
from trunkline.pps.datum_queries import ALL_DATUMS, DatumFilter, DatumInfo
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.pps import Pps
from trunkline.pps.refs import JobRef
from trunkline.pps.rows import Job
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import WorkerStatus
from trunkline.wire import pfs_pb2, pps_pb2
from trunkline.wire.transaction_pb2 import TransactionRequest


class JobCalls:
    """The RPCs of jobs and their datums."""

    _pps: Pps
    _transactions: Transactions
    _dispatcher: Dispatcher

    def InspectJob(self, request: pps_pb2.InspectJobRequest, call: Call) -> pps_pb2.JobInfo:
        """One job, once it has ended if asked to wait."""
        if not request.HasField("job"):
            raise InvalidRequest("must specify a job")
        ref = convert_pps.job_ref(request.job)
        job = self._pps.inspect_job(ref, wait=request.wait, alive=call.alive)
        info = self._info(job, details=request.details)
        if request.details:
            info.details.worker_status.extend(map(_worker_status, self._dispatcher.workers(job.key)))
        return info

    def ListJob(self, request: pps_pb2.ListJobRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """Jobs, newest first."""
        found = self._pps.list_jobs(
            pipeline=convert_pps.pipeline_ref(request.pipeline) if request.pipeline.name else None,
            input_commits=[convert.commit_ref(commit) for commit in request.input_commit],
            history=request.history,
            projects=[project.name for project in request.projects],
            marker=_marker(request),
            number=0 if request.jqFilter else request.number,
            reverse=request.reverse,
        )
        infos = (self._info(job, details=request.details) for job in found)
        yield from jqfilter.kept(request.jqFilter, infos, request.number)

    def InspectJobSet(self, request: pps_pb2.InspectJobSetRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """The jobs of a commit set, upstream first."""
        if not request.job_set.id:
            raise InvalidRequest("validate request: InspectJobSetRequest.job_set: value is required")
        for job in self._pps.job_set(SetId(request.job_set.id), wait=request.wait, alive=call.alive):
            yield self._info(job, details=request.details)

    def ListJobSet(self, request: pps_pb2.ListJobSetRequest, call: Call) -> Iterator[pps_pb2.JobSetInfo]:
        """Commit sets that have jobs, newest first."""
        found = self._pps.list_job_sets(
            projects=[project.name for project in request.projects],
            marker=_marker(request),
            number=0 if request.jqFilter else request.number,
            reverse=request.reverse,
        )
        infos = (
            pps_pb2.JobSetInfo(
                job_set=pps_pb2.JobSet(id=set_id),
                jobs=[self._info(job, details=request.details) for job in members],
            )
            for set_id, members in found
        )
        yield from jqfilter.kept(request.jqFilter, infos, request.number)

    def SubscribeJob(self, request: pps_pb2.SubscribeJobRequest, call: Call) -> Iterator[pps_pb2.JobInfo]:
        """Unfinished jobs of a pipeline, then new ones as they come."""
        if not request.pipeline.name:
            raise InvalidRequest("pipeline must be specified")
        found = self._pps.subscribe_jobs(convert_pps.pipeline_ref(request.pipeline), call.alive)
        for job in found:
            yield self._info(job, details=request.details)

    def StopJob(self, request: pps_pb2.StopJobRequest, call: Call) -> Empty:
        """Kills a job."""
        self._transactions.run(TransactionRequest(stop_job=request), call)
        return Empty()

    def DeleteJob(self, request: pps_pb2.DeleteJobRequest, call: Call) -> Empty:
        """Kills a job and removes its record."""
        if not request.HasField("job"):
            raise InvalidRequest("job cannot be nil")
        self._pps.delete_job(convert_pps.job_ref(request.job))
        return Empty()

    def UpdateJobState(self, request: pps_pb2.UpdateJobStateRequest, call: Call) -> Empty:
        """Of the original's own workers; ours report to a service of their own."""
        raise NotBuilt("UpdateJobState is for the original's workers: jobs here are moved by their datums only")

    # -- datums --

    def ListDatum(self, request: pps_pb2.ListDatumRequest, call: Call) -> Iterator[pps_pb2.DatumInfo]:
        """The datums of a job, or those that an input would form now, by id."""
        if request.HasField("job") and request.HasField("input"):
            raise InvalidRequest("cannot specify both job and input")
        if not request.HasField("job") and not request.HasField("input"):
            raise InvalidRequest("must specify a job")
        states = [reading.enum_name(pps_pb2.DatumState, state, "filter.state") for state in request.filter.state]
        wanted = DatumFilter(
            states=frozenset(map(DatumState, states)),
            marker=request.paginationMarker,
            number=request.number,
            reverse=request.reverse,
        )
        if request.HasField("input"):
            given = reading.as_json(request.input)
            yield from (_datum_info(None, datum) for datum in self._pps.list_datums_of_input(given, wanted))
            return
        ref = convert_pps.job_ref(request.job)
        yield from (_datum_info(ref, datum) for datum in self._pps.list_datums(ref, wanted))

    def CreateDatum(self, requests: Iterator[pps_pb2.CreateDatumRequest], call: Call) -> Iterator[pps_pb2.DatumInfo]:
        """The datums that an input would form now, as many at a time as the caller asks for."""
        given, numbers = datum_stream.opened(requests)
        datums = self._pps.list_datums_of_input(given, ALL_DATUMS)
        following = next(datums, None)
        for number in numbers:
            for _ in range(number):
                if following is None:
                    return
                yield _datum_info(None, following)
                following = next(datums, None)
            if following is None:
                return  # at once, not when the caller asks in vain

    def InspectDatum(self, request: pps_pb2.InspectDatumRequest, call: Call) -> pps_pb2.DatumInfo:
        """One datum of a job."""
        ref = convert_pps.job_ref(request.datum.job)
        return _datum_info(ref, self._pps.inspect_datum(ref, request.datum.id))

    def RestartDatum(self, request: pps_pb2.RestartDatumRequest, call: Call) -> Empty:
        """Kills the user code of the datum that matches, and begins it again."""
        job = self._pps.inspect_job(convert_pps.job_ref(request.job))
        self._dispatcher.restart_datum(job.key, list(request.data_filters))
        return Empty()

    def _info(self, job: Job, *, details: bool) -> pps_pb2.JobInfo:
        return convert_pps.job_info(job, self._pps.version_of(job) if details else None)


def _marker(request: pps_pb2.ListJobRequest | pps_pb2.ListJobSetRequest) -> Nanos | None:
    if not request.HasField("paginationMarker"):
        return None
    return Nanos(reading.nanos(request.paginationMarker, "paginationMarker"))


def _worker_status(status: WorkerStatus) -> pps_pb2.WorkerStatus:
    message = pps_pb2.WorkerStatus(worker_id=status.worker, job_id=status.job.id)
    if status.datum is not None:
        message.datum_status.started.CopyFrom(convert.needed_timestamp(status.started or 0))
        message.datum_status.data.extend(pps_pb2.InputFile(path=one.path, hash=one.hash) for one in status.datum.inputs)
    return message


def _datum_info(job: JobRef | None, datum: DatumInfo) -> pps_pb2.DatumInfo:
    return pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(job=None if job is None else convert_pps.job_message(job), id=datum.id),
        state=datum.state.value,
        stats=convert_pps.stats(datum.stats),
        data=[
            pfs_pb2.FileInfo(
                file=pfs_pb2.File(
                    commit=pfs_pb2.Commit(repo=convert.repo_message(one.repo), id=one.commit), path=one.path
                ),
                file_type=pfs_pb2.DIR if one.path.endswith("/") else pfs_pb2.FILE,
                size_bytes=one.size,
                hash=one.hash,
            )
            for one in datum.inputs
        ],
        image_id=datum.image_digest,
    )
