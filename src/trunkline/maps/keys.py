"""Arithmetic of byte-string keys: where a prefix ends, and which keys a list of ranges covers.

Keys are ordered as bytes are. Every range of the map is `[lo, hi)`, with `None` for "no upper end".
"""

from __future__ import annotations

from collections.abc import Iterable


def prefix_end(prefix: bytes) -> bytes | None:
    """The smallest key after all keys with `prefix`; None when no key can come after them."""
    stem = prefix.rstrip(b"\xff")
    if not stem:
        return None
    return stem[:-1] + bytes([stem[-1] + 1])


def joined_ranges(ranges: Iterable[tuple[bytes, bytes | None]]) -> list[tuple[bytes, bytes | None]]:
    """The same keys as `ranges` covers, as sorted ranges that are neither empty nor overlapping."""
    joined: list[tuple[bytes, bytes | None]] = []
    for lo, hi in sorted(ranges, key=lambda r: r[0]):
        if hi is not None and hi <= lo:
            continue
        if joined and (joined[-1][1] is None or lo <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or hi is None else max(last, hi))
        else:
            joined.append((lo, hi))
    return joined
