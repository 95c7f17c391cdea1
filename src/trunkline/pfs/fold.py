"""Applies layers to a base map: what an open commit holds, and what a finished one will.

Costs what the layers name, times a logarithm of what the base holds. Reports, but does not repair, what makes a
commit an errored one: one path written under two tags, or a path that is a file and a directory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from trunkline.content.append import Shortened, join
from trunkline.content.entry import FileEntry, from_entry, to_entry
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel import paths
from trunkline.maps import Maps, Root
from trunkline.maps.keys import prefix_end
from trunkline.pfs import layers as layering
from trunkline.pfs.layers import Layer, Operation
from trunkline.pfs.overlay import Overlay
from trunkline.pfs.overlay import collision as overlay_collision

MapEntry = tuple[bytes, bytes, int, bytes]


class Folded(msgspec.Struct, frozen=True):
    """A map with layers applied, and the first problem found, in words (empty: none)."""

    root: Root
    problem: str


def fold(
    maps: Maps, reader: ContentReader, base: Root, layers: Sequence[Layer], writer: ContentWriter | None = None
) -> Folded:
    """The content of a commit whose parent holds `base` and into which `layers` were written.

    With a writer, files that were appended to in many short pieces are laid together again.
    """
    if layers and layers[0].whole and not base.count:  # sound in itself, however large it is
        base, layers = layers[0].delta, layers[1:]
    root, problem = base, ""
    for layer in layers:
        removals = _disjoint([(above.encode(), prefix_end(above.encode())) for above in sorted(layer.removed)])
        if layer.tag:
            root = maps.edit(root, _with_tag(maps, root, removals, layer.tag))
            continue
        overlay = Overlay(maps, root, layer)
        laid = overlay.root(removals)
        step = _Step(maps, reader, root, layer, writer)
        root = maps.edit(root, step.changes(), removals) if laid is None else laid
        problem = problem or overlay.problem or step.problem
    if layers and all(layer.whole for layer in layers):
        return Folded(root, problem or overlay_collision(maps, base, root))
    for layer in layers:
        problem = problem or _collision(maps, base, root, layer)
    return Folded(root, problem)


def _with_tag(
    maps: Maps, root: Root, ranges: list[tuple[bytes, bytes | None]], tag: str
) -> Iterator[tuple[bytes, MapEntry | None]]:
    """The removal of each file in some ranges that has a tag."""
    for low, high in ranges:
        for entry in maps.range(root, low, high):
            if from_entry(entry).tag == tag:
                yield entry[0], None


def _disjoint(ranges: list[tuple[bytes, bytes | None]]) -> list[tuple[bytes, bytes | None]]:
    """Leaves out ranges that lie inside an earlier one; prefixes overlap only by nesting."""
    kept: list[tuple[bytes, bytes | None]] = []
    for low, high in ranges:
        if not kept or (kept[-1][1] is not None and low >= kept[-1][1]):
            kept.append((low, high))
    return kept


class _Step:
    """One layer on its way into a map."""

    def __init__(
        self, maps: Maps, reader: ContentReader, root: Root, layer: Layer, writer: ContentWriter | None
    ) -> None:
        self._maps, self._reader, self._layer, self._writer = maps, reader, layer, writer
        self._old = maps.near(root)
        self.problem = ""

    def changes(self) -> Iterator[tuple[bytes, MapEntry | None]]:
        for key, operation in layering.operations(self._maps, self._layer):
            yield key, self._apply(key, operation)

    def _apply(self, key: bytes, operation: Operation) -> MapEntry | None:
        parts = list(operation.parts)
        old = self._existing(key)
        if old is not None and old.tag not in operation.dropped:
            parts.insert(0, old)
        if not parts:
            return None
        tags = list(dict.fromkeys(part.tag for part in parts))
        if len(tags) > 1 and not self.problem:
            path = key.decode()
            self.problem = f"duplicate path output by different datums ({path} from {tags[0]} and {tags[1]})"
        return to_entry(key, self._joined(parts))

    def _existing(self, key: bytes) -> FileEntry | None:
        if self._layer.removed and layering.covers(self._layer, key.decode()):
            return None
        entry = self._old.get(key)
        return None if entry is None else from_entry(entry)

    def _joined(self, parts: list[FileEntry]) -> FileEntry:
        whole = parts[0]
        for part in parts[1:]:
            if part.size:
                whole = join(whole, part, self._reader)
        return self._shortened(whole)

    def _shortened(self, file: FileEntry) -> FileEntry:
        """Once in many appends; so the write that it takes is spread over them."""
        if self._writer is None or not Shortened.needed(file):
            return file
        shortened = Shortened(file, self._reader, self._writer)
        self._writer.flush()
        return shortened.file()


def _collision(maps: Maps, before: Root, after: Root, layer: Layer) -> str:
    """The first path of a layer that in the end is a file where a directory is, or the other way round."""
    files, below, above = maps.near(after), maps.near(after), ""
    taken: dict[str, bool] = {}  # the folders of the last path, and whether each is a file as well
    for key, operation in layering.operations(maps, layer):
        if not operation.parts:
            continue
        path = key.decode()
        holding = path[: path.rindex("/")]
        if holding != above:
            above = holding
            known, taken = taken, {}
            for folder in paths.ancestors(path)[1:]:
                taken[folder] = known[folder] if folder in known else maps.get(after, folder[:-1].encode()) is not None
        folder = next((folder for folder, is_file in taken.items() if is_file), "")
        if folder and files.get(key) is not None:
            return f"file / directory path collision ({folder[:-1]})"
        if before.count and below.any_under(key + b"/") and files.get(key) is not None:
            return f"file / directory path collision ({path})"
    return ""
