"""Lines of CSV and JSON files as rows of texts: what a table's columns are given, and where each row stands.

CSV follows RFC 4180; an empty field is NULL, a quoted empty one an empty text, and a first line that holds just the
names of the columns is passed over. JSON is one object a line; numbers and nested values keep the text that they have.
Invariants: memory is bounded by the longest row; whatever cannot be read is told with its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

Value = str | None

LONGEST_LINE = 16 << 20
"""Bytes of a line, and characters of a field of CSV."""

csv.field_size_limit(LONGEST_LINE)  # of the whole process; nothing else here reads CSV

_FIELD = re.compile(r'("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)')
_BOM = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """One row: the number of its (first) line, from 1, and a value for each column, as text."""

    line: int
    values: Sequence[Value]


class BadRow(Exception):
    """A row that cannot be read, or that the database does not take.

    Attributes:
        line: where it stands.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


Reader = Callable[[Iterator[bytes], Sequence[str], bool], Iterator[Row]]
"""Gives the rows of a file, for columns; the last argument tells whether somebody chose these columns."""


def lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """The lines of a file with their ends, decoded.

    Raises:
        BadRow: a line is too long, or no UTF-8.
    """
    rest, number = b"", 0
    for piece in pieces:
        if not number and not rest:
            piece = piece.removeprefix(_BOM)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            yield _decoded(line + b"\n", number)
        if len(rest) > LONGEST_LINE:
            raise BadRow(number + 1, f"it is longer than {LONGEST_LINE} bytes")
    if rest:
        yield _decoded(rest, number + 1)


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadRow(number, "it is no UTF-8") from None


def csv_rows(pieces: Iterator[bytes], columns: Sequence[str], chosen: bool) -> Iterator[Row]:
    """The rows of a CSV file, whose fields are in the order of the columns.

    Raises:
        BadRow: a record cannot be read, or has another number of fields.
    """
    raw: list[str] = []
    reader = csv.reader(_noting(lines(pieces), raw), strict=True)
    number = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise BadRow(number, f"it is no CSV: {error}") from None
        if fields is None:
            return
        if fields and not (number == 1 and fields == list(columns)):
            if len(fields) != len(columns):
                told = f"{len(fields)} fields, and the columns are {len(columns)}: {', '.join(columns)}"
                raise BadRow(number, f"it has {told}")
            yield Row(number, _with_nulls(fields, raw))
        raw.clear()
        number = reader.line_num + 1


def _noting(given: Iterator[str], raw: list[str]) -> Iterator[str]:
    for line in given:
        raw.append(line)
        yield line


def _with_nulls(fields: list[str], raw: list[str]) -> list[Value]:
    """Empty fields are NULL, unless they were quoted; the library does not tell, so the text is looked at again."""
    if "" not in fields:
        return list(fields)
    text = "".join(raw)
    quoted = [found[1] == '""' for found in _FIELD.finditer(text)] if '""' in text else []
    return [
        None if not field and not (place < len(quoted) and quoted[place]) else field
        for place, field in enumerate(fields)
    ]


def json_rows(pieces: Iterator[bytes], columns: Sequence[str], chosen: bool) -> Iterator[Row]:
    """The rows of a file with one JSON object a line; a column without a key is NULL.

    Raises:
        BadRow: a line is no object, or has a key that is no column while nobody chose columns.
    """
    known = frozenset(columns)
    for number, line in enumerate(lines(pieces), 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            values = {key: _value(raw) for key, raw in found.items() if key in known}
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadRow(number, f"it is no JSON object: {error}") from None
        extra = found.keys() - known
        if extra and not chosen:
            raise BadRow(number, f"it has the key {min(extra)!r}, and the columns are {', '.join(columns)}")
        yield Row(number, [values.get(column) for column in columns])


def _value(raw: msgspec.Raw) -> Value:
    text = bytes(raw).strip()
    if text == b"null":
        return None
    if text.startswith(b'"'):
        return msgspec.json.decode(text, type=str)
    msgspec.json.decode(text)  # what is nested is only looked over so far
    return text.decode()


READERS: dict[str, Reader] = {"CSV": csv_rows, "JSON": json_rows}
"""By the type of a file format."""
