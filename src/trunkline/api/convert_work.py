"""Between the messages of the `Work` service and the values of handing out work."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from trunkline.api import reading
from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import DatumId
from trunkline.pps.environments import Environment
from trunkline.pps.outcomes import DatumReport
from trunkline.pps.rows import Stats
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import Batch, DatumInput, InputSource, Ticket, Verdict, WorkDatum
from trunkline.wire import trunkline_pb2 as wire


def batch(value: Batch) -> wire.Batch:
    """A batch on the wire."""
    ticket = value.ticket
    return wire.Batch(
        id=value.id,
        project=ticket.ref.pipeline.project,
        pipeline=ticket.ref.pipeline.name,
        job=ticket.ref.id,
        pipeline_version=ticket.version,
        spec_commit=ticket.spec_commit,
        output_branch=ticket.output_branch,
        transform=_transform(ticket),
        datums=[_datum(one) for one in value.datums],
        lease=seconds(value.lease_seconds),
        standing=ticket.standing,
        credential=ticket.credential,
    )


def _transform(ticket: Ticket) -> wire.WorkTransform:
    given = ticket.transform
    return wire.WorkTransform(
        image=given.image,
        cmd=given.cmd,
        stdin=given.stdin,
        err_cmd=given.err_cmd,
        err_stdin=given.err_stdin,
        env=given.env,
        accept_return_code=given.accept_return_code,
        user=given.user,
        working_dir=given.working_dir,
        datum_timeout=None if ticket.datum_timeout is None else seconds(ticket.datum_timeout),
        datum_tries=ticket.datum_tries,
        secrets=[wire.WorkSecret(variable=one.variable, path=one.path, value=one.value) for one in ticket.secrets],
        datum_batching=given.datum_batching,
        memory_limit=ticket.memory_limit,
        environment=(
            None if ticket.environment is None else environment(ticket.environment, digest=ticket.environment_digest)
        ),
    )


def environment(value: Environment, *, digest: str) -> wire.Environment:
    """A local environment on the wire."""
    message = wire.Environment(
        image=value.image,
        root=value.root,
        variables=value.variables,
        search_path=value.search_path,
        digest=digest,
    )
    if value.created:
        message.created.FromNanoseconds(value.created)
    return message


def _datum(value: WorkDatum) -> wire.WorkDatum:
    """A datum; where an input is read is said once for those in a row, as a group has them by the thousand."""
    inputs: list[wire.DatumInput] = []
    before: InputSource | None = None
    for one in value.inputs:
        inputs.append(_input(one, as_before=one.source == before))
        before = one.source
    return wire.WorkDatum(id=value.id, hash=value.hash, inputs=inputs)


def _input(value: DatumInput, *, as_before: bool) -> wire.DatumInput:
    source = value.source
    message = wire.DatumInput(
        name=value.name,
        path=value.path,
        join_on=value.join_on,
        group_by=value.group_by,
        hash=value.hash,
        as_before=as_before,
    )
    if not as_before:
        message.repo, message.project, message.branch = source.repo, source.project, source.branch
        message.commit, message.root = source.commit, source.root
        message.lazy, message.empty_files = source.lazy, source.empty_files
    return message


def report(message: wire.DatumReport) -> DatumReport:
    """What a worker says of a datum.

    Raises:
        InvalidRequest: no state.
    """
    if message.state == wire.DatumReport.UNKNOWN:
        raise InvalidRequest(f"datum {message.id} is reported without a state")
    return DatumReport(
        id=DatumId(message.id),
        state=DatumState(reading.enum_name(wire.DatumReport.State, message.state, "state")),
        reason=message.reason.replace("\0", " "),  # not every catalog keeps a NUL
        outputs=message.outputs,
        stats=Stats(
            reading.nanos(message.download_time, "download_time"),
            reading.nanos(message.process_time, "process_time"),
            reading.nanos(message.upload_time, "upload_time"),
            message.download_bytes,
            message.upload_bytes,
        ),
        tries=message.tries,
        image_digest=message.image_digest,
    )


def verdict(value: Verdict) -> wire.Verdict:
    """A verdict on the wire."""
    return wire.Verdict(lost=value.lost, restart=value.restart)


def seconds(value: float) -> Duration:
    """A number of seconds on the wire."""
    message = Duration()
    message.FromNanoseconds(int(value * 1e9))
    return message
