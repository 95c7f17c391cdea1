"""Reads the tables that `pachctl` prints, and compares one with the page's."""

from __future__ import annotations

import json
import re

from scripts.tutorial.page import Step, is_of_another_run

_HEADER = re.compile(r"OUTPUT COMMIT|STATE / LAST JOB|ACCESS LEVEL|\S+")
_FIRST = ("NAME", "COMPONENT", "ID", "REPO", "BRANCH", "WORKER", "IMAGE")
# Cells that are times, ids or versions: every run has its own.
_CHANGING = {"CREATED", "STARTED", "DURATION", "TIME", "ID", "VERSION", "PARENT", "HEAD"}
_NUMBER = re.compile(r"-?\d+\.\d+")

Row = dict[str, str]


def is_table(text: str) -> bool:
    """Whether the text begins with a header line."""
    first = text.split("\n", 1)[0].split()
    return bool(first) and first[0] in _FIRST and all(word == word.upper() for word in first)


def table(text: str) -> list[Row]:
    """The rows of a table by column; a column reaches from its header to the next one."""
    if not text:
        return []
    header, *lines = text.splitlines()
    columns = [(found.group(), found.start()) for found in _HEADER.finditer(header)]
    ends = [start for _, start in columns[1:]] + [None]
    return [
        {name: line[start:end].strip() for (name, start), end in zip(columns, ends, strict=True)}
        for line in lines
        if line != header
    ]


def differences(step: Step, actual: str, tolerance: float) -> list[str]:
    """What in `actual` is not as the page shows it, in words; empty if all is.

    Tables are compared cell by cell; JSON in form exactly and in numbers to the relative `tolerance`.
    """
    if is_table(step.expected):
        return _table_differences(step, table(step.expected), actual)
    if step.expected.startswith("{"):
        return _json_differences(step.expected, actual, tolerance)
    if step.expected.strip() != actual.strip():
        return [f"shows {step.expected.strip()!r}, got {actual.strip()!r}"]
    return []


def _table_differences(step: Step, wanted: list[Row], actual: str) -> list[str]:
    if not is_table(actual):
        return [f"a table was expected, got {actual!r}"]
    got = table(actual)
    problems = []
    if list(wanted[0]) != list(got[0] if got else {}):
        problems.append(f"columns {list(wanted[0])}, got {list(got[0] if got else {})}")
    if len(wanted) != len(got):
        problems.append(f"{len(wanted)} rows, got {len(got)}")
    for number, (left, right) in enumerate(zip(wanted, got, strict=False), start=1):
        for column in left.keys() & right.keys() - _CHANGING:
            if is_of_another_run(step, column, left[column]):
                continue
            if _lasting(column, left[column]) != _lasting(column, right[column]):
                problems.append(f"row {number}, {column}: {left[column]!r}, got {right[column]!r}")
    return problems


def _lasting(column: str, cell: str) -> str:
    """The part of a cell that every run shares."""
    return cell.split("/")[0] if column == "OUTPUT COMMIT" else cell


def _json_differences(wanted: str, actual: str, tolerance: float) -> list[str]:
    try:
        json.loads(actual)
    except ValueError:
        return [f"JSON was expected, got {actual!r}"]
    if _NUMBER.sub("#", wanted.strip()) != _NUMBER.sub("#", actual.strip()):
        return [f"another form: {wanted!r}, got {actual!r}"]
    pairs = zip(map(float, _NUMBER.findall(wanted)), map(float, _NUMBER.findall(actual)), strict=True)
    return [f"{a!r}, got {b!r}" for a, b in pairs if abs(a - b) > tolerance * abs(a)]
