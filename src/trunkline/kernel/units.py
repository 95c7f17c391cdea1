"""How sizes, ages and durations are read and written for people; the words of the original.

Sizes are base 1024 with four significant digits (`4.586KiB`); ages are the human durations of `docker ps`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from trunkline.kernel.errors import InvalidRequest

_QUANTITY = re.compile(r"\+?([0-9]{0,30}(?:\.[0-9]{0,30})?)(?:([numkMGTPE])|([KMGTPE])i|[eE]([+-]?[0-9]{1,2}))?")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_DECIMAL = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([kKmMgGtTpP])?[iI]?[bB]?")


def size(count: int) -> str:
    """A number of bytes: `0B`, `1023B`, `1.5KiB`, `41.28KiB`."""
    value = float(count)
    unit = 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{value:.4g}{_UNITS[unit]}"


def duration(seconds: float) -> str:
    """A length of time: `Less than a second`, `3 seconds`, `About a minute`, `5 hours`, `2 weeks`."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    return _long_duration(hours)


def _long_duration(hours: int) -> str:
    days = hours // 24
    if hours < 48:
        return f"{hours} hours"
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    if days < 730:
        return f"{days // 30} months"
    return f"{days // 365} years"


def quantity(text: str) -> int:
    """The bytes of a quantity as clusters write it: `64M` is 64,000,000, `1Gi` is 2**30; parts of a byte count as one.

    Raises:
        InvalidRequest: it is none.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or not match[1].strip("."):
        raise InvalidRequest(f'invalid quantity "{text[:60]}": give one such as "64M" or "1Gi"')
    factor = Decimal(1)
    if match[2]:
        factor = Decimal(10) ** (3 * ("num kMGTPE".index(match[2]) - 3))
    elif match[3]:
        factor = Decimal(1024 ** (" KMGTPE".index(match[3])))
    elif match[4]:
        factor = Decimal(10) ** int(match[4])
    return min(math.ceil(Decimal(match[1]) * factor), 2**62)


def decimal_size(text: str) -> int:
    """The bytes that somebody means by `100`, `10MB`, `1.5 g`: units are powers of 1000, with or without an `i`.

    Raises:
        InvalidRequest: it is no size.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"invalid size: {text[:60]!r}: give one such as 100, 10MB or 1.5GB")
    return int(Decimal(match[1]) * 1000 ** " KMGTP".index((match[2] or " ").upper()))
