"""Messages put together by hand are those that the library would make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.api import convert
from trunkline.api.fileinfos import FileInfos, varint
from trunkline.content.entry import FileEntry, Slice, to_entry
from trunkline.kernel.ids import SetId
from trunkline.pfs.refs import RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.tree import Node
from trunkline.wire import pfs_pb2

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300)
sizes = st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 2**31, 2**40]) | st.integers(0, 2**62)
hashes = st.sampled_from([bytes(32), b"h" * 32])


def message(repo: str = "data") -> pfs_pb2.Commit:
    where = {"repo_key": 1, "parent": None, "origin": "USER", "description": "", "error": "", "root": None}
    times = {"started": 1, "finishing": None, "finished": None}
    return convert.commit_message(
        Commit(key=1, repo=RepoRef(repo), id=SetId("0" * 32), branch="", **where, **times)  # type: ignore[arg-type]
    )


def file(path: str, size: int, digest: bytes, tag: str) -> Node:
    slices = (Slice(bytes(32), 0, size),) if size else ()
    return Node(path, False, size, digest, to_entry(path.encode(), FileEntry(size, digest, slices, tag))[3])


@given(names, names, sizes, hashes, st.text(st.characters(exclude_categories=("Cs",)), max_size=200), st.booleans())
def test_the_bytes_are_those_of_the_library(
    repo: str, path: str, size: int, digest: bytes, tag: str, is_open: bool
) -> None:
    when = None if is_open else size
    commit = message(repo)
    made = FileInfos(commit, when)
    node = file(path, size, digest, tag)
    assert made.of(node) == convert.file_info(commit, when, node, tag).SerializeToString()
    folder = Node(path + "/", True, size, digest)
    assert made.of(folder) == convert.file_info(commit, when, folder, "").SerializeToString()


def test_small_numbers_are_bytes() -> None:
    assert [varint(number) for number in (0, 1, 127, 128, 300)] == [b"\0", b"\1", b"\x7f", b"\x80\1", b"\xac\2"]
