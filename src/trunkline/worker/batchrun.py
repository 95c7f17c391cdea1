"""One batch, from the moment it was handed out until it is given back, or lost."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import TrunklineError
from trunkline.worker.client import Client
from trunkline.worker.datum import DatumRun
from trunkline.worker.desk import Bench, Desk
from trunkline.worker.lease import Lease, Lost, Restart
from trunkline.worker.logs import BatchLog
from trunkline.worker.model import Batch, Datum, Outcome, State, Statistics, Verdict
from trunkline.worker.reporter import Draft, Reporter
from trunkline.worker.standing import StandingRun


class BatchRun:
    """Works on the datums of a batch, one after the other."""

    def __init__(self, client: Client, bench: Bench, batch: Batch, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._bench = bench
        self._batch = batch
        self._lease = Lease(lambda datum, started: client.renew(batch.id, datum, started), batch.lease, clock)
        self._log = BatchLog(lambda lines: client.log(batch.id, lines), clock, self._lease.fail)
        self._reporter = Reporter(bench.store, self._report, self._lease.fail)
        self._desk = Desk(bench, batch, self._log, self._lease, self._reporter)

    def run(self) -> None:
        """Works on the batch to its end.

        Raises:
            PachdGone: pachd is gone.
        """
        self._bench.now.take_up(self._batch, self._restart)
        try:
            with self._lease:
                for datum in self._batch.datums:
                    self._reporter.add(self._work_on(datum))
                    self._lease.check()
                self._reporter.finish()
                self._lease.check()
        except Lost:
            pass  # another worker has it
        finally:
            self._bench.now.put_down()
            self._reporter.drop()
            self._log.close()
            self._bench.stager.clear(keep_scratch=self._bench.has_program)

    def _work_on(self, datum: Datum) -> Draft:
        while True:
            self._lease.begin(datum.id)
            self._bench.now.begin(datum, self._clock.now())
            try:
                draft = self._try(datum)
                self._lease.finish()
            except Restart:
                self._log.note("restarted", datum.id)
            else:
                return draft

    def _try(self, datum: Datum) -> Draft:
        try:
            kind = StandingRun if self._batch.standing else DatumRun
            return kind(self._desk, datum).run()
        except (Lost, Restart, TrunklineError):
            raise
        except Exception as error:
            # A fault of the worker's own: it must cost one datum, not every worker that is handed the batch.
            traceback.print_exc()
            reason = f"the worker failed, which is a fault in trunkline: {type(error).__name__}: {error}"
            return Draft(id=datum.id, state=State.FAILED, reason=reason, statistics=Statistics(tries=1))

    def _restart(self, datum: str) -> None:
        self._lease.obey(Verdict(restart=(datum,)))

    def _report(self, outcomes: Sequence[Outcome], done: bool) -> None:
        self._log.settle()
        self._lease.obey(self._client.report(self._batch.id, outcomes, done=done))
