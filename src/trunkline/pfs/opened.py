"""What open commits hold so far, remembered so that reading one again costs only what was written since.

Invariant: what is remembered is never trusted beyond what it was made of: the base and the layers, compared by value.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from trunkline.content.reader import ContentReader
from trunkline.maps import Maps, Root
from trunkline.pfs.fold import fold
from trunkline.pfs.layers import Layer

_REMEMBERED = 32
"""Open commits."""


class _View(msgspec.Struct, frozen=True):
    base: Root
    layers: tuple[Layer, ...]
    root: Root


class OpenViews:
    """Folds the layers of open commits. Thread-safe."""

    def __init__(self, maps: Maps, reader: ContentReader) -> None:
        self._maps, self._reader = maps, reader
        self._views: OrderedDict[int, _View] = OrderedDict()
        self._lock = threading.Lock()

    def content(self, commit: int, base: Root, layers: Sequence[Layer]) -> Root:
        """The content of an open commit, by its key, from its base and everything written to it."""
        with self._lock:
            known = self._views.get(commit)
        start = 0
        root = base
        if known is not None and known.base == base and known.layers == tuple(layers[: len(known.layers)]):
            start, root = len(known.layers), known.root
        if start < len(layers):
            root = fold(self._maps, self._reader, root, layers[start:]).root
        with self._lock:
            self._views[commit] = _View(base, tuple(layers), root)
            self._views.move_to_end(commit)
            while len(self._views) > _REMEMBERED:
                self._views.popitem(last=False)
        return root
