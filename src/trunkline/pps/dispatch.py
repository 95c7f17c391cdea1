"""Hands the datums of running jobs to the workers that ask for them, and takes their reports.

In memory and thread-safe; what must outlive a crash is written by the ticket's `record` before a report is answered.
Invariants: jobs take turns; a pipeline has at most `parallelism` workers at a time; a worker has one batch; a
report under a lease that is gone changes nothing. The machine below is `leases`; here are the lock and the clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from trunkline.kernel.clock import SECOND, Clock, Nanos
from trunkline.kernel.errors import Cancelled, Refused
from trunkline.kernel.ids import DatumId, new_id
from trunkline.maps import Entry
from trunkline.pps import batching, tickets
from trunkline.pps.batching import WINDOW
from trunkline.pps.leases import Lease, Leases
from trunkline.pps.outcomes import DatumReport
from trunkline.pps.refs import JobRef
from trunkline.pps.tickets import Batch, Ticket, Verdict, WorkDatum, WorkerStatus

PATIENCE = 0.5
"""Seconds that a wait for work goes on before leases are looked at again."""

_LOST = Verdict(lost=True)


class Running:
    """A job that hands out datums. Made by `Dispatcher.open`; the runner feeds it, and waits for its end."""

    def __init__(self, dispatcher: Dispatcher, ticket: Ticket) -> None:
        self.ticket = ticket
        self.leases = Leases(ticket.datum_tries)
        self.dropped = False
        """Whether the job was cancelled."""
        self._dispatcher = dispatcher

    def offer(self, entries: Sequence[Entry], timeout: float) -> bool:
        """Adds datums once there is room for them.

        False if there was none in `timeout` seconds, or the job is dropped.

        Raises:
            Cancelled: pachd is shutting down.
        """
        return self._dispatcher.feed(self, entries, timeout)

    def wait(self, timeout: float) -> int:
        """Waits up to `timeout` seconds until all that was offered is settled, or the job is dropped.

        Returns the number of datums that are not settled; 0 for a dropped job. Datums that killed too many
        workers are recorded as failed by this call.

        Raises:
            Cancelled: pachd is shutting down.
        """
        return self._dispatcher.settle(self, timeout)

    def rest(self, seconds: float) -> None:
        """Waits so long, or until the job is dropped.

        Raises:
            Cancelled: pachd is shutting down.
        """
        self._dispatcher.rest(self, seconds)

    def close(self) -> None:
        """Takes back what workers hold, and ends."""
        self._dispatcher.close(self)


class Dispatcher:
    """The jobs under way, and who works on them.

    Args:
        clock: for leases.
        lease_seconds: how long a worker may be silent.
        wake: called when there is a job more, so that workers come.
    """

    def __init__(self, clock: Clock, lease_seconds: float, wake: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._wake = wake
        self._lease_seconds = lease_seconds
        self._changed = threading.Condition()
        self._jobs: dict[int, Running] = {}
        """By job key, in the order in which they take turns."""
        self._batches: dict[str, Running] = {}
        self._begun: dict[str, Nanos] = {}
        """When each batch was handed out."""
        self._workers: dict[str, Nanos] = {}
        """When each worker was last heard of."""
        self._silent: set[str] = set()
        """Workers that were heard of once, and not for so long that they must be out of order."""
        self._stopping = False

    # -- the runner's side ----------------------------------------------------------------------------------

    def open(self, ticket: Ticket) -> Running:
        """Begins to hand out a job's datums, once they are offered."""
        with self._changed:
            assert ticket.job_key not in self._jobs, "one runner per job"
            running = self._jobs[ticket.job_key] = Running(self, ticket)
        self._wake()
        return running

    def feed(self, running: Running, entries: Sequence[Entry], timeout: float) -> bool:
        """See `Running.offer`."""
        with self._changed:
            room = self._wait(lambda: running.dropped or running.leases.waiting < WINDOW, timeout)
            if not room or running.dropped:
                return False
            running.leases.offer(entries)
            self._changed.notify_all()
            return True

    def settle(self, running: Running, timeout: float) -> int:
        """See `Running.wait`."""
        leases = running.leases

        def look() -> bool:
            return running.dropped or not leases.unsettled or bool(leases.doomed())

        with self._changed:
            self._wait(look, timeout)
            doomed = leases.doomed()
        if doomed:
            running.ticket.record([batching.died(one) for one in doomed])
        with self._changed:
            if not running.dropped:
                leases.recorded(doomed)
            return leases.unsettled

    def rest(self, running: Running, seconds: float) -> None:
        """See `Running.rest`."""
        with self._changed:
            self._wait(lambda: running.dropped, seconds)

    def close(self, running: Running) -> None:
        """See `Running.close`."""
        with self._changed:
            if self._jobs.get(running.ticket.job_key) is running:
                self.cancel_job(running.ticket.job_key)

    def cancel_job(self, job_key: int) -> None:
        """Drops a job: nothing more is handed out, and the leases of its batches are gone."""
        with self._changed:
            running = self._jobs.pop(job_key, None)
            if running is None:
                return
            running.dropped = True
            for batch in running.leases.by_batch:
                del self._batches[batch], self._begun[batch]
            running.leases.drop()
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends every wait; for shutdown."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    # -- the workers' side ----------------------------------------------------------------------------------

    def next_batch(self, worker: str, wait_seconds: float, alive: Callable[[], bool] = lambda: True) -> Batch | None:
        """Leases a batch to a worker, waiting for work up to so many seconds; None if there is none.

        A batch that the worker still had waits again: it would not ask if it worked on one.
        """
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            for batch in self._batches_of(worker):
                self._end(batch, Leases.give_back)
            while True:
                if self._stopping or not alive():
                    return None
                self._hear(worker)
                self._expire()
                leased = self._lease(worker)
                left = deadline - time.monotonic()
                if leased is not None or left <= 0:
                    break
                self._changed.wait(min(left, PATIENCE))
            if leased is None:
                return None
            running, lease = leased
            entries = list(lease.datums.values())
        datums = tuple(tickets.datum(entry, running.ticket.sources) for entry in entries)
        return Batch(lease.batch, running.ticket, datums, self._lease_seconds)

    def report(self, worker: str, batch: str, reports: Sequence[DatumReport], done: bool) -> Verdict:
        """Writes down what datums of a batch came to; with `done`, ends the lease.

        Raises:
            InvalidRequest: a report that makes no sense.
            StorageFull, StorageFailed: nothing was written; report again.
        """
        with self._changed:
            found = self._find(worker, batch)
            if found is None:
                return _LOST
            running, lease = found
            said = [batching.finding(lease, report) for report in reports]
            findings = [finding for finding in said if finding is not None]
            lease.busy += 1
        kept = False
        try:
            kept = not findings or running.ticket.record(findings)
        finally:
            with self._changed:
                lease.busy -= 1
                settled = [finding.key for finding in findings] if kept else []
                verdict = self._after(running, lease, settled, done=done and kept)
        return verdict if kept else _LOST

    def renew(self, worker: str, batch: str, datum: str = "", datum_started: Nanos | None = None) -> Verdict:
        """Keeps a lease alive, and notes which datum is under way (empty: none)."""
        with self._changed:
            found = self._find(worker, batch)
            if found is None:
                return _LOST
            running, lease = found
            lease.current, lease.since = batching.raw_id(datum) or None, datum_started
            return self._after(running, lease, [], done=False)

    def worker_gone(self, worker: str) -> None:
        """Notes that a worker died: what it had is handed to others at once."""
        with self._changed:
            self._workers.pop(worker, None)
            self._silent.discard(worker)
            for batch in self._batches_of(worker):
                self._end(batch, Leases.lose)

    def job_of(self, worker: str, batch: str) -> JobRef | None:
        """The job whose log a batch writes to that a worker holds; None if its lease is gone."""
        with self._changed:
            found = self._find(worker, batch)
            return None if found is None else found[0].ticket.log or found[0].ticket.ref

    # -- questions ------------------------------------------------------------------------------------------

    def restart_datum(self, job_key: int, filters: Collection[str]) -> list[DatumId]:
        """Has the workers begin again the datums under way of which every filter names an input.

        Args:
            filters: paths, or hashes in hex or base64.

        Raises:
            Refused: no datum under way matches.
        """
        with self._changed:
            running = self._jobs.get(job_key)
            found: list[DatumId] = []
            for lease in running.leases.by_batch.values() if running is not None else ():
                current = _under_way(running, lease)
                if current is not None and all(batching.matches(current, one) for one in filters):
                    lease.restart.add(bytes.fromhex(current.id))
                    found.append(current.id)
            if not found:
                job = job_key if running is None else running.ticket.ref.id
                raise Refused(f"datum matching filter [{' '.join(filters)}] could not be found for job ID {job}")
            return found

    def workers(self, job_key: int) -> list[WorkerStatus]:
        """What the workers of a job do now."""
        with self._changed:
            running = self._jobs.get(job_key)
            if running is None:
                return []
            return [
                WorkerStatus(lease.worker, running.ticket.ref, _under_way(running, lease), lease.since)
                for lease in running.leases.by_batch.values()
            ]

    def jobs(self) -> list[int]:
        """The keys of the jobs under way."""
        with self._changed:
            return list(self._jobs)

    def queue(self) -> tuple[int, int]:
        """Datums that wait for a worker, and datums in the hands of one."""
        with self._changed:
            waiting = sum(running.leases.waiting for running in self._jobs.values())
            return waiting, sum(running.leases.unsettled for running in self._jobs.values()) - waiting

    def busy_seconds(self) -> float | None:
        """For how long the oldest batch in a worker's hands has been there; None if there is no job under way."""
        with self._changed:
            if not self._jobs:
                return None
            now = self._clock.now()
            return (now - min(self._begun.values(), default=now)) / SECOND

    def wanted_workers(self) -> dict[int, int]:
        """By pipeline key: how many workers the running jobs could use now, those at work included."""
        with self._changed:
            wanted: dict[int, int] = {}
            for running in self._jobs.values():
                useful = len(running.leases.by_batch) + running.leases.waiting
                key = running.ticket.pipeline_key
                wanted[key] = min(running.ticket.parallelism, wanted.get(key, 0) + useful)
            return {key: count for key, count in wanted.items() if count}

    def silent_workers(self) -> frozenset[str]:
        """Workers that have not been heard of for two leases: frozen, or cut off."""
        with self._changed:
            return frozenset(self._silent)

    def problems(self) -> list[str]:
        """The invariants that are broken, in words."""
        with self._changed:
            found = [text for running in self._jobs.values() for text in running.leases.problems()]
            leased = {batch for running in self._jobs.values() for batch in running.leases.by_batch}
            return found if leased == set(self._batches) else [*found, "batches and leases differ"]

    # -- under the lock -------------------------------------------------------------------------------------

    def _wait(self, look: Callable[[], bool], timeout: float) -> bool:
        """Waits until `look` answers True; leases expire meanwhile."""
        deadline = time.monotonic() + timeout
        while not look():
            if self._stopping:
                raise Cancelled("pachd is shutting down: the job goes on when it runs again")
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(min(left, PATIENCE))
            self._expire()
        return True

    def _hear(self, worker: str) -> None:
        self._workers[worker] = self._clock.now()
        self._silent.discard(worker)

    def _find(self, worker: str, batch: str) -> tuple[Running, Lease] | None:
        """The lease that a worker speaks of, if it still has it."""
        self._hear(worker)
        self._expire()
        running = self._batches.get(batch)
        lease = None if running is None else running.leases.by_batch[batch]
        if running is None or lease is None or lease.worker != worker or lease.lost:
            return None
        return running, lease

    def _batches_of(self, worker: str) -> list[str]:
        return [name for name, running in self._batches.items() if running.leases.by_batch[name].worker == worker]

    def _expire(self) -> None:
        now = self._clock.now()
        for running in list(self._jobs.values()):
            for batch in running.leases.expired(now):
                self._end(batch, Leases.lose)
        silent = now - int(2 * self._lease_seconds * SECOND)
        for worker in [name for name, heard in self._workers.items() if heard < silent]:
            del self._workers[worker]
            self._silent.add(worker)

    def _end(self, batch: str, how: Callable[[Leases, str], None]) -> None:
        """Ends a lease; one whose reports are being written down ends after them."""
        running = self._batches[batch]
        lease = running.leases.by_batch[batch]
        if lease.busy:
            lease.lost = True
            return
        del self._batches[batch], self._begun[batch]
        how(running.leases, batch)
        self._changed.notify_all()

    def _lease(self, worker: str) -> tuple[Running, Lease] | None:
        """The next batch of the job whose turn it is."""
        for key, running in list(self._jobs.items()):
            leases, ticket = running.leases, running.ticket
            if not leases.waiting or self._active(ticket.pipeline_key) >= ticket.parallelism:
                continue
            helpers = min(ticket.parallelism, len(self._workers))
            one_run = ticket.transform.datum_batching
            largest = batching.LARGEST_OF_ONE_RUN if one_run else batching.LARGEST_BATCH
            size, size_bytes = batching.batch_size(leases.waiting, helpers, ticket.datum_set, largest)
            lease = leases.take(new_id(), worker, self._expiry(), size, size_bytes)
            assert lease is not None, "a datum waits"
            self._batches[lease.batch] = running
            self._begun[lease.batch] = self._clock.now()
            self._jobs[key] = self._jobs.pop(key)  # to the end: the others come first next time
            self._changed.notify_all()  # there is room for the feeder
            return running, lease
        return None

    def _active(self, pipeline: int) -> int:
        return sum(1 for running in self._batches.values() if running.ticket.pipeline_key == pipeline)

    def _expiry(self) -> Nanos:
        return Nanos(self._clock.now() + int(self._lease_seconds * SECOND))

    def _after(self, running: Running, lease: Lease, settled: Iterable[bytes], *, done: bool) -> Verdict:
        """Settles datums of a lease that was found before, unless it was lost since; prolongs it, or ends it."""
        if self._batches.get(lease.batch) is not running:
            return _LOST
        running.leases.settle(lease.batch, settled)
        self._changed.notify_all()
        if lease.lost and not lease.busy:
            self._end(lease.batch, Leases.lose)
        if lease.lost:
            return _LOST
        lease.expires = self._expiry()
        restart = tuple(DatumId(key.hex()) for key in lease.restart if key in lease.datums)
        lease.restart.clear()
        if done:
            self._end(lease.batch, Leases.give_back)
        return Verdict(restart=restart)


def _under_way(running: Running | None, lease: Lease) -> WorkDatum | None:
    key = lease.under_way
    if running is None or key is None:
        return None
    return tickets.datum(lease.datums[key], running.ticket.sources)
