"""Keys, shapes and the cache on their own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.maps.cache import NodeCache
from trunkline.maps.keys import joined_ranges, prefix_end
from trunkline.maps.node import Leaf
from trunkline.maps.shape import STANDARD, Shape
from trunkline.testing.maps import keys, sample_entries, within


@settings(deadline=None)
@given(st.binary(max_size=4), st.binary(max_size=4))
def test_prefix_end(prefix: bytes, key: bytes) -> None:
    end = prefix_end(prefix)
    assert key.startswith(prefix) == within(key, (prefix, end))


@settings(deadline=None)
@given(st.lists(st.tuples(keys, st.none() | keys), max_size=6), st.lists(keys, max_size=20))
def test_joined_ranges_cover_the_same_keys(ranges: list[tuple[bytes, bytes | None]], probes: list[bytes]) -> None:
    joined = joined_ranges(ranges)
    for probe in [*probes, *(lo for lo, _ in ranges), *(hi for _, hi in ranges if hi is not None)]:
        assert any(within(probe, one) for one in joined) == any(within(probe, one) for one in ranges)
    for (_, hi), (lo, _) in pairwise(joined):
        assert hi is not None
        assert hi < lo


def test_nodes_end_about_as_often_as_the_shape_says() -> None:
    sample = [entry[0] for entry in sample_entries(200_000)]
    ends = STANDARD.leaf_ends(sample)
    assert 300 < len(ends) < 500
    assert all(STANDARD.ends(0, sample[end]) for end in ends)
    assert not any(STANDARD.ends(0, key) for key in sample[: ends[0]])


def test_levels_decide_independently() -> None:
    shape = Shape(leaf=2, inner=2, inline=0)
    sample = [entry[0] for entry in sample_entries(4000)]
    both = sum(shape.ends(0, key) and shape.ends(1, key) for key in sample)
    assert 850 < both < 1150


@pytest.mark.parametrize(("leaf", "inner"), [(1, 8), (8, 1)])
def test_a_shape_must_let_the_tree_narrow(leaf: int, inner: int) -> None:
    with pytest.raises(ValueError, match="narrow"):
        Shape(leaf, inner, 0)


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = NodeCache(100)
    node = Leaf([b"k"], [b""], [0], [b""])
    for name in (b"a", b"b"):
        cache.add(name, node, 40)
    assert cache.get(b"a") is node
    cache.add(b"c", node, 40)
    cache.add(b"c", node, 40)
    cache.add(b"huge", node, 101)
    assert [cache.get(name) is not None for name in (b"a", b"b", b"c", b"huge")] == [True, False, True, False]
    assert cache.used == 80
