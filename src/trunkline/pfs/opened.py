"""What open commits and file sets hold, remembered so that reading one again costs only what was written since.

Invariants: what is remembered is never trusted beyond what it was made of: the base and the layers, compared by value.
No row names it; so a collection of garbage has it forgotten first, and who takes it holds it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from trunkline.content.reader import ContentReader
from trunkline.maps import Maps, Root
from trunkline.objects.pins import Pins
from trunkline.pfs import holding
from trunkline.pfs.fold import fold
from trunkline.pfs.layers import Layer

_REMEMBERED = 32
"""Open commits and file sets."""


class _View(msgspec.Struct, frozen=True):
    base: Root
    layers: tuple[Layer, ...]
    root: Root


class OpenViews:
    """Folds the layers of open commits and file sets. Thread-safe."""

    def __init__(self, maps: Maps, reader: ContentReader, pins: Pins) -> None:
        self._maps, self._reader, self._pins = maps, reader, pins
        self._views: OrderedDict[int | str, _View] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Forgets everything; the next readers work it out anew."""
        with self._lock:
            self._views.clear()

    def content(self, name: int | str, base: Root, layers: Sequence[Layer]) -> Root:
        """The content of an open commit (by its key) or a file set (by its id), from its base and its layers."""
        with self._lock:
            known = self._views.get(name)
            if known is not None:
                self._pins.hold(holding.root(holding.FILES, known.root))
        start = 0
        root = base
        if known is not None and known.base == base and known.layers == tuple(layers[: len(known.layers)]):
            start, root = len(known.layers), known.root
        if start < len(layers):
            root = fold(self._maps, self._reader, root, layers[start:]).root
        with self._lock:
            self._views[name] = _View(base, tuple(layers), root)
            self._views.move_to_end(name)
            while len(self._views) > _REMEMBERED:
                self._views.popitem(last=False)
        return root
