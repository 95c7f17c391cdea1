"""Values that may be used but not shown: credentials of object stores.

Invariant: neither `repr` nor `str` of them shows a value, so no log line and no traceback does.
"""

from __future__ import annotations


class Secrets(dict[str, str]):
    """Variables by name, whose values stay out of every text that is made of them."""

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self))})"

    __str__ = __repr__

    def scrub(self, text: str) -> str:
        """The text with every value of six characters or more replaced by `***`."""
        for value in self.values():
            if len(value) >= 6:
                text = text.replace(value, "***")
        return text
