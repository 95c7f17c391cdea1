"""Files in the tables of 2.11: `SIZE NAME`, with a tab between them."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.kernel import units
from trunkline.pachctl.app import App
from trunkline.pachctl.table import details
from trunkline.pachctl.views.files import kind
from trunkline.pachctl.views.spaced.cells import painted
from trunkline.wire import pfs_pb2 as pfs

HEADER = "SIZE   \tNAME\n"
DIFF_HEADER = ("OP", "SIZE", "NAME")


def cells(path: str, size: int) -> tuple[str, ...]:
    """One line of `list file`, for a path and a size; it has its newline."""
    return (f"{units.size(size)}\t{path}\n",)


def row(info: pfs.FileInfo) -> tuple[str, ...]:
    """One line of `list file`, for a message."""
    return cells(info.file.path, info.size_bytes)


def detail(info: pfs.FileInfo) -> str:
    """`inspect file`."""
    return details(
        (
            ("Path", info.file.path),
            ("Datum", info.file.datum or None),
            ("Type", kind(info)),
            ("Size", units.size(info.size_bytes)),
        )
    )


def diff_rows(app: App, pair: pfs.DiffFileResponse) -> Iterator[tuple[str, ...]]:
    """The lines of `diff file --name-only` for what differs: what came, what went."""
    for field, sign, color in (("new_file", "+", "green"), ("old_file", "-", "red")):
        if pair.HasField(field):
            info = getattr(pair, field)
            yield (painted(app, sign, color), units.size(info.size_bytes), info.file.path)
