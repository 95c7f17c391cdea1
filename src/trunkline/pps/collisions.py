"""Finds a path that would be a file and a directory at once, among files that were just put into a map.

Costs a few look-ups for each new file; or, if a good part of the map is new, one pass over all its keys. Which of
the two was chosen does not show in the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline.kernel import paths
from trunkline.maps import Maps, Root
from trunkline.maps.keys import prefix_end

LOOK_UPS = 8
"""What a new file's look-ups cost, in keys that a pass would read meanwhile."""


def first_collision(maps: Maps, root: Root, new: Iterator[bytes], count: int) -> str | None:
    """The first path, in order, that is a file and a directory in a map where only new files can cause that.

    Args:
        root: the map with the new files.
        new: their keys, sorted.
        count: how many they are at most.
    """
    if count * LOOK_UPS >= root.count:
        found = _collisions(entry[0] for entry in maps.range(root))
    else:
        found = _looked_up(maps, root, new)
    first = min(found, default=None)
    return None if first is None else first.decode()


def _collisions(keys: Iterable[bytes]) -> Iterator[bytes]:
    """Every key that is a directory of another one.

    The keys that begin the current one lie on a stack: between `/a` and `/a/b` others may come, such as `/a.txt`.
    """
    begun: list[bytes] = []
    for key in keys:
        while begun and not key.startswith(begun[-1]):
            begun.pop()
        for shorter in begun:
            if key[len(shorter)] == 0x2F:
                yield shorter
        begun.append(key)


def _looked_up(maps: Maps, root: Root, new: Iterator[bytes]) -> Iterator[bytes]:
    opened: list[str] = []
    for key in new:
        low = key + b"/"
        if next(maps.range(root, low, prefix_end(low)), None) is not None:
            yield key
        above = paths.ancestors(key.decode())[1:]
        known = sum(1 for ours, theirs in zip(above, opened, strict=False) if ours == theirs)
        opened = above
        for folder in above[known:]:
            bare = folder[:-1].encode()
            if maps.get(root, bare) is not None:
                yield bare
