"""The form of object keys: a few plain segments between slashes.

Invariant: a key that passed `check_key` names a place strictly below the root of any store, and never the
store's own working files.
"""

from __future__ import annotations

import re

from trunkline.kernel.errors import InvalidRequest

LONGEST_KEY = 512
"""Characters (which are ASCII, so also bytes)."""

RESERVED = "tmp"
"""The first segment that no key may have: where `LocalStore` keeps what is not finished."""

LARGEST_OBJECT = 64 << 20
"""Bytes. Chunks and map nodes are far smaller; a larger file in a store was put there by somebody else."""

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def is_key(text: str) -> bool:
    """Whether the text has the form of a key."""
    return len(text) <= LONGEST_KEY and _KEY.fullmatch(text) is not None and text.split("/", 1)[0] != RESERVED


def check_key(key: str) -> str:
    """The key itself, if it has the form of one.

    Letters, digits, `.`, `_` and `-`; no segment that is empty or begins with a dot; at most `LONGEST_KEY`
    characters.

    Raises:
        InvalidRequest: another form; so no key can leave the root (`..`), be absolute, or hide.
    """
    if not is_key(key):
        raise InvalidRequest(
            f"object key {key[:80]!r} is not allowed: give plain segments between slashes, not beginning "
            f"with a dot nor with {RESERVED!r}"
        )
    return key


def check_object(key: str, data: bytes) -> None:
    """Refuses what no store takes.

    Raises:
        InvalidRequest: a key of another form, or more than `LARGEST_OBJECT` bytes.
    """
    check_key(key)
    if len(data) > LARGEST_OBJECT:
        raise InvalidRequest(
            f"object {key} has {len(data)} bytes: a store takes at most {LARGEST_OBJECT}, cut it into several"
        )


def hash_key(kind: str, digest: bytes) -> str:
    """The key of an object that is named by a hash: `chunks/ab/<64 hex digits>` for the kind `chunks`."""
    text = digest.hex()
    return f"{kind}/{text[:2]}/{text}"
