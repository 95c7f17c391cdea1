"""Where errors of the operating system become errors of the store.

Invariant: no bare `OSError` leaves `trunkline.objects`; what leaves names the object, the reason, the remedy.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trunkline.kernel.errors import ObjectMissing, StorageFailed, StorageFull, TrunklineError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_REMEDIES = {
    errno.EACCES: "give this user access to the folder",
    errno.EPERM: "give this user access to the folder",
    errno.EROFS: "mount the file system for writing",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the machine's limit on open files",
    errno.EIO: "check the disk",
}


def storage_error(error: OSError, action: str, what: str, root: Path) -> TrunklineError:
    """The error to raise instead of the operating system's, for an action (`read`, `write`, …) on a thing."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _FULL:
        return StorageFull(f"cannot {action} {what} in the store at {root}: {reason}; free some space, then try again")
    remedy = _REMEDIES.get(error.errno or 0, "check the folder and its disk")
    return StorageFailed(f"cannot {action} {what} in the store at {root}: {reason}; {remedy}")


def missing(key: str, root: Path) -> ObjectMissing:
    """The error for an object that is not there."""
    return ObjectMissing(
        f"object {key} is missing from the store at {root}: run pachctl fsck to see what needs it, "
        "then restore the folder from a copy"
    )


@contextmanager
def storage_errors(action: str, what: str, root: Path) -> Iterator[None]:
    """Turns every `OSError` inside into `StorageFull` or `StorageFailed`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, action, what, root) from error
