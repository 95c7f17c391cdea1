"""The output of a job copied out of its repo, before the job is a success: what a spec may ask for, and the sending.

Invariants: what is sent is the whole output, and it is sent again as a whole after any interruption, so that the
destination ends up the same however often it was begun; what time may mend is tried again for as long as the job is
wanted, with the trouble to be seen as the job's reason; what it will not mend ends the job with that reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from trunkline.catalog import Catalog
from trunkline.kernel.errors import (
    Busy,
    Cancelled,
    Conflict,
    Corrupt,
    FailedPrecondition,
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
from trunkline.pfs.sql import load
from trunkline.pfs.sql.load import Target
from trunkline.pps import counted, secrets
from trunkline.pps.spec import Egress, SecretMount, SqlDatabaseEgress, SqlFileFormat
from trunkline.pps.vault import Vault

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next try; twice as long each time."""

LOOK = 1.0
"""Seconds between two looks, while files are sent, at whether the job is still wanted."""

Password = Callable[[str, str], str]
"""The value of a key of a secret, by the secret's name and the key."""

_PASSING = (StorageFailed, StorageFull, Unreachable, Busy, Conflict, NotReady, secrets.SecretMissing)
"""What time may mend. A secret that is not there may be about to be created anew, which is how one is changed."""


class EgressFailed(Exception):
    """The output cannot be sent, and trying again will not change that; the text is the reason."""


def check(egress: Egress) -> None:
    """Refuses a destination that cannot be.

    Raises:
        InvalidRequest, Refused: the message names the field and the rule.
        NotBuilt: a kind of database that Trunkline does not write to.
    """
    given = [name for name, value in _targets(egress) if value]
    if len(given) != 1:
        told = f"it has {' and '.join(given)}" if given else "it has none"
        raise Refused(f"egress needs one destination, and {told}: give URL, objectStorage or sqlDatabase")
    try:
        if egress.sql_database is not None:
            _check_database(egress.sql_database)
            return
        place = location.parse(_bucket_of(egress))
        if "endpoint" in place.options:
            raise InvalidRequest(f"{place} has an endpoint: only pachd's settings say which endpoint is used")
    except (InvalidRequest, Refused, NotBuilt) as error:
        raise type(error)(f"egress: {error.message}") from None


def _check_database(given: SqlDatabaseEgress) -> None:
    where = load.check(_target(given))
    if given.secret is None:
        if where.has_password:
            raise Refused("egress.sql_database.secret is required: name the secret that holds the password")
    elif not given.secret.name or not given.secret.key:
        raise Refused("egress.sql_database.secret.name and egress.sql_database.secret.key are required")


def mounts(egress: Egress | None) -> list[SecretMount]:
    """The secrets that a destination names."""
    database = None if egress is None else egress.sql_database
    if database is None or database.secret is None:
        return []
    return [SecretMount(name=database.secret.name, key=database.secret.key)]


def password(catalog: Catalog, vault: Vault, name: str, key: str) -> str:
    """What a secret holds, now.

    Raises:
        FailedPrecondition: it is not there, cannot be opened here, or is no text.
        StorageFailed: see `Vault.open`.
    """
    with catalog.read() as tx:
        value = secrets.value(tx, vault, name, key)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise FailedPrecondition(f'secret "{name}" key "{key}" is no text: store the password as UTF-8') from None
    if not text or "\0" in text:  # an empty one would stand for pachd's own
        raise FailedPrecondition(f'secret "{name}" key "{key}" is empty or has a NUL character: store the password')
    return text


def _target(given: SqlDatabaseEgress) -> Target:
    format = given.file_format or SqlFileFormat()
    return Target(given.url, format.type.value, format.columns)


def _bucket_of(egress: Egress) -> str:
    """The address of the object store that output goes to."""
    return egress.url or (egress.object_storage.url if egress.object_storage else "")


def send(
    pfs: Pfs,
    egress: Egress,
    output: Root,
    password: Password,
    wanted: Callable[[], None],
    note: Callable[[str], None],
) -> None:
    """Returns when all of the output is there.

    Args:
        output: what the job's output commit will hold.
        password: asked with each attempt, so that a secret may be mended meanwhile.
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
            _send_once(pfs, egress, output, password, guard)
            counted.EGRESS.add(1, "sent")
            return
        except (Cancelled, Corrupt):
            raise
        except TrunklineError as error:
            counted.EGRESS.add(1, "failed")
            reason = f"egress to {_shown(egress)} failed: {error.message}"
            if isinstance(error, StorageDenied) or not isinstance(error, _PASSING):
                raise EgressFailed(reason) from error
        if reason != told:
            note(f"{reason}; it is tried again")
            told = reason
        guard.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _targets(egress: Egress) -> tuple[tuple[str, object], ...]:
    return (("URL", egress.url), ("objectStorage", egress.object_storage), ("sqlDatabase", egress.sql_database))


def _shown(egress: Egress) -> str:
    """The destination as messages name it: without options."""
    database = egress.sql_database
    return (database.url if database is not None else _bucket_of(egress)).partition("?")[0]


def _send_once(pfs: Pfs, egress: Egress, output: Root, password: Password, guard: _Guard) -> None:
    view = View(pfs.maps, pfs.reader, output)
    database = egress.sql_database
    if database is None:
        destinations.write(pfs.urls, _bucket_of(egress), view, view.walk("/"), guard.alive)
        return
    secret = database.secret
    known = "" if secret is None else password(secret.name, secret.key)
    load.load(pfs.urls, _target(database), known, view, view.walk("/"), guard.alive)


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
