"""The meters of jobs and datums: what is counted when they end, by state and nothing else."""

from __future__ import annotations

from trunkline.kernel import meters
from trunkline.kernel.clock import SECOND
from trunkline.pps.rows import Stats
from trunkline.pps.states import DatumState

JOBS_CREATED = meters.counter("jobs_created", "Jobs that were made.")
JOBS_ENDED = meters.counter("jobs_ended", "Jobs that ended, by the state in which they did.", "state")
JOBS_INTERRUPTED = meters.counter("jobs_interrupted", "Times that a job was put back to its beginning.")
DATUMS = meters.counter("datums", "Datums that were settled, by state; those that needed no run are SKIPPED.", "state")
DATUM_BYTES = meters.counter("datum_bytes", "Bytes that datums took in (down) and gave (up).", "direction")
DATUM_SECONDS = meters.counter("datum_seconds", "Time that datums took, by phase, over all workers.", "phase")
EGRESS = meters.counter("egress_attempts", "Attempts to send the output of a job, by what came of it.", "result")


def datum(state: DatumState, stats: Stats) -> None:
    """Counts a datum that was run."""
    DATUMS.add(1, state.value)
    DATUM_BYTES.add(stats.download_bytes, "down")
    DATUM_BYTES.add(stats.upload_bytes, "up")
    for phase, nanos in (
        ("download", stats.download_time),
        ("process", stats.process_time),
        ("upload", stats.upload_time),
    ):
        DATUM_SECONDS.add(nanos / SECOND, phase)
