"""Templates over the capture groups of a glob: what `join_on` and `group_by` are written in.

`$1` and `${1}` stand for a group's text, `$0` for the whole path, `$$` for a dollar; every other dollar is itself. Of
a run of digits all count, so a digit behind a group is written `${1}0`. A group that took no part in the match, or
that the glob does not have, is empty. Invariant: an expansion depends on glob, template and path alone.
"""

from __future__ import annotations

import functools
import re

from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs.globs import Glob

_VARIABLE = re.compile(r"\$(?:(\$)|([0-9]+)|\{([0-9]+)\})")
_MOST_DIGITS = 9
"""No glob has groups of higher numbers."""


class Template:
    """A text with variables.

    Raises:
        InvalidRequest: a number with leading zeros, or a character that no environment variable can hold.
    """

    def __init__(self, text: str) -> None:
        if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
            raise InvalidRequest(f"{text!r} holds a character that no variable can hold: leave it out")
        self.text = text
        parts: list[str | int] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            parts.append(text[end : found.start()])
            parts.append("$" if found[1] else _number(found[2] or found[3], found[0]))
            end = found.end()
        parts.append(text[end:])
        self._parts = [part for part in parts if part != ""]

    def expand(self, path: str, groups: tuple[str | None, ...]) -> str:
        """The text for one match.

        Args:
            path: without trailing slash; the root is `/`.
            groups: what `Glob.captures` gave for it.
        """
        if len(self._parts) == 1 and isinstance(self._parts[0], int):  # what nearly all are
            return _group(self._parts[0], path, groups)
        return "".join(part if isinstance(part, str) else _group(part, path, groups) for part in self._parts)


def _number(digits: str, variable: str) -> int:
    if len(digits) > 1 and digits[0] == "0":
        raise InvalidRequest(f"{variable} has leading zeros: write the number of the group without them")
    return int(digits[:_MOST_DIGITS])


def _group(number: int, path: str, groups: tuple[str | None, ...]) -> str:
    if number == 0:
        return path
    return (groups[number - 1] or "") if number <= len(groups) else ""


class Keys:
    """What the two templates of a pfs input make of its matches."""

    def __init__(self, glob: Glob, join_on: str, group_by: str) -> None:
        self._glob = glob
        self._templates = (template(join_on), template(group_by)) if join_on or group_by else ()

    def of(self, path: str) -> tuple[str, ...]:
        """The expanded `join_on` and `group_by` of a matched path (a directory's with its slash); empty if the
        input has neither."""
        if not self._templates:
            return ()
        bare = path if path == "/" else path.removesuffix("/")
        groups = self._glob.captures(bare)
        return tuple([one.expand(bare, groups) for one in self._templates])

    def completed(self, path: str, which: int, known: str) -> tuple[str, ...]:
        """The same, where one of the two is known: `which` is 0 for `join_on`, 1 for `group_by`."""
        if not self._templates or self._templates[1 - which].text:
            return self.of(path)
        return ("", known) if which else (known, "")


@functools.lru_cache(maxsize=1024)
def template(text: str) -> Template:
    """The template, parsed at its first use.

    Raises:
        InvalidRequest: as `Template`.
    """
    return Template(text)
