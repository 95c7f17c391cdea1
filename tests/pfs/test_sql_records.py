"""Files of CSV and JSON as rows: what is a value, what is none, and which line is at fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trunkline.pfs.sql import records
from trunkline.pfs.sql.records import BadRow, csv_rows, json_rows

CATALOGS = ("sqlite",)
AB = ("a", "b")


def pieces(data: bytes | str, size: int = 3) -> Iterator[bytes]:
    """In small pieces, so that every border is met."""
    raw = data if isinstance(data, bytes) else data.encode()
    return (raw[at : at + size] for at in range(0, len(raw), size))


def from_csv(text: bytes | str, columns: tuple[str, ...] = AB) -> list[tuple[int, list[str | None]]]:
    return [(row.line, list(row.values)) for row in csv_rows(pieces(text), columns, False)]


def from_json(text: bytes | str, *, chosen: bool = False) -> list[tuple[int, list[str | None]]]:
    return [(row.line, list(row.values)) for row in json_rows(pieces(text), AB, chosen)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1,2\n3,4", [(1, ["1", "2"]), (2, ["3", "4"])]),
        ("1,2\r\n3,4\r\n", [(1, ["1", "2"]), (2, ["3", "4"])]),
        ('"x,y","say ""hi"""\n', [(1, ["x,y", 'say "hi"'])]),
        ('"two\nlines",2\nx,3\n', [(1, ["two\nlines", "2"]), (3, ["x", "3"])]),
        (',""\n"",\n', [(1, [None, ""]), (2, ["", None])]),
        ('"a""b",""\n"""",\n', [(1, ['a"b', ""]), (2, ['"', None])]),
        ("a,b\n1,2\na,b\n", [(2, ["1", "2"]), (3, ["a", "b"])]),
        ("\n1,2\n\n", [(2, ["1", "2"])]),
        ("\ufeff1,ä\n", [(1, ["1", "ä"])]),
        ("", []),
    ],
)
def test_csv(text: str, rows: list[tuple[int, list[str | None]]]) -> None:
    assert from_csv(text) == rows


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("1,2\n3\n", 2, "it has 1 fields, and the columns are 2: a, b"),
        ("1,2\n3,4,5\n", 2, "it has 3 fields"),
        ('1,2\n"x,3\n', 2, "it is no CSV: unexpected end of data"),
        ('1,2\n"x"y,3\n', 2, "it is no CSV"),
        (b"1,2\n\xff,3\n", 2, "it is no UTF-8"),
    ],
)
def test_bad_csv(text: bytes | str, line: int, words: str) -> None:
    with pytest.raises(BadRow, match=words) as caught:
        from_csv(text)
    assert caught.value.line == line


def test_a_line_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_LINE", 10)
    with pytest.raises(BadRow, match="longer than 10 bytes"):
        from_csv("x" * 20)


def test_json_keeps_what_is_written() -> None:
    text = (
        '{"a": 1.10, "b": "x\\u00e4"}\n\n'
        '{"b": true}\n'
        '{"a": null, "b": {"k": [1, 2.50]}}\n'
        '{"a": 123456789012345678901234567890, "b": ""}'
    )
    assert from_json(text) == [
        (1, ["1.10", "xä"]),
        (3, [None, "true"]),
        (4, [None, '{"k": [1, 2.50]}']),
        (5, ["123456789012345678901234567890", ""]),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1}\n[1]\n', "no JSON object"),
        ('{"a": 1}\n{"a": }\n', "no JSON object"),
        ('{"a": 1}\n{"a": NaN}\n', "no JSON object"),
        ('{"a": 1}\n{"a": 1} {"a": 2}\n', "no JSON object"),
        ('{"a": 1}\n{"c": 1}\n', "it has the key 'c', and the columns are a, b"),
    ],
)
def test_bad_json(text: str, words: str) -> None:
    with pytest.raises(BadRow, match=words) as caught:
        from_json(text)
    assert caught.value.line == 2


def test_keys_beside_chosen_columns_are_passed_over() -> None:
    assert from_json('{"a": 1, "c": 2}', chosen=True) == [(1, ["1", None])]
