"""Tables and detail views: plain text in the layout of the original.

A cell is padded to the widest of its column plus one space, the last column too; the header comes again after
every 50 lines, and widths are those of the 50 lines, so that a listing of any length streams.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

BLOCK_LINES = 50
"""Lines, header included, after which the header is printed again."""


def lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The table, line by line, without newlines; with no rows, the header alone."""
    block: list[Sequence[str]] = [header]
    for row in rows:
        if len(block) == BLOCK_LINES:
            yield from _aligned(block)
            block = [header]
        block.append(row)
    yield from _aligned(block)


def show(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints the table."""
    sys.stdout.writelines(f"{line}\n" for line in lines(header, rows))


def show_live(header: Sequence[str], rows: Iterable[Sequence[str]], least: Sequence[int]) -> None:
    """Prints each row as soon as it is known; columns are at least so many characters wide."""
    widths = [max(len(title), minimum) for title, minimum in zip(header, least, strict=True)]
    sys.stdout.write(f"{_line(header, widths)}\n")
    sys.stdout.flush()
    for row in rows:
        sys.stdout.write(f"{_line(row, widths)}\n")
        sys.stdout.flush()


def details(pairs: Iterable[tuple[str, str | None]]) -> str:
    """`Label: value` lines; those without a value (`None`) are left out."""
    return "".join(f"{label}: {value}\n" for label, value in pairs if value is not None)


def _aligned(block: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*block, strict=True)]
    if set(map(type, chain.from_iterable(block))) != {str}:
        return (_line(row, widths) for row in block)  # cells with colours know their own width
    pattern = "".join(f"%-{width}s " for width in widths)  # a listing may have a million rows
    return (pattern % tuple(row) for row in block)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell.ljust(width)} " for cell, width in zip(row, widths, strict=True))
