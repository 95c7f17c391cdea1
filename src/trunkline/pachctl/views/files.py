"""Files: `NAME TYPE SIZE`, and the view of one with its children."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel import units
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import path_name
from trunkline.wire import pfs_pb2 as pfs

HEADER = ("NAME", "TYPE", "SIZE")


def row(info: pfs.FileInfo) -> tuple[str, ...]:
    """One line of list-file."""
    return (path_name(info.file.path), kind(info), units.size(info.size_bytes))


def cells(path: str, size: int) -> tuple[str, ...]:
    """One line of list-file, of a path that ends with a slash if it is a directory's."""
    return (path_name(path), "dir" if path.endswith("/") else "file", units.size(size))


def kind(info: pfs.FileInfo) -> str:
    """`file` or `dir`."""
    return "dir" if info.file_type == pfs.DIR else "file"


def detail(info: pfs.FileInfo, children: Sequence[str], more: bool) -> str:
    """inspect-file.

    Args:
        info: the file or directory.
        children: names directly below a directory.
        more: whether there are others.
    """
    listed = " ".join(children) + (" …" if more else "")
    return details(
        (
            ("Path", path_name(info.file.path)),
            ("Type", kind(info)),
            ("Size", units.size(info.size_bytes)),
            ("Children", listed if info.file_type == pfs.DIR else None),
        )
    )
