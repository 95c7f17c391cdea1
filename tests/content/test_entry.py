"""A file as a map entry: there and back, and what is refused."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.content.entry import FileEntry, Slice, from_entry, to_entry
from trunkline.kernel.errors import Corrupt
from trunkline.testing.content import noise

hashes = st.binary(min_size=32, max_size=32)
slices = st.lists(st.builds(Slice, hashes, st.integers(0, 2**23), st.integers(1, 2**23)), max_size=5).map(tuple)


@given(hashes, slices, st.text(max_size=20), st.binary(max_size=20))
def test_there_and_back(digest, parts, tag, key):
    file = FileEntry(sum(each.length for each in parts), digest, parts, tag)
    entry = to_entry(key, file)
    assert entry[:3] == (key, digest, file.size)
    assert from_entry(entry) == file


def test_where_bytes_lie_and_who_wrote_them_is_no_part_of_key_value_or_weight():
    digest, one, other = noise("file", 32), noise("one", 32), noise("other", 32)
    first = to_entry(b"/a", FileEntry(5, digest, (Slice(one, 0, 5),), "datum 1"))
    second = to_entry(b"/a", FileEntry(5, digest, (Slice(other, 9, 2), Slice(other, 0, 3)), "datum 2"))
    assert first[:3] == second[:3]


def test_the_bytes_of_an_entry_do_not_change_between_versions():
    file = FileEntry(5, bytes(32), (Slice(bytes(range(32)), 7, 5),), "t")
    assert to_entry(b"/a", file)[3].hex() == "92a1749193c420" + bytes(range(32)).hex() + "0705"


@pytest.mark.parametrize(
    ("value", "weight", "aux"),
    [
        (bytes(32), 5, b""),
        (bytes(32), 5, b"\xc1"),
        (bytes(32), 5, msgspec.msgpack.encode(["tag"])),
        (bytes(32), 5, msgspec.msgpack.encode(["tag", [[bytes(32), 0, "5"]]])),
        (bytes(32), 6, msgspec.msgpack.encode(["tag", [[bytes(32), 0, 5]]])),
        (bytes(31), 5, msgspec.msgpack.encode(["tag", [[bytes(32), 0, 5]]])),
    ],
)
def test_what_is_no_file_is_refused_by_name(value, weight, aux):
    with pytest.raises(Corrupt, match="/some/file"):
        from_entry((b"/some/file", value, weight, aux))
