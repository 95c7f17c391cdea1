"""Layers that are maps of files, laid over a map at the price of what differs.

A map of files can be merged into another one, where what both have is skipped unread. That gives what going
through it path by path would give in two cases: its files replace what is there; or nothing is there in its
range of paths. Other layers are left to `trunkline.pfs.fold`.
"""

from __future__ import annotations

from trunkline.content.entry import MapEntry, from_entry
from trunkline.kernel import paths
from trunkline.maps import Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs.layers import Layer


class Overlay:
    """One layer of files over one map.

    Attributes:
        problem: what makes the commit an errored one, in words; known when `root` was called.
    """

    def __init__(self, maps: Maps, below: Root, layer: Layer) -> None:
        self._maps, self._below, self._layer = maps, below, layer
        self.problem = ""

    def root(self, removals: list[tuple[bytes, bytes | None]]) -> Root | None:
        """The map with the layer; None if this is not one of the two cases.

        Args:
            removals: the ranges that the layer drops first.
        """
        if not self._layer.whole:
            return None
        below = self._maps.edit(self._below, (), removals) if removals else self._below
        if not self._layer.replaces and _overlap(self._maps, below, self._layer.delta):
            return None
        # The layer first: of equal files its places are taken. Those below may be lost, and this put heals them.
        return self._maps.merge(self._layer.delta, below, self._replaced)

    def _replaced(self, new: MapEntry, old: MapEntry) -> MapEntry:
        was, now = from_entry(old).tag, from_entry(new).tag
        if was != now and not self.problem:
            path = new[0].decode()
            self.problem = f"duplicate path output by different datums ({path} from {was} and {now})"
        return new


def collision(maps: Maps, before: Root, after: Root) -> str:
    """The first path that is new in `after` and a file where a directory is, or below a file; empty for none.

    Costs what differs between the two.
    """
    folders: dict[str, bool] = {}
    below = maps.near(after)
    beside: bool | None = None
    for key, old, new in maps.diff(before, after):
        if old is not None or new is None:
            continue
        path = key.decode()
        above = path.rpartition("/")[0]
        if above not in folders:
            found = _file_above(maps, after, path, folders)
            if found:
                return f"file / directory path collision ({found})"
        if beside is None:
            beside = before.count > 0 and _overlap(maps, before, after, key)
        if beside and below.any_under(key + b"/"):
            return f"file / directory path collision ({path})"
    return ""


def _file_above(maps: Maps, after: Root, path: str, folders: dict[str, bool]) -> str:
    """A file that stands where a directory above the path is; empty for none, which is noted in `folders`."""
    for folder in paths.ancestors(path)[1:]:
        bare = folder[:-1]
        if bare not in folders:
            if maps.get(after, bare.encode()) is not None:
                return bare
            folders[bare] = True
    return ""


def _overlap(maps: Maps, below: Root, delta: Root, low: bytes | None = None) -> bool:
    """Whether a map has entries in the range of another one's paths and what may lie below them."""
    if not below.count or not delta.count:
        return False
    first = low if low is not None else next(maps.range(delta))[0]
    last = next(maps.range(delta, reverse=True))[0]
    return maps.totals(below, first, prefix_end(last + b"/")).count > 0
