"""The grammar of globs, translated to a regular expression.

One pass over the pattern, left to right. Capture groups are numbered by their opening parenthesis, as `re` does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs.globmatch import Matcher

_QUANTIFIERS = {"@": "", "*": "*", "+": "+", "?": "?"}
_POSIX = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
    "ascii": r"\x00-\x7f",
}


class Translation(NamedTuple):
    """A pattern as a regular expression.

    Attributes:
        regex: to be matched in full against a path.
        literal_prefix: the text that every match begins with, unescaped.
        segments: for each level the literal name, or else the expression of that level; None when a token can
            match a `/`, so that levels cannot be told apart.
    """

    regex: str
    literal_prefix: str
    segments: list[tuple[str | None, Matcher | None]] | None


def translate(pattern: str) -> Translation:
    """Translates a cleaned pattern.

    Raises:
        InvalidRequest: it does not parse.
    """
    parser = _Parser(pattern)
    regex = parser.sequence(stop="")
    if parser.at < len(pattern):
        raise parser.unexpected()
    return Translation(regex, _literal_prefix(pattern), _segments(pattern))


DEEPEST = 40
"""Groups in groups; what is deeper is nobody's wish, and could not be compiled."""


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.crosses = False  # whether a class can match a slash

    def unexpected(self) -> InvalidRequest:
        if self.at >= len(self.text):
            return InvalidRequest(f"glob {self.text!r} does not parse: unexpected end of input")
        return InvalidRequest(
            f"glob {self.text!r} does not parse: unexpected token: {self.text[self.at]} at character {self.at + 1}"
        )

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def sequence(self, stop: str) -> str:
        """Everything up to one of the characters in `stop`, or the end."""
        if self.depth > DEEPEST:
            raise InvalidRequest(f"glob {self.text[:60]!r}… is nested too deeply: at most {DEEPEST} groups in groups")
        self.depth += 1
        parts = []
        while self.at < len(self.text) and self.peek() not in stop:
            parts.append(self._token())
        self.depth -= 1
        return "".join(parts)

    def _token(self) -> str:
        character = self.peek()
        if character == "\\":
            if self.at + 1 >= len(self.text):
                self.at += 1
                raise self.unexpected()
            self.at += 2
            return re.escape(self.text[self.at - 1])
        if character in "@*+?!" and self.peek(1) == "(":
            self.at += 1
            return self._negation() if character == "!" else self._group(_QUANTIFIERS[character])
        if character == "(":
            return self._group("")
        if character == "*":
            double = self.peek(1) == "*"
            self.at += 2 if double else 1
            return ".*" if double else "[^/]*"
        if character == "?":
            self.at += 1
            return "[^/]"
        if character == "[":
            return self._class()
        if character == "{":
            return self._braces()
        if character in ")}]":
            raise self.unexpected()
        self.at += 1
        return re.escape(character)

    def _alternatives(self) -> list[str]:
        """`(p|q)`, the parenthesis included."""
        self.at += 1
        found = [self.sequence(stop="|)")]
        while self.peek() == "|":
            self.at += 1
            found.append(self.sequence(stop="|)"))
        if self.peek() != ")":
            raise self.unexpected()
        self.at += 1
        return found

    def _group(self, quantifier: str) -> str:
        inner = "|".join(self._alternatives())
        return f"((?:{inner}){quantifier})" if quantifier else f"({inner})"

    def _negation(self) -> str:
        inner = "|".join(self._alternatives())
        end = "" if self.text[self.at :].strip(")}") else r"\Z"
        return rf"((?!(?:{inner}){end})[^/]*)"

    def _braces(self) -> str:
        self.at += 1
        found = [self.sequence(stop=",}")]
        while self.peek() == ",":
            self.at += 1
            found.append(self.sequence(stop=",}"))
        if self.peek() != "}":
            raise self.unexpected()
        self.at += 1
        return "(?:" + "|".join(found) + ")"

    def _class(self) -> str:
        start = self.at
        self.at += 1
        negated = self.peek() in ("!", "^") and self.peek() != ""
        if negated:
            self.at += 1
        items: list[str] = []
        apart: list[str] = []  # negated POSIX classes, which cannot stand inside another class
        first = True
        while first or self.peek() != "]":
            if self.at >= len(self.text):
                raise self.unexpected()
            self._class_item(items, apart)
            first = False
        self.at += 1
        choices = ([f"[{''.join(items)}]"] if items else []) + apart
        regex = choices[0] if len(choices) == 1 else "(?:" + "|".join(choices) + ")"
        if negated:
            regex = f"(?:(?!{regex}).)"
        try:
            self.crosses = self.crosses or re.fullmatch(regex, "/", re.DOTALL) is not None
        except re.error:
            self.at = start
            raise self.unexpected() from None
        return regex

    def _class_item(self, items: list[str], apart: list[str]) -> None:
        posix = re.match(r"\[:(\^?)(\w+):\]", self.text[self.at :])
        if posix is not None:
            name = posix.group(2)
            if name not in _POSIX:
                raise self.unexpected()
            self.at += posix.end()
            if posix.group(1):
                apart.append(f"[^{_POSIX[name]}]")
            else:
                items.append(_POSIX[name])
            return
        character = self.peek()
        self.at += 1
        if character == "\\":
            character = self.peek()
            if not character:
                raise self.unexpected()
            self.at += 1
            items.append(re.escape(character))
        else:
            items.append("\\" + character if character in "[]\\^&~|" else character)


_SPECIAL = "*?[]{}!()@+\\"


def _literal_prefix(pattern: str) -> str:
    """The text before the first character that may mean something else."""
    for at, character in enumerate(pattern):
        if character in _SPECIAL:
            quantifier = character in "@+!" and pattern[at + 1 : at + 2] != "("
            if not quantifier:
                return pattern[:at]
    return pattern


def _segments(pattern: str) -> list[tuple[str | None, Matcher | None]] | None:
    """The levels of a pattern in which no token can cross a slash, and no lookahead sees past its level."""
    if "**" in pattern or "!(" in pattern:
        return None
    parts = pattern.split("/")[1:]
    found: list[tuple[str | None, Matcher | None]] = []
    for part in parts:
        if _literal_prefix(part) == part:
            found.append((part, None))
            continue
        parser = _Parser(part)
        try:
            regex = parser.sequence(stop="")
        except InvalidRequest:
            return None  # a group or class that holds a slash
        if parser.at < len(part) or parser.crosses:
            return None
        found.append((None, Matcher(regex)))
    return found
