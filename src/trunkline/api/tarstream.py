"""Files as one tar stream, made while it is sent.

The layout is what clients of 2.11 unpack: absolute names, directories ending with `/`, and no owner, mode or
time; clients set these themselves.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

from trunkline.pfs.files import View
from trunkline.pfs.tree import Node

_BLOCK = tarfile.BLOCKSIZE


def tar(view: View, nodes: Iterable[Node]) -> Iterator[bytes]:
    """The pieces of a tar with an entry for each file and directory."""
    for node in nodes:
        yield _header(node)
        if not node.is_dir:
            yield from view.read(node)
            if node.size % _BLOCK:
                yield bytes(_BLOCK - node.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def _header(node: Node) -> bytes:
    info = tarfile.TarInfo(node.path)
    info.mode = 0
    if node.is_dir:
        info.type = tarfile.DIRTYPE
    else:
        info.size = node.size
    # TarInfo strips the trailing slash of names and adds it again for directories; absolute names stay.
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
