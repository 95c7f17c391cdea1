"""The sorted Merkle map: immutable, ordered, content-addressed; the one structure under files, datums and
indexes.

The same entries give the same root digest whatever the history that led there, so equality is one
comparison and every operation costs what changed, times a logarithm of what is there.
`design/0001-merkle-map.md` has the reasons, `docs/format.md` the bytes. What keys and values mean is left
to the callers.
"""

from __future__ import annotations

from trunkline.maps.entry import Entry, Totals
from trunkline.maps.maps import Maps
from trunkline.maps.root import EMPTY, Root

__all__ = ["EMPTY", "Entry", "Maps", "Root", "Totals"]
