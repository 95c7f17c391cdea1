"""What the file system does by itself, without a call: triggers fire, and file sets whose lease is over go.

Invariant: everything that is to be done stands in the catalog, so a crash at any moment delays it and loses nothing.
"""

from __future__ import annotations

from trunkline.kernel.clock import SECOND
from trunkline.pfs import filesets, firing
from trunkline.pfs.pfs import Pfs

IDLE_SECONDS = 1.0
"""How often to step when nothing happens: ticks come, and leases end, by the second."""


class Upkeep:
    """Does it step by step."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._done = -1  # the second of the clock for which everything is done

    def step(self) -> bool:
        """Does one thing; False if there is nothing to do now."""
        if firing.check_next(self._pfs):
            return True
        second = self._pfs.clock.now() // SECOND
        if second == self._done:
            return False
        if firing.tick(self._pfs) or filesets.sweep(self._pfs):
            return True
        self._done = second
        return False
