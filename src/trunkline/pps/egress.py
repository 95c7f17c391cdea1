"""The output of a job copied out of its repo, before the job is a success: what a spec may ask for, and the sending.

Invariants: what is sent is the whole output, and it is sent again as a whole after any interruption, so that the
destination ends up the same however often it was begun; what time may mend is tried again for as long as the job is
wanted, with the trouble to be seen as the job's reason; what it will not mend ends the job with that reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from trunkline.kernel.errors import (
    Busy,
    Cancelled,
    Conflict,
    Corrupt,
    InvalidRequest,
    NotBuilt,
    NotReady,
    Refused,
    StorageDenied,
    StorageFailed,
    StorageFull,
    TrunklineError,
    Unreachable,
)
from trunkline.maps import Root
from trunkline.objects import location
from trunkline.pfs import destinations
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pps.spec import Egress

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next try; twice as long each time."""

LOOK = 1.0
"""Seconds between two looks, while files are sent, at whether the job is still wanted."""

_PASSING = (StorageFailed, StorageFull, Unreachable, Busy, Conflict, NotReady)


class EgressFailed(Exception):
    """The output cannot be sent, and trying again will not change that; the text is the reason."""


def check(egress: Egress) -> None:
    """Refuses a destination that cannot be.

    Raises:
        InvalidRequest, Refused: the message names the field and the rule.
        NotBuilt: a database.
    """
    if egress.sql_database is not None:
        raise NotBuilt(
            "egress.sqlDatabase is set, but this release of Trunkline does not write to databases yet: write the rows "
            "from user code, or name a bucket as URL"
        )
    given = [name for name, value in _targets(egress) if value]
    if len(given) != 1:
        told = f"it has {' and '.join(given)}" if given else "it has none"
        raise Refused(f"egress needs one destination, and {told}: give URL, or objectStorage with a url")
    try:
        place = location.parse(url_of(egress))
    except InvalidRequest as error:
        raise InvalidRequest(f"egress: {error.message}") from None
    if "endpoint" in place.options:
        raise InvalidRequest(f"egress: {place} has an endpoint: only pachd's settings say which endpoint is used")


def url_of(egress: Egress) -> str:
    """The address of the object store that output goes to."""
    return egress.url or (egress.object_storage.url if egress.object_storage else "")


def send(pfs: Pfs, egress: Egress, output: Root, wanted: Callable[[], None], note: Callable[[str], None]) -> None:
    """Returns when all of the output is there.

    Args:
        output: what the job's output commit will hold.
        wanted: raises if the job is not wanted any more; what it raises comes out of here.
        note: told why nothing arrived so far, each time that this changes.

    Raises:
        EgressFailed: see there.
        Corrupt: the output cannot be read.
        Cancelled: pachd is shutting down.
    """
    guard = _Guard(pfs, wanted)
    pause, told = FIRST_PAUSE, ""
    while True:
        try:
            _send_once(pfs, egress, output, guard)
            return
        except (Cancelled, Corrupt):
            raise
        except TrunklineError as error:
            reason = f"egress to {url_of(egress).partition('?')[0]} failed: {error.message}"
            if isinstance(error, StorageDenied) or not isinstance(error, _PASSING):
                raise EgressFailed(reason) from error
        if reason != told:
            note(f"{reason}; it is tried again")
            told = reason
        guard.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _targets(egress: Egress) -> tuple[tuple[str, object], ...]:
    return (("URL", egress.url), ("objectStorage", egress.object_storage))


def _send_once(pfs: Pfs, egress: Egress, output: Root, guard: _Guard) -> None:
    view = View(pfs.maps, pfs.reader, output)
    destinations.write(pfs.urls, url_of(egress), view, view.walk("/"), guard.alive)


class _Guard:
    """Looks now and then at whether the job is wanted and pachd goes on; thread-safe."""

    def __init__(self, pfs: Pfs, wanted: Callable[[], None]) -> None:
        self._watch, self._wanted = pfs.catalog.watch, wanted
        self._next = 0.0

    def alive(self) -> bool:
        """True, or it raises."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK
            self._watch.wait(-1, 0)
            self._wanted()
        return True

    def wait(self, seconds: float) -> None:
        """Waits for so long, or raises as soon as the job is not wanted."""
        self._watch.until(self._wanted, timeout=seconds)
