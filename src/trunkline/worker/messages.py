"""Between the messages of the `Work` service and the worker's own values. Pure functions, both ways."""

from __future__ import annotations

from google.protobuf import duration_pb2, timestamp_pb2

from trunkline.wire import trunkline_pb2 as wire
from trunkline.worker import model

_NANOS = 1_000_000_000
_STATES = {
    model.State.SUCCESS: wire.DatumReport.SUCCESS,
    model.State.FAILED: wire.DatumReport.FAILED,
    model.State.RECOVERED: wire.DatumReport.RECOVERED,
}


def batch(message: wire.Batch, lease_seconds: float) -> model.Batch:
    """A batch of work.

    Args:
        lease_seconds: of a batch that does not say how long its lease lasts.
    """
    return model.Batch(
        id=message.id,
        project=message.project,
        pipeline=message.pipeline,
        job=message.job,
        pipeline_version=message.pipeline_version,
        spec_commit=message.spec_commit,
        output_branch=message.output_branch,
        transform=_transform(message.transform),
        datums=tuple(_datum(each) for each in message.datums),
        lease=seconds(message.lease) or lease_seconds,
        standing=message.standing,
        credential=message.credential,
    )


def _transform(message: wire.WorkTransform) -> model.Transform:
    return model.Transform(
        image=message.image,
        cmd=tuple(message.cmd),
        stdin=tuple(message.stdin),
        err_cmd=tuple(message.err_cmd),
        err_stdin=tuple(message.err_stdin),
        env=dict(message.env),
        accept_return_code=tuple(message.accept_return_code),
        user=message.user,
        working_dir=message.working_dir,
        timeout=seconds(message.datum_timeout) or None,
        tries=message.datum_tries or 3,
        secrets=tuple(model.Secret(each.variable, each.path, each.value) for each in message.secrets),
        environment=_environment(message.environment) if message.HasField("environment") else None,
        datum_batching=message.datum_batching,
        memory=message.memory_limit or None,
    )


def _environment(message: wire.Environment) -> model.Environment:
    return model.Environment(
        image=message.image,
        root=message.root,
        variables=dict(message.variables),
        search_path=tuple(message.search_path),
        digest=message.digest,
    )


def _datum(message: wire.WorkDatum) -> model.Datum:
    inputs: list[model.Input] = []
    source = wire.DatumInput()
    for each in message.inputs:
        source = source if each.as_before else each
        inputs.append(_input(each, source))
    return model.Datum(id=message.id, hash=message.hash, inputs=tuple(inputs))


def _input(message: wire.DatumInput, source: wire.DatumInput) -> model.Input:
    """One input; `source` is the message that says where it is read."""
    return model.Input(
        name=message.name,
        path=message.path,
        repo=source.repo,
        project=source.project,
        branch=source.branch,
        commit=source.commit,
        root=source.root,
        lazy=source.lazy,
        empty_files=source.empty_files,
        join_on=message.join_on,
        group_by=message.group_by,
        hash=message.hash,
    )


def report(outcome: model.Outcome) -> wire.DatumReport:
    """What became of a datum."""
    statistics = outcome.statistics
    return wire.DatumReport(
        id=outcome.id,
        state=_STATES[outcome.state],
        reason=outcome.reason,
        outputs=outcome.outputs,
        download_time=duration(statistics.download_time),
        process_time=duration(statistics.process_time),
        upload_time=duration(statistics.upload_time),
        download_bytes=statistics.download_bytes,
        upload_bytes=statistics.upload_bytes,
        tries=statistics.tries,
        image_digest=outcome.image_digest,
    )


def line(line: model.Line) -> wire.LogLine:
    """A line of a job's log."""
    return wire.LogLine(datum=line.datum, user=line.user, ts=timestamp(line.ts), message=line.message)


def verdict(message: wire.Verdict) -> model.Verdict:
    """What pachd answered."""
    return model.Verdict(lost=message.lost, restart=tuple(message.restart))


def seconds(message: duration_pb2.Duration) -> float:
    """A duration, in seconds."""
    return message.seconds + message.nanos / _NANOS


def duration(length: float) -> duration_pb2.Duration:
    """A number of seconds, as a message."""
    nanos = round(length * _NANOS)
    return duration_pb2.Duration(seconds=nanos // _NANOS, nanos=nanos % _NANOS)


def timestamp(nanos: int) -> timestamp_pb2.Timestamp:
    """Nanoseconds since the epoch, as a message."""
    return timestamp_pb2.Timestamp(seconds=nanos // _NANOS, nanos=nanos % _NANOS)
