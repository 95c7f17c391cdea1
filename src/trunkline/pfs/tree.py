"""Directories, which are not stored: they are ranges of keys.

`children` costs the number of children times a logarithm, however much lies below them, because it jumps over
each subdirectory.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trunkline.maps import Maps, Root
from trunkline.maps.keys import prefix_end


class Node(msgspec.Struct, frozen=True):
    """A file or directory with what a listing shows.

    Attributes:
        path: absolute; a directory's ends with `/`.
        size: bytes; of all files below for a directory.
        hash: content hash of a file, digest of the key range of a directory.
        aux: where a file's bytes lie, as the map keeps it; empty for a directory.
    """

    path: str
    is_dir: bool
    size: int
    hash: bytes
    aux: bytes = b""


def find(maps: Maps, root: Root, path: str) -> Node | None:
    """The file or directory at a cleaned path, with or without trailing slash."""
    bare = path.rstrip("/") or "/"
    if bare != "/":
        entry = maps.get(root, bare.encode())
        if entry is not None:
            return Node(bare, False, entry[2], entry[1], entry[3])
    prefix = bare if bare == "/" else bare + "/"
    return folder(maps, root, prefix) if is_file_under(maps, root, prefix) else None


def folder(maps: Maps, root: Root, path: str) -> Node:
    """The directory at `path` (which ends with `/`), with its totals."""
    low = path.encode()
    high = prefix_end(low)
    return Node(path, True, maps.totals(root, low, high).weight, maps.digest(root, low, high))


def is_file_under(maps: Maps, root: Root, prefix: str) -> bool:
    """Whether any key begins with the prefix."""
    low = prefix.encode()
    return next(maps.range(root, low, prefix_end(low)), None) is not None


def children(
    maps: Maps, root: Root, above: str, *, exactly: str | None = None, after: str | None = None, start: bytes = b""
) -> Iterator[Node]:
    """The files and directories directly below a directory, in path order.

    Args:
        above: the directory, ending with `/`.
        exactly: only children of this name (at most a file and a directory).
        after: only children whose path (a directory's with `/`) sorts after this one.
        start: only children that are, or hold, a key from this one on.
    """
    if exactly is not None:
        yield from _named(maps, root, above + exactly)
        return
    low = above.encode()
    high = prefix_end(low)
    at: bytes | None = max(low, start)
    if after is not None:
        marker = after.encode()
        at = max(low, (prefix_end(marker) or low) if after.endswith("/") else marker + b"\0")
    while at is not None:
        entry = next(maps.range(root, at, high), None)
        if entry is None:
            return
        node, at = _child(maps, root, entry, len(low))
        yield node
        if not node.is_dir:
            # Files mostly come in runs: stream them until the next directory.
            for entry in maps.range(root, at, high):
                key, value, weight, aux = entry
                if key.find(b"/", len(low)) >= 0:
                    node, at = _child(maps, root, entry, len(low))
                    yield node
                    break
                yield Node(key.decode(), False, weight, value, aux)
            else:
                return


def _child(maps: Maps, root: Root, entry: tuple[bytes, bytes, int, bytes], start: int) -> tuple[Node, bytes]:
    """The child that an entry belongs to, and the first key after that child."""
    key, value, weight, aux = entry
    slash = key.find(b"/", start)
    if slash < 0:
        return Node(key.decode(), False, weight, value, aux), key + b"\0"
    prefix = key[: slash + 1]
    after = prefix_end(prefix)
    assert after is not None, "a prefix that ends with a slash has an end"
    return folder(maps, root, prefix.decode()), after


def _named(maps: Maps, root: Root, path: str) -> Iterator[Node]:
    entry = maps.get(root, path.encode())
    if entry is not None:
        yield Node(path, False, entry[2], entry[1], entry[3])
    if is_file_under(maps, root, path + "/"):
        yield folder(maps, root, path + "/")
