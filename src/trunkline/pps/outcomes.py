"""What datums came to, remembered for as long as the pipeline lives.

Invariants: an outcome is written once and never replaced, so that what an output commit was made of stays known;
the nodes of its output map are durable before its row; the row and the numbers of its job change in one write,
so that a datum is counted exactly once, however often it is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.kernel.ids import DatumId
from trunkline.maps import EMPTY, Root
from trunkline.pps import counted as meter
from trunkline.pps.rows import Job, Stats
from trunkline.pps.states import DatumState

_PAGE = 1_000
"""Rows read at once by queries that page."""


class DatumReport(msgspec.Struct, frozen=True):
    """What a worker says of one datum.

    Attributes:
        id: of the datum.
        state: SUCCESS, FAILED or RECOVERED.
        reason: why it is not a success.
        outputs: packed root of the map of what user code left in /pfs/out; only of a success.
        tries: how often user code was started.
        image_digest: of what the user code ran in.
    """

    id: DatumId
    state: DatumState
    reason: str = ""
    outputs: bytes = EMPTY.pack()
    stats: Stats = Stats()
    tries: int = 1
    image_digest: str = ""


class Finding(msgspec.Struct, frozen=True):
    """A report, with the raw id and the hash that the datum has in its job."""

    key: bytes
    hash: bytes
    report: DatumReport


def record(catalog: Catalog, job: Job, findings: Sequence[Finding], now: Nanos) -> bool:
    """Remembers what datums came to, and counts them; exactly once, if it is called again.

    Returns:
        False if the job has ended meanwhile: nothing is remembered.

    Raises:
        InvalidRequest: a report that makes no sense.
        StorageFull, StorageFailed: nothing is remembered; report again.
    """
    for finding in findings:
        check(finding.report)

    counted: list[DatumReport] = []

    def write(tx: Tx) -> bool:
        counted.clear()
        alive = tx.row("SELECT id FROM jobs WHERE id = ? AND finished IS NULL", (job.key,))
        if alive is None:
            return False
        for finding in findings:
            fresh = _remember(tx, job, finding, now)
            if fresh:
                _count(tx, job, finding.report)
                counted.append(finding.report)
        return True

    recorded = catalog.write(write)
    for report in counted:
        meter.datum(report.state, report.stats)
    return recorded


def check(report: DatumReport) -> None:
    """Refuses a success that names no map of outputs, be it the empty one.

    Raises:
        InvalidRequest: it does not.
    """
    if report.state is DatumState.SUCCESS:
        try:
            Root.unpack(report.outputs)
        except Corrupt as error:
            raise InvalidRequest(f"datum {report.id} is reported without the map of its outputs: {error}") from None


def _remember(tx: Tx, job: Job, finding: Finding, now: Nanos) -> bool:
    """Adds the row; False if it was there."""
    report, stats = finding.report, finding.report.stats
    cost = (
        *(stats.download_time, stats.process_time, stats.upload_time),
        *(stats.download_bytes, stats.upload_bytes),
    )
    if report.state is DatumState.SUCCESS:
        statement = (
            "INSERT INTO outcomes (pipeline, hash, datum, job, version, outputs, image_digest, tries, "
            "download_time, process_time, upload_time, download_bytes, upload_bytes, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        head = (job.pipeline, finding.hash, finding.key, job.key, job.version, report.outputs)
        return tx.run(statement, (*head, report.image_digest, report.tries, *cost, now)) == 1
    statement = (
        "INSERT INTO troubled_datums (job, datum, state, reason, image_digest, tries, download_time, "
        "process_time, upload_time, download_bytes, upload_bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    )
    what = (job.key, finding.key, report.state.value, report.reason, report.image_digest, report.tries)
    return tx.run(statement, (*what, *cost)) == 1


_COUNTERS: Mapping[DatumState, str] = {
    DatumState.SUCCESS: "data_processed",
    DatumState.FAILED: "data_failed",
    DatumState.RECOVERED: "data_recovered",
}


def _count(tx: Tx, job: Job, report: DatumReport) -> None:
    counter, stats = _COUNTERS[report.state], report.stats
    tx.run(f"UPDATE jobs SET {counter} = {counter} + 1 WHERE id = ?", (job.key,))
    if report.state is DatumState.SUCCESS:
        tx.run(
            "UPDATE jobs SET download_time = download_time + ?, process_time = process_time + ?, "
            "upload_time = upload_time + ?, download_bytes = download_bytes + ?, "
            "upload_bytes = upload_bytes + ? WHERE id = ?",
            (
                *(stats.download_time, stats.process_time, stats.upload_time),
                *(stats.download_bytes, stats.upload_bytes, job.key),
            ),
        )


def known_among(tx: Tx, pipeline: int, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of these hashes whose outcome is known."""
    query = f"SELECT hash FROM outcomes WHERE pipeline = ? AND hash IN ({_marks(hashes)})"
    return {row["hash"] for row in tx.rows(query, (pipeline, *hashes))}


def outputs_of(tx: Tx, pipeline: int, hashes: Sequence[bytes]) -> dict[bytes, Root]:
    """The output maps of the known outcomes among these hashes."""
    query = f"SELECT hash, outputs FROM outcomes WHERE pipeline = ? AND hash IN ({_marks(hashes)})"
    return {row["hash"]: Root.unpack(row["outputs"]) for row in tx.rows(query, (pipeline, *hashes))}


def troubled_among(tx: Tx, job: int, datums: Sequence[bytes]) -> set[bytes]:
    """Those of these raw datum ids that failed, or were recovered from, in a job."""
    query = f"SELECT datum FROM troubled_datums WHERE job = ? AND datum IN ({_marks(datums)})"
    return {row["datum"] for row in tx.rows(query, (job, *datums))}


def recovered(catalog: Catalog, job: int) -> Iterator[bytes]:
    """The raw ids of the datums that a job recovered from, ascending; read page by page."""
    after = b""
    while True:
        with catalog.read() as tx:
            query = (
                "SELECT datum FROM troubled_datums WHERE job = ? AND state = 'RECOVERED' AND datum > ? "
                "ORDER BY datum LIMIT ?"
            )
            page: list[bytes] = [row["datum"] for row in tx.rows(query, (job, after, _PAGE))]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]


def first_failure(tx: Tx, job: int) -> tuple[DatumId, str] | None:
    """The first datum of a job, by id, that failed, and why."""
    row = tx.row(
        "SELECT datum, reason FROM troubled_datums WHERE job = ? AND state = 'FAILED' ORDER BY datum LIMIT 1",
        (job,),
    )
    return None if row is None else (DatumId(row["datum"].hex()), row["reason"])


def _marks(values: Sequence[bytes]) -> str:
    return ", ".join("?" * len(values))
