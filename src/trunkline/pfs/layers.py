"""What one write stream did, as layers: small maps of operations, recorded in order of arrival.

A layer first drops some path prefixes, then, path by path, drops the parts of some tags and appends new parts.
A stream is one layer, or several in a row when it names more paths than are held in memory. A *whole* layer is the
content of a commit as it is, every file of it to be appended; so it costs nothing to make. One that *replaces* is a map
of files, too, each put in the place of what its path held. Invariant: applying the layers in order gives what applying
the stream's messages in order would give.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.content.entry import FileEntry, from_entry
from trunkline.content.writer import ContentWriter, Pending
from trunkline.kernel import paths
from trunkline.maps import EMPTY, Maps, Root

DEFAULT_TAG = "default"
PATHS_IN_MEMORY = 50_000
"""Paths of one stream that are held before they are written out as a layer."""


class Operation(msgspec.Struct, frozen=True, array_like=True):
    """What happens to one path: the parts of `dropped` tags go, then `parts` are appended."""

    dropped: tuple[str, ...]
    parts: tuple[FileEntry, ...]


class Layer(msgspec.Struct, frozen=True):
    """One layer: prefixes (directories, ending with `/`) dropped first, then operations by path.

    Attributes:
        whole: the map is one of files, each of them to be appended, not of operations.
        replaces: each file of a whole layer replaces what its path held under its tag; where size and hash are the
            same already, nothing changes.
        tag: if given, the layer only drops, and only files with this tag; all of the prefixes' files are looked at.
    """

    removed: tuple[str, ...]
    delta: Root
    whole: bool = False
    replaces: bool = False
    tag: str = ""


_decoder = msgspec.msgpack.Decoder(Operation)
_encoder = msgspec.msgpack.Encoder()


class _Edit:
    """The operations on one path, while the stream is read."""

    __slots__ = ("dropped", "parts")

    def __init__(self) -> None:
        self.dropped: dict[str, None] = {}
        self.parts: list[tuple[str, Pending | FileEntry]] = []

    def drop(self, tag: str) -> None:
        self.dropped[tag] = None
        self.parts = [part for part in self.parts if part[0] != tag]

    def operation(self) -> Operation:
        parts = tuple(
            msgspec.structs.replace(part if isinstance(part, FileEntry) else part.file(), tag=tag)
            for tag, part in self.parts
        )
        return Operation(tuple(self.dropped), parts)


class LayerBuilder:
    """Collects the operations of one stream. Not thread-safe: one stream, one builder."""

    def __init__(self, maps: Maps, writer: ContentWriter) -> None:
        self._maps = maps
        self._writer = writer
        self._layers: list[Layer] = []
        self._removed: dict[str, None] = {}
        self._edits: dict[str, _Edit] = {}

    def append(self, path: str, tag: str, data: Iterable[bytes]) -> None:
        """Appends bytes to the file at a cleaned path, or makes it."""
        self._edit(path).parts.append((tag, self._writer.add(data)))

    def append_file(self, path: str, tag: str, file: FileEntry) -> None:
        """Appends content that the store has already."""
        self._edit(path).parts.append((tag, file))

    def delete_file(self, path: str, tag: str) -> None:
        """Drops the part of a file that has this tag."""
        self._edit(path).drop(tag)

    def delete_directory(self, path: str, tag: str = "") -> None:
        """Drops everything below a directory, or the parts that have a tag; `path` ends with `/`."""
        if tag:
            self._spill()
            self._layers.append(Layer((path,), EMPTY, tag=tag))
            return
        self._edits = {name: edit for name, edit in self._edits.items() if not name.startswith(path)}
        self._removed[path] = None

    def finish(self) -> list[Layer]:
        """The layers, durable; none if nothing was done."""
        self._spill()
        return self._layers

    def _edit(self, path: str) -> _Edit:
        edit = self._edits.get(path)
        if edit is None:
            if len(self._edits) >= PATHS_IN_MEMORY:
                self._spill()
            edit = self._edits[path] = _Edit()
        return edit

    def _spill(self) -> None:
        if not self._edits and not self._removed:
            return
        self._writer.flush()
        ordered = sorted((path.encode(), edit) for path, edit in self._edits.items())
        changes = ((key, edit.operation()) for key, edit in ordered)
        self._layers.append(build(self._maps, tuple(self._removed), changes))
        self._edits, self._removed = {}, {}


def _entry(key: bytes, operation: Operation) -> tuple[bytes, bytes, int, bytes]:
    weight = sum(part.size for part in operation.parts)
    return key, _encoder.encode(operation), weight, b""


def operations(maps: Maps, layer: Layer) -> Iterator[tuple[bytes, Operation]]:
    """The operations of a layer, by path."""
    for entry in maps.range(layer.delta):
        if layer.whole:
            file = from_entry(entry)
            yield entry[0], Operation((file.tag,) if layer.replaces else (), (file,))
        else:
            yield entry[0], _decoder.decode(entry[1])


def build(maps: Maps, removed: tuple[str, ...], changes: Iterable[tuple[bytes, Operation]]) -> Layer:
    """The layer of some operations, sorted by path; its map is durable."""
    return Layer(removed, maps.build(_entry(key, operation) for key, operation in changes))


def store(tx: Tx, commit: int, layers: Iterable[Layer]) -> None:
    """Adds layers on top of those that an open commit has."""
    row = tx.row("SELECT max(position) AS top FROM layers WHERE commit_id = ?", (commit,))
    top = -1 if row is None or row["top"] is None else int(row["top"])
    for position, layer in enumerate(layers, start=top + 1):
        tx.run(
            "INSERT INTO layers (commit_id, position, removed, delta, whole) VALUES (?, ?, ?, ?, ?)",
            (commit, position, *columns(layer)),
        )


def columns(layer: Layer) -> tuple[bytes, bytes, int]:
    """A layer as the columns `removed`, `delta` and `whole` of a row."""
    removed = {layer.tag: layer.removed} if layer.tag else layer.removed
    return _encoder.encode(removed), layer.delta.pack(), int(layer.whole) + int(layer.replaces)


def layer_of(row: Row) -> Layer:
    """The layer in a row with the columns `removed`, `delta` and `whole`."""
    removed = msgspec.msgpack.decode(row["removed"], type=tuple[str, ...] | dict[str, tuple[str, ...]])
    tag, removed = next(iter(removed.items())) if isinstance(removed, dict) else ("", removed)
    return Layer(removed, Root.unpack(row["delta"]), row["whole"] > 0, row["whole"] > 1, tag)


def load(tx: Tx, commit: int) -> list[Layer]:
    """The layers of an open commit, in order."""
    query = "SELECT removed, delta, whole FROM layers WHERE commit_id = ? ORDER BY position"
    return [layer_of(row) for row in tx.rows(query, (commit,))]


def covers(layer: Layer, path: str) -> bool:
    """Whether a layer drops the directory that holds the path."""
    removed = set() if layer.tag else set(layer.removed)
    return any(above in removed for above in paths.ancestors(path)) if removed else False


def compacted(maps: Maps, layers: Sequence[Layer]) -> list[Layer]:
    """Fewer layers that do what several in a row do, mostly one; costs what they name."""
    found: list[Layer] = []
    for alone, run in itertools.groupby(layers, lambda layer: bool(layer.tag)):
        same = list(run)
        found += same if alone else _merged(maps, same)
    return found


def _merged(maps: Maps, layers: Sequence[Layer]) -> list[Layer]:
    """One layer that does what several in a row do."""
    if len(layers) < 2:
        return list(layers)
    removed = dict.fromkeys(folder for layer in layers for folder in layer.removed)
    every = [_numbered(maps, number, layer) for number, layer in enumerate(layers)]

    def changes() -> Iterator[tuple[bytes, Operation]]:
        for key, run in itertools.groupby(heapq.merge(*every, key=lambda one: one[:2]), key=lambda one: one[0]):
            path = key.decode()
            gone = max((number for number, layer in enumerate(layers) if covers(layer, path)), default=0)
            dropped: dict[str, None] = {}
            parts: list[FileEntry] = []
            kept = [operation for _, number, operation in run if number >= gone]
            for operation in kept:
                dropped |= dict.fromkeys(operation.dropped)
                parts = [part for part in parts if part.tag not in operation.dropped]
                parts += operation.parts
            if kept:
                yield key, Operation(tuple(dropped), tuple(parts))

    layer = build(maps, tuple(removed), changes())
    return [layer] if layer.removed or layer.delta.count else []


def _numbered(maps: Maps, number: int, layer: Layer) -> Iterator[tuple[bytes, int, Operation]]:
    return ((key, number, operation) for key, operation in operations(maps, layer))
