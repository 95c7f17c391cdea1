"""Times as texts: RFC 3339, as users write them and as ticks are named. Nothing here asks for the time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from trunkline.kernel.clock import SECOND, Nanos
from trunkline.kernel.errors import InvalidRequest

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def text(time: int) -> str:
    """A time in whole seconds, such as `2024-01-02T15:04:05Z`; later ones sort behind earlier ones."""
    return datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def parse(given: str) -> Nanos:
    """The time that a text names, in whole seconds.

    Raises:
        InvalidRequest: it names none.
    """
    try:
        if _RFC3339.fullmatch(given) is None:
            raise ValueError(given)
        return Nanos(int(datetime.fromisoformat(given.upper()).timestamp() // 1) * SECOND)
    except (ValueError, OverflowError):
        raise InvalidRequest(f'{given[:60]!r} is no time: write it as in "2024-01-02T15:04:05Z"') from None
