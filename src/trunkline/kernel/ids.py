"""Identifiers: 32 hex digits of a random UUID, as clients of 2.11 expect them.

Invariant: everything called an id that leaves this module matches `ID_PATTERN`.
"""

from __future__ import annotations

import re
import uuid
from typing import NewType

SetId = NewType("SetId", str)
"""Id of a commit set: of the commits, the jobs and the transaction that one change caused."""

DatumId = NewType("DatumId", str)
"""64 hex digits: which inputs a datum has, by name and path."""

ID_PATTERN = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}")


def new_id() -> str:
    """A fresh random id."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether the text has the form of a commit id (so that it cannot be a branch name)."""
    return ID_PATTERN.fullmatch(text) is not None
