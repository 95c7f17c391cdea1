"""Matching without a cliff: a pattern that could keep `re` busy for ever is run by a machine of its own.

`re` tries every way to cut a text into pieces, which takes time that doubles with each letter for `+(+(a))`, and holds
up everybody in the process meanwhile. Where a pattern could do that to a path, it is run by a machine that never tries
the same place of the pattern at the same place of the text twice: slower for most texts, and never slower than the
one times the other. Invariant: both find the same match, with the same groups (but for groups in a repetition that ends
with an empty turn), because what was tried once and failed fails again whatever led there; patterns know no references
to what a group holds.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import NamedTuple

STEPS = 1_000_000
"""What `re` may need for one path before the machine is preferred."""

Test = Callable[[str], bool]


class Step(NamedTuple):
    """An instruction: `one` (a character that passes a test), `split` (go on at `a`, or else at `b`), `jump`, `save`
    (the place, under a number), `unless` (a program that must not match from here), `end` (of the text), `match`."""

    kind: str
    a: int = 0
    b: int = 0
    test: Test | None = None
    program: tuple[Step, ...] = ()


class Found:
    """A match of the machine."""

    def __init__(self, text: str, places: dict[int, int], groups: int) -> None:
        self._text, self._places, self._groups = text, places, groups

    def groups(self) -> tuple[str | None, ...]:
        """As of `re.Match`."""
        pairs = ((self._places.get(2 * n), self._places.get(2 * n + 1)) for n in range(1, self._groups + 1))
        return tuple(None if a is None or b is None else self._text[a:b] for a, b in pairs)


class Matcher:
    """An expression as `globsyntax` makes them.

    Raises:
        re.error: it is none.
    """

    def __init__(self, regex: str) -> None:
        self._regex = re.compile(regex, re.DOTALL)
        compiler = _Compiler(regex)
        self._program = (*compiler.alternatives(), Step("match"))
        self._degree = compiler.degree

    def fullmatch(self, text: str) -> Found | re.Match[str] | None:
        """The match of the whole text, or None."""
        if self._degree <= 2 or self._degree * math.log(len(text) + 2) < math.log(STEPS):
            return self._regex.fullmatch(text)
        places = _run(self._program, text, 0, whole=True)
        return None if places is None else Found(text, places, self._regex.groups)


def _run(program: tuple[Step, ...], text: str, start: int, *, whole: bool) -> dict[int, int] | None:
    """Where groups begin and end in the first match; None if there is none."""
    tried: set[tuple[int, int]] = set()
    waiting: list[tuple[int, int, tuple[tuple[int, int], ...]]] = [(0, start, ())]
    while waiting:
        at, place, saved = waiting.pop()
        while (at, place) not in tried:
            tried.add((at, place))
            step = program[at]
            at += 1
            if step.kind == "one":
                if place >= len(text) or step.test is None or not step.test(text[place]):
                    break
                place += 1
            elif step.kind == "split":
                waiting.append((at - 1 + step.b, place, saved))
                at += step.a - 1
            elif step.kind == "jump":
                at += step.a - 1
            elif step.kind == "save":
                saved = (*saved, (step.a, place))
            elif step.kind == "unless":
                if _run(step.program, text, place, whole=False) is not None:
                    break
            elif place < len(text) and (step.kind == "end" or whole):
                break
            elif step.kind == "match":
                return dict(saved)
    return None


class _Compiler:
    """From the expression to a program whose jumps are relative; `degree` says how steep `re` may be.

    Attributes:
        degree: the power of the text's length that bounds the steps of `re`; infinite if nothing does.
    """

    def __init__(self, regex: str) -> None:
        self._regex, self._at, self._groups = regex, 0, 0
        self.degree: float = 0

    def alternatives(self) -> list[Step]:
        """`p|q`, to a closing parenthesis or the end."""
        choices = [self._sequence()]
        while self._take("|"):
            choices.append(self._sequence())
        lengths = [len(choice) + 2 for choice in choices[:-1]]
        program: list[Step] = []
        for number, choice in enumerate(choices[:-1]):
            rest = sum(lengths[number + 1 :]) + len(choices[-1])
            program += [Step("split", 1, len(choice) + 2), *choice, Step("jump", rest + 1)]
        return program + choices[-1]

    def _sequence(self) -> list[Step]:
        program: list[Step] = []
        while self._at < len(self._regex) and self._regex[self._at] not in "|)":
            before, start = self.degree, self._at
            atom = self._atom()
            program += self._repeated(atom, self._regex[start : self._at], self.degree > before)
        return program

    def _repeated(self, atom: list[Step], said: str, repeats: bool) -> list[Step]:
        quantifier = self._regex[self._at : self._at + 1]
        if not quantifier or quantifier not in "*+?":
            return atom
        self._at += 1
        if quantifier == "?":
            return [Step("split", 1, len(atom) + 1), *atom]
        self.degree += math.inf if repeats or _ambiguous(said) else 1
        loop = [*atom, Step("split", -len(atom), 1)]
        return loop if quantifier == "+" else [Step("split", 1, len(loop) + 1), *loop]

    def _atom(self) -> list[Step]:
        for opening in ("(?:", "(?!", "("):
            if self._take(opening):
                return self._group(opening)
        if self._take("["):
            return [Step("one", test=_class(self._class()))]
        if self._take("."):
            return [Step("one", test=_anything)]
        if self._take("\\Z"):
            return [Step("end")]
        if self._take("\\"):
            self._at += 1
            return [Step("one", test=_class("\\" + self._regex[self._at - 1]))]
        self._at += 1
        return [Step("one", test=_class(re.escape(self._regex[self._at - 1])))]

    def _group(self, opening: str) -> list[Step]:
        self._groups += opening == "("
        number = self._groups
        inner = self.alternatives()
        self._take(")")
        if opening == "(?!":
            return [Step("unless", program=(*inner, Step("match")))]
        return [Step("save", 2 * number), *inner, Step("save", 2 * number + 1)] if opening == "(" else inner

    def _class(self) -> str:
        start = self._at
        self._at += self._regex[self._at] == "^"
        first = True
        while first or self._regex[self._at] != "]":
            self._at += 2 if self._regex[self._at] == "\\" else 1
            first = False
        self._at += 1
        return "[" + self._regex[start : self._at]

    def _take(self, text: str) -> bool:
        found = self._regex.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found


def _anything(character: str) -> bool:
    return True


def _class(regex: str) -> Test:
    compiled = re.compile(regex, re.DOTALL)

    @functools.lru_cache(maxsize=256)
    def test(character: str) -> bool:
        return compiled.match(character) is not None

    return test


def _ambiguous(said: str) -> bool:
    """Whether a piece that is repeated may match a text in several ways: it has a choice that a first letter does not
    settle. What has repetitions inside is not asked for here."""
    inner = said.strip("(?:)")
    if "|" not in inner and "?" not in inner:
        return False
    choices = inner.split("|")
    firsts = [choice[:1] for choice in choices]
    plain = all(first.isalnum() for first in firsts) and "(" not in inner and "?" not in inner
    return not plain or len(set(firsts)) < len(firsts)
