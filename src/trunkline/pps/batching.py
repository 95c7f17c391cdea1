"""How large a batch is, and what a worker's words mean for the datums in it. Pure."""

from __future__ import annotations

from base64 import b64encode

from trunkline.kernel.errors import InvalidRequest
from trunkline.kernel.ids import DatumId
from trunkline.maps import Entry
from trunkline.pps.leases import Doomed, Lease
from trunkline.pps.outcomes import DatumReport, Finding
from trunkline.pps.spec import DatumSetSpec
from trunkline.pps.states import DatumState
from trunkline.pps.tickets import WorkDatum

WINDOW = 4096
"""Datums of a job that wait in memory at the most; so also the largest batch that a spec can ask for."""

LARGEST_BATCH = 64
LARGEST_OF_ONE_RUN = 512
"""Datums of a batch that one run of user code works on: each costs so little that asking for more would tell."""

BATCHES_PER_WORKER = 4

_REPORTED = (DatumState.SUCCESS, DatumState.FAILED, DatumState.RECOVERED)


def batch_size(waiting: int, workers: int, wish: DatumSetSpec, largest: int = LARGEST_BATCH) -> tuple[int, int]:
    """How large the next batch is to be, as (datums, bytes; 0 for any).

    Small enough that all workers have work to the end, and large enough that asking for it costs little.

    Args:
        waiting: datums to hand out.
        workers: that may ask for them.
        wish: of the pipeline's spec.
        largest: unless the spec says otherwise.
    """
    if wish.number > 0:
        return min(wish.number, WINDOW), 0
    if wish.size_bytes > 0:
        return WINDOW, wish.size_bytes
    share = waiting // (max(1, workers) * (wish.per_worker if wish.per_worker > 0 else BATCHES_PER_WORKER))
    return max(1, min(largest, share)), 0


def raw_id(datum: str) -> bytes:
    """The raw form of a datum id; empty for the empty text.

    Raises:
        InvalidRequest: not hex.
    """
    try:
        return bytes.fromhex(datum)
    except ValueError:
        raise InvalidRequest(f"{datum!r} is not a datum id: give 64 hex digits") from None


def finding(lease: Lease, report: DatumReport) -> Finding | None:
    """What a report says of a datum of a batch; None if that is settled, as when an answer was lost on its way.

    Raises:
        InvalidRequest: a state that no datum ends in.
    """
    key = raw_id(report.id)
    entry: Entry | None = lease.datums.get(key)
    if entry is None:
        return None
    if report.state not in _REPORTED:
        raise InvalidRequest(
            f"datum {report.id} is reported as {report.state.value}: report SUCCESS, FAILED or RECOVERED"
        )
    return Finding(key, entry[1], report)


def died(doomed: Doomed) -> Finding:
    """The failure of a datum that workers died of."""
    times = "once" if doomed.deaths == 1 else f"{doomed.deaths} times"
    key, hash_ = doomed.entry[:2]
    reason = f"worker died {times} while processing it"
    report = DatumReport(DatumId(key.hex()), DatumState.FAILED, reason, tries=doomed.deaths)
    return Finding(key, hash_, report)


def matches(datum: WorkDatum, wanted: str) -> bool:
    """Whether a filter names an input of a datum: its path, or its hash in hex or base64."""
    return any(wanted in (one.path, one.hash.hex(), b64encode(one.hash).decode()) for one in datum.inputs)
