"""What a map holds: entries, and the totals of a range of them."""

from __future__ import annotations

from operator import itemgetter
from typing import TypeAlias

import msgspec

Entry: TypeAlias = tuple[bytes, bytes, int, bytes]
"""(key, value, weight, aux): weights are at least 0 and add up; the aux is outside the identity."""

Change: TypeAlias = tuple[bytes, Entry | None]
"""(key, entry to put under it, or None to delete it)."""

Difference: TypeAlias = tuple[bytes, Entry | None, Entry | None]
"""(key, the old map's entry, the new map's entry); None where a map has no such key."""

entry_key = itemgetter(0)
entry_value = itemgetter(1)
entry_weight = itemgetter(2)
entry_aux = itemgetter(3)


class Totals(msgspec.Struct, frozen=True):
    """What a key range holds: the number of entries and the sum of their weights."""

    count: int
    weight: int
