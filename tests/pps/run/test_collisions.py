"""Finding paths that are files and directories, both ways of it against the obvious one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.maps import Maps
from trunkline.objects.memory import MemoryStore
from trunkline.pps import collisions

NAMES = ("a", "a.b", "a-", "b", "ab")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(lambda parts: ("/" + "/".join(parts)).encode())


def naive(paths: set[bytes]) -> str | None:
    found = [path for path in paths if any(other.startswith(path + b"/") for other in paths)]
    return min(found).decode() if found else None


@settings(max_examples=300, deadline=None)
@given(st.sets(PATHS), st.sets(PATHS, min_size=1))
def test_both_ways_find_the_first_one(old: set[bytes], new: set[bytes]) -> None:
    kept: set[bytes] = set()
    for path in sorted(old):
        if naive(kept | {path}) is None:
            kept.add(path)
    maps = Maps(MemoryStore())
    everything = kept | new
    root = maps.build((path, b"v" * 32, 1, b"") for path in sorted(everything))
    for look_ups in (0, 1_000_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(collisions, "LOOK_UPS", look_ups)
            found = collisions.first_collision(maps, root, iter(sorted(new)), len(new))
        assert found == naive(everything)
