"""Pipelines and the repos that they read, drawn as boxes and lines: what is read stands above what reads it.

A node is as deep as the longest way to it. Lines go from layer to layer; one that passes a layer has a place of its own
in it. Each cell of a line knows in which of four directions it goes on, so that lines which meet become one figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_FIGURES = " │││─┘┐┤─└┌├─┴┬┼"
"""A character for each set of directions."""

GAP = 2
"""Columns between two boxes."""

Graph = Mapping[str, Sequence[str]]
"""For each node, those that it reads."""


class Place(NamedTuple):
    """A node in a layer, or a line that passes it: then `passing` is the node that it leads to."""

    name: str
    passing: str = ""


def draw(graph: Graph, box_width: int = 11, edge_height: int = 5) -> str:
    """The drawing, line by line.

    Args:
        graph: without cycles; nodes that are only read need not be keys.
        box_width: of a name in its box; longer ones are cut.
        edge_height: lines between two layers.
    """
    rows = _layers(graph)
    middle = {
        (depth, place): column * (box_width + 2 + GAP) + (box_width + 2) // 2
        for depth, row in enumerate(rows)
        for column, place in enumerate(row)
    }
    lines: list[str] = []
    for depth, row in enumerate(rows):
        lines += _boxes([(middle[depth, place], place) for place in row], box_width)
        if depth + 1 < len(rows):
            links = [
                (middle[depth, above], middle[depth + 1, below])
                for above in row
                for below in rows[depth + 1]
                if _linked(graph, above, below)
            ]
            lines += _edges(links, edge_height)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _linked(graph: Graph, above: Place, below: Place) -> bool:
    """Whether a line goes from one place to one in the next layer."""
    if below.passing:
        return above.name == below.name and above.passing in ("", below.passing)
    if above.passing:
        return above.passing == below.name
    return above.name in graph.get(below.name, ())


def _layers(graph: Graph) -> list[list[Place]]:
    """The nodes by depth, with the lines that pass; each near what it comes from."""
    depth = _depths(graph)
    rows: list[list[Place]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(depth):
        rows[depth[name]].append(Place(name))
        for source in graph.get(name, ()):
            for between in range(depth[source] + 1, depth[name]):
                rows[between].append(Place(source, name))
    for number in range(1, len(rows)):
        above = rows[number - 1]
        rows[number].sort(key=lambda place, above=above: _wish(graph, above, place))  # type: ignore[misc]
    return rows


def _wish(graph: Graph, above: Sequence[Place], place: Place) -> float:
    """The column that a place would like: the middle of those that it is linked to."""
    columns = [column for column, other in enumerate(above) if _linked(graph, other, place)]
    return sum(columns) / len(columns) if columns else 0.0


def _depths(graph: Graph) -> dict[str, int]:
    """The longest way to each node; a node that is direct to its reader must not lie in the reader's layer."""
    found: dict[str, int] = {}
    waiting = [*graph, *(name for sources in graph.values() for name in sources)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        missing = [source for source in graph.get(name, ()) if source not in found]
        if missing:
            waiting += [name, *missing]
        else:
            found[name] = max((found[source] + 1 for source in graph.get(name, ())), default=0)
    return found


def _boxes(row: Iterable[tuple[int, Place]], width: int) -> list[str]:
    canvas = [list[str]() for _ in range(3)]
    for middle, place in row:
        start = middle - (width + 2) // 2
        if place.passing:
            pieces = ["│"] * 3
            start = middle
        else:
            name = place.name if len(place.name) <= width else f"{place.name[: width - 1]}…"
            pieces = [f"┌{'─' * width}┐", f"│{name:^{width}}│", f"└{'─' * width}┘"]
        for line, piece in zip(canvas, pieces, strict=True):
            line += [" "] * (start - len(line)) + list(piece)
    return ["".join(line) for line in canvas]


def _edges(links: Sequence[tuple[int, int]], height: int) -> list[str]:
    """The lines between two layers: down, aside in a row that belongs to where the line comes from, and down."""
    sources = list(dict.fromkeys(above for above, _ in links))
    turns = max(1, height - 2)
    grid: dict[tuple[int, int], int] = {}

    def mark(row: int, column: int, ways: int) -> None:
        grid[row, column] = grid.get((row, column), 0) | ways

    for above, below in links:
        turn = min(height - 1, 1 + sources.index(above) % turns)
        for row in range(height):
            if row != turn:
                mark(row, above if row < turn else below, _UP | _DOWN)
        mark(turn, above, _UP | (_DOWN if above == below else _RIGHT if above < below else _LEFT))
        mark(turn, below, _DOWN | (_UP if above == below else _LEFT if above < below else _RIGHT))
        for column in range(min(above, below) + 1, max(above, below)):
            mark(turn, column, _LEFT | _RIGHT)
    width = max((column for _, column in grid), default=0) + 1
    return ["".join(_FIGURES[grid.get((row, column), 0)] for column in range(width)) for row in range(height)]
