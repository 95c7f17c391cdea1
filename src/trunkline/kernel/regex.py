"""Regular expressions that users send, in the syntax of RE2, which is what the original takes.

Invariant: whatever is sent, matching takes time in proportion to the text and memory below a bound, so that nobody can
hold up the others: `re` of the standard library knows patterns for which it needs years.
"""

from __future__ import annotations

from typing import Protocol

import re2

from trunkline.kernel.errors import InvalidRequest

LONGEST = 10_000
"""Characters of an expression."""

MOST_BYTES = 1 << 20
"""Memory of a compiled expression with what it remembers of texts. The library keeps the last 128 of them."""


class Regex(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None:
        """What it matches first, anywhere in a text; None if nothing."""
        ...


def compiled(text: str, field: str) -> Regex:
    """The expression.

    Args:
        field: what the caller calls it; for errors.

    Raises:
        InvalidRequest: it is none, or too large.
    """
    if len(text) > LONGEST:
        raise InvalidRequest(f"{field} {text[:60]!r}… is too long: at most {LONGEST} characters")
    options = re2.Options()
    options.max_mem = MOST_BYTES
    options.log_errors = False
    try:
        found: Regex = re2.compile(text, options)
    except re2.error as error:
        (said,) = error.args
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        shown = " ".join(reason.split())[:100]
        raise InvalidRequest(f"{field} {text[:60]!r} does not parse: {shown} (the syntax is that of RE2)") from None
    return found
