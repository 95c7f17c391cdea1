"""Where errors of `obstore` become errors of the store.

The library's texts are pages long, with whole answers of the service in them; what leaves here is one line that
names the bucket, never a credential. Invariant: a reason that may pass (a timeout, a 503, a broken connection) is
`StorageFailed`, which is tried again; a lock that stays shut (rights, credentials, no such bucket) is `StorageDenied`.
"""

from __future__ import annotations

import re

from trunkline.kernel.errors import ObjectMissing, StorageDenied, StorageFailed, StorageFull, TrunklineError

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist", "container does not exist")
_STATUS = re.compile(r"status code: (\d{3})(?: ([A-Za-z ]+))?")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_TIMED_OUT = re.compile(r"kind: Timeout|TimedOut|timed out|deadline")
_QUERY = re.compile(r"\?\S+")
_FULL = frozenset({"QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull"})
_PASSING = frozenset({408, 409, 425, 429})
_LONGEST = 160


def bucket_error(error: Exception, action: str, what: str, where: str) -> TrunklineError:
    """The error to raise instead of the library's, for an action (`read`, `write`, …) on a thing in a bucket."""
    text = str(error)
    place = f"cannot {action} {what} in {where}"
    status, code = _status(text), _code(text)
    if any(each in text for each in _NO_BUCKET) or (action in ("write", "list") and status == 404):
        return StorageDenied(f"{place}: there is no such bucket; create it, or name another one")
    if isinstance(error, FileNotFoundError):
        return ObjectMissing(
            f"object {what} is missing from {where}: run pachctl fsck to see what needs it, then restore it from a copy"
        )
    if "169.254.169.254" in text or "metadata.google" in text or "Missing" in text.partition("\n")[0]:
        return StorageDenied(f"{place}: pachd has no credentials for it; give them in its environment")
    kind = type(error).__name__
    if status == 507 or code in _FULL:
        return StorageFull(f"{place}: {_reason(text)}; make room in the bucket, then try again")
    if kind in ("PermissionDeniedError", "UnauthenticatedError") or status in (401, 403):
        return StorageDenied(
            f"{place}: {_reason(text)}; check pachd's credentials, and that they may read, write, list and delete there"
        )
    if status is not None and 400 <= status < 500 and status not in _PASSING:
        return StorageDenied(f"{place}: {_reason(text)}; check the address of the bucket and its options")
    return StorageFailed(f"{place}: {_reason(text)}; check the network and the service, then try again")


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return None if found is None else int(found[1])


def _code(text: str) -> str:
    found = _CODE.search(text)
    return "" if found is None else found[1]


def _reason(text: str) -> str:
    """What the service said, in a few words."""
    found = _STATUS.search(text)
    if found is not None:
        code = _code(text)
        return f"it answered {found[1]}{' ' + found[2].strip() if found[2] else ''}" + (f" ({code})" if code else "")
    if _TIMED_OUT.search(text):
        return "it did not answer in time"
    if "error sending request" in text:
        return "no connection to it came about"
    line = text.partition("\n")[0].rpartition(" - ")[2]
    return _QUERY.sub("", line)[:_LONGEST].strip().rstrip(":") or "the library gives no reason"
