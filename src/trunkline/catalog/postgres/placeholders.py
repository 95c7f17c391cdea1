"""Parameters: the catalog's SQL marks them `?`, PostgreSQL numbers them `$1`, `$2`, …

Invariant: a question mark in a literal, a quoted name or a comment is left alone. Each statement is translated once.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

_STATEMENTS = 4096
"""That are remembered. There are a few hundred; those with lists of marks make some more."""

PARTS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\?""", re.S)
"""What is not plain SQL, and the marks."""


@lru_cache(_STATEMENTS)
def numbered(sql: str) -> str:
    """The statement with its parameters numbered in order."""
    numbers = itertools.count(1)
    return PARTS.sub(lambda part: f"${next(numbers)}" if part[0] == "?" else part[0], sql)


@lru_cache(_STATEMENTS)
def limited(sql: str, most: int) -> str:
    """The query, with at most so many rows of its result, in its order."""
    return f"SELECT * FROM ({numbered(sql)}) AS chosen LIMIT {most}"
