"""Numbers that go up and down, looked up when somebody asks: in memory, or in a partial index of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trunkline.kernel.version import VERSION
from trunkline.pachd.jobs import JobLoop
from trunkline.pachd.server import Server
from trunkline.pachd.workers import WorkerPool
from trunkline.pfs.pfs import Pfs
from trunkline.pps.dispatch import Dispatcher

Values = Iterable[tuple[tuple[str, ...], float]]

_UNFINISHED = "SELECT state, count(*) AS number FROM jobs WHERE finished IS NULL GROUP BY state ORDER BY state"


STORE = {
    "calls": "Operations on the store.",
    "errors": "Operations on the store that failed.",
    "objects": "Objects that operations on the store were about.",
    "bytes": "Bytes of objects put into the store or gotten from it.",
}
"""What is told of each operation: fields of `trunkline.objects.wrappers.metered.Count`."""


class Gauge:
    """One number for each combination of labels.

    Args:
        name: in the form of Prometheus, without the prefix.
        values: asked when somebody wants to know.
    """

    def __init__(self, name: str, help: str, values: Callable[[], Values], *labels: str) -> None:
        self.name, self.help, self.labels, self.values = f"trunkline_{name}", help, labels, values


def gauges(pfs: Pfs, dispatcher: Dispatcher, workers: WorkerPool, jobs: JobLoop, server: Server) -> list[Gauge]:
    """Those of one pachd."""

    def single(look: Callable[[], float]) -> Callable[[], Values]:
        return lambda: [((), look())]

    def unfinished() -> Values:
        with pfs.catalog.read() as tx:
            return [((row["state"],), row["number"]) for row in list(tx.rows(_UNFINISHED))]

    def queued() -> Values:
        waiting, leased = dispatcher.queue()
        return [(("waiting",), waiting), (("with a worker",), leased)]

    def open_calls() -> Values:
        return [((crew,), calls) for crew, calls in server.crews.items()]

    return [
        Gauge("info", "The version, as the label of a 1.", lambda: [((VERSION,), 1)], "version"),
        Gauge("rpc_open", "Calls that are not over, by the crew of threads.", open_calls, "crew"),
        Gauge("jobs_unfinished", "Jobs that have not ended, by state.", unfinished, "state"),
        Gauge("pipelines_driven", "Pipelines whose jobs are being driven.", single(lambda: jobs.running)),
        Gauge("datums_queued", "Datums handed to the queue of workers, and not settled.", queued, "place"),
        Gauge("workers", "Worker processes.", single(lambda: workers.alive)),
        Gauge("sessions", "Open write sessions, those of calls included.", single(lambda: pfs.pins.sessions)),
    ]
