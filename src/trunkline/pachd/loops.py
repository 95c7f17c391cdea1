"""Background loops: a thread that does steps while there are any, then sleeps until something changes.

Invariants: a loop that only one pachd may run does its steps as the leader of the catalog, or none; an error of one
step is logged and the loop goes on, after a pause that grows while errors last; a loop ends only when it is told to.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from trunkline.catalog import Watch
from trunkline.kernel.errors import Cancelled, TrunklineError

log = logging.getLogger("trunkline.pachd")

_IDLE_SECONDS = 5.0
"""A loop looks again after this long even if nothing changed."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Loop:
    """Calls `step` until it answers False, then waits for the catalog to change, and so on.

    Args:
        idle: seconds after which to step again even if nothing changed.
        leading: a context that tells whether to step at all; `Catalog.leading` for what only one pachd may do.
    """

    def __init__(
        self,
        name: str,
        watch: Watch,
        step: Callable[[], bool],
        idle: float = _IDLE_SECONDS,
        leading: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),
    ) -> None:
        self._name, self._watch, self._step, self._idle, self._leading = name, watch, step, idle, leading
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the loop to end after its current step; `join` waits for that."""
        self._stopping.set()

    def join(self) -> None:
        """Waits until the thread has ended."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                seen = self._watch.version
                with self._leading() as leads:
                    while leads and not self._stopping.is_set() and self._step():
                        pass
                pause = _FIRST_PAUSE
                self._watch.wait(seen, self._idle)
            except Cancelled:
                return
            except Exception as error:
                known = isinstance(error, TrunklineError)
                log.error("loop step failed", extra={"loop": self._name, "error": str(error)}, exc_info=not known)
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
