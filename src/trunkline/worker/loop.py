"""The worker's loop: ask for a batch, work on it, ask again; until pachd is gone."""

from __future__ import annotations

from typing import NoReturn

from trunkline.kernel.clock import Clock
from trunkline.worker.batchrun import BatchRun
from trunkline.worker.client import Client
from trunkline.worker.desk import Bench

WAIT_SECONDS = 30.0
"""How long one call may wait for work."""

KEPT_SECONDS = 1.0
"""How long user code that works on many datums is kept while there is none: its job may have more in a moment."""


class Loop:
    """What one worker process does."""

    def __init__(self, client: Client, bench: Bench, clock: Clock) -> None:
        self._client = client
        self._bench = bench
        self._clock = clock

    def run(self) -> NoReturn:
        """Works for ever.

        Raises:
            PachdGone: pachd is gone, which is how it ends.
        """
        while True:
            batch = self._client.next_batch(KEPT_SECONDS if self._bench.has_program else WAIT_SECONDS)
            if batch is not None:
                BatchRun(self._client, self._bench, batch, self._clock).run()
            else:
                self._bench.end_program()
