"""What the file system does by itself, without a call: triggers fire, and file sets whose lease is over go.

Invariant: everything that is to be done stands in the catalog, so a crash at any moment delays it and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trunkline.kernel.clock import SECOND
from trunkline.kernel.errors import Cancelled, TrunklineError
from trunkline.pfs import filesets, firing
from trunkline.pfs.pfs import Pfs

IDLE_SECONDS = 1.0
"""How often to step when nothing happens: ticks come, and leases end, by the second."""


Duty = Callable[[Pfs], bool]


class Upkeep:
    """Does it step by step.

    Args:
        more: what rooms above have to do by the second.
    """

    def __init__(self, pfs: Pfs, more: Sequence[Duty] = ()) -> None:
        self._pfs, self._more = pfs, more
        self._done = -1  # the second of the clock for which everything is done

    def step(self) -> bool:
        """Does something; False if there is nothing to do now.

        Raises:
            TrunklineError: something could not be done, and is tried again with the next step; all else was.
        """
        second = self._pfs.clock.now() // SECOND
        duties: list[Duty] = [firing.check_next]
        if second != self._done:
            duties += [firing.tick, filesets.sweep, *self._more]
        busy, failure = False, None
        for duty in duties:
            try:
                busy |= duty(self._pfs)
            except Cancelled:
                raise
            except TrunklineError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        if not busy:
            self._done = second
        return busy
