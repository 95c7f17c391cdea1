"""`FileInfo` messages of one commit, as the bytes that go over the wire: a listing may have a million of them.

Invariant: the bytes are those that `convert.file_info` would be serialised to. What all messages of a commit share is
put together once; the rest of a message is five fields, which take a third of the time that building objects takes.
"""

from __future__ import annotations

from trunkline.api import convert
from trunkline.content.entry import tag_of
from trunkline.pfs.tree import Node
from trunkline.wire import pfs_pb2

_INFO = pfs_pb2.FileInfo.DESCRIPTOR.fields_by_name
_FILE = pfs_pb2.File.DESCRIPTOR.fields_by_name
_VARINT, _BYTES = 0, 2  # how a field is written: a number; a length and so many bytes


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits to a byte, the lowest first."""
    if number < 0x80:
        return bytes((number,))
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _tag(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


_SHORT = [varint(number) for number in range(1 << 14)]
_COMMIT, _PATH, _DATUM = (_tag(_FILE[name].number, _BYTES) for name in ("commit", "path", "datum"))
_NAMED, _COMMITTED, _HASH = (_tag(_INFO[name].number, _BYTES) for name in ("file", "committed", "hash"))
_TYPE, _SIZE = (_tag(_INFO[name].number, _VARINT) for name in ("file_type", "size_bytes"))


def _counted(number: int) -> bytes:
    return _SHORT[number] if number < len(_SHORT) else varint(number)


def _field(tag: bytes, content: bytes) -> bytes:
    """A field of bytes; nothing if it is empty, as everywhere in this syntax."""
    return b"%b%b%b" % (tag, _counted(len(content)), content) if content else b""


class FileInfos:
    """Makes the messages of the files of one commit.

    Args:
        commit: as the messages show it.
        committed: when it was, in nanoseconds; None if it is open.
    """

    def __init__(self, commit: pfs_pb2.Commit, committed: int | None) -> None:
        when = convert.timestamp(committed)
        # A message that is there is told from none, so it is written even if it is empty.
        at = b"" if when is None else _COMMITTED + varint(when.ByteSize()) + when.SerializeToString()
        self._commit = _COMMIT + varint(commit.ByteSize()) + commit.SerializeToString()
        self._file, self._folder = (_TYPE + varint(kind) + at for kind in (pfs_pb2.FILE, pfs_pb2.DIR))

    def of(self, node: Node) -> bytes:
        """The message of a file or directory.

        Raises:
            Corrupt: what is known of the file cannot be read.
        """
        path = node.path.encode()
        if node.is_dir:
            tag, kind = b"", self._folder
        else:
            tag, kind = tag_of(node.aux).encode(), self._file
        named = b"%b%b%b" % (self._commit, _field(_PATH, path), _field(_DATUM, tag))
        size = _SIZE + _counted(node.size) if node.size else b""
        return b"%b%b%b%b%b%b" % (_NAMED, _counted(len(named)), named, kind, size, _field(_HASH, node.hash))
