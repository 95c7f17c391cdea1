"""The suffixes that count generations: `master^`, `master~2`, `master.3`.

`^` and `~` count back from the commit; `.N` counts from the start of the chain that ends at it, from 1.
"""

from __future__ import annotations

from typing import NamedTuple

from trunkline.kernel.errors import InvalidRequest, NotFound

_SEPARATORS = "^~."


class Reference(NamedTuple):
    """A name and a number of generations: `back` from it, or `forward` from the root (1 is the root)."""

    name: str
    back: int = 0
    forward: int = 0


def parse(text: str) -> Reference:
    """Splits a reference at its first separator.

    Raises:
        InvalidRequest: what follows the separator is neither a number nor a run of the same separator.
    """
    at = next((index for index, character in enumerate(text) if character in _SEPARATORS), len(text))
    name, suffix = text[:at], text[at:]
    if not suffix:
        return Reference(name)
    separator, rest = suffix[0], suffix[1:]
    if rest.isdecimal() and rest.isascii():
        count = int(rest)
    else:
        stranger = next((character for character in rest if character != separator), None)
        if stranger is not None:
            raise InvalidRequest(f'invalid ancestry syntax "{text}", cannot mix {separator} and {stranger} characters')
        count = len(suffix)
    if separator == ".":
        if count < 1:
            raise NotFound(f"commit {text} not found: .N counts from 1, the first commit of the branch")
        return Reference(name, forward=count)
    return Reference(name, back=count)
