"""What this worker does at this moment, for those who ask it: user code, by the worker's own service."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Collection

import msgspec

from trunkline.worker.model import Batch, Datum, Input


class Doing(msgspec.Struct, frozen=True):
    """A datum under way, and when it began in nanoseconds since the epoch; none between datums."""

    job: str = ""
    datum: Datum | None = None
    started: int = 0


class Now:
    """Written by the thread that works, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doing = Doing()
        self._restart: Callable[[str], None] = lambda _: None

    @property
    def doing(self) -> Doing:
        """What is done now."""
        with self._lock:
            return self._doing

    def take_up(self, batch: Batch, restart: Callable[[str], None]) -> None:
        """A batch is worked on from now on.

        Args:
            restart: has the datum with this id begin again, if it is still under way.
        """
        with self._lock:
            self._doing, self._restart = Doing(batch.job), restart

    def begin(self, datum: Datum, started: int) -> None:
        """A datum of that batch is under way."""
        with self._lock:
            self._doing = msgspec.structs.replace(self._doing, datum=datum, started=started)

    def put_down(self) -> None:
        """Nothing is done any more."""
        with self._lock:
            self._doing, self._restart = Doing(), lambda _: None

    def cancel(self, job: str, filters: Collection[str]) -> bool:
        """Has the datum under way begin again, if it is of that job and every filter names one of its inputs."""
        with self._lock:
            datum, restart = self._doing.datum, self._restart
            if datum is None or job != self._doing.job or not all(_named(datum.inputs, one) for one in filters):
                return False
        restart(datum.id)
        return True


def _named(inputs: Collection[Input], wanted: str) -> bool:
    """Whether a filter is the path of one of the inputs, or its hash in hex or base64."""
    return any(wanted in (one.path, one.hash.hex(), b64encode(one.hash).decode()) for one in inputs)
