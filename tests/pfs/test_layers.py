"""Layers of any operations: one does what several do, and a file set does what its stream does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pfs.house import House, add, commit_ref, gone
from tests.pfs.test_filesets import added, always, made

from trunkline.maps import EMPTY
from trunkline.pfs import filesets, layers, modify
from trunkline.pfs.fold import fold
from trunkline.pfs.layers import Layer

CATALOGS = ("sqlite",)  # it makes a world for each example, and what layers do is the same on every catalog

PATHS = ("/a", "/b", "/d/a", "/d/b", "/d/e/a")
OPERATIONS = st.one_of(
    st.builds(add, st.sampled_from(PATHS), st.sampled_from(["1", "22", ""])),
    st.builds(gone, st.sampled_from((*PATHS, "/d/", "/d/e/", "/"))),
    st.builds(gone, st.sampled_from(("/d/", "/d/e/", "/")), st.sampled_from(("default", "other"))),
)
STREAMS = st.lists(OPERATIONS, max_size=5)


@settings(deadline=None, max_examples=40)
@given(base=STREAMS, streams=st.lists(STREAMS, max_size=4), whole=st.booleans())
def test_one_layer_does_what_several_do(
    tmp_path_factory: pytest.TempPathFactory, base: list[modify.Operation], streams: list[list[modify.Operation]],
    whole: bool,
) -> None:  # fmt: skip
    house = House(tmp_path_factory.mktemp("house"))
    maps, reader = house.pfs.maps, house.pfs.reader
    below = fold(maps, reader, EMPTY, modify.layers_of(house.pfs, base, always)).root
    written = [layer for stream in streams for layer in modify.layers_of(house.pfs, stream, always)]
    if whole and below.count:
        written.insert(0, Layer((), below, whole=True))
    one = layers.compacted(maps, written)
    assert len(one) <= max(1, len(written))
    for start in (EMPTY, below):
        assert fold(maps, reader, start, one).root.digest == fold(maps, reader, start, written).root.digest
    house.close()


@settings(deadline=None, max_examples=40)
@given(base=STREAMS, streams=st.lists(STREAMS, min_size=1, max_size=3), compact=st.booleans())
def test_a_file_set_does_what_its_stream_does(
    tmp_path_factory: pytest.TempPathFactory,
    base: list[modify.Operation],
    streams: list[list[modify.Operation]],
    compact: bool,
) -> None:
    """And what a commit changed, added to what was there before, gives the commit."""
    house = House(tmp_path_factory.mktemp("house"))
    house.repo("data")
    house.start("data")
    house.write("data", *base)
    house.finish("data")
    house.settle()
    for branch in ("written", "added", "changed"):
        house.branch(f"data@{branch}", head="data@master")
        house.start(f"data@{branch}")
    for stream in streams:
        house.write("data@written", *stream)
    names = [made(house, *stream) for stream in streams]
    added(house, "data@added", filesets.compose(house.pfs, names, 60, compact=compact))
    assert house.files("data@added") == house.files("data@written")
    house.finish("data@written")
    house.settle()
    added(house, "data@changed", filesets.diff(house.pfs, commit_ref("data@written"), always))
    assert house.files("data@changed") == house.files("data@written")
    assert house.problems() == []
    house.close()
