"""No pattern keeps pachd busy for ever; and the machine that sees to that matches as `re` does."""

from __future__ import annotations

import itertools
import re

import pytest

from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import globmatch
from trunkline.pfs.globmatch import Matcher
from trunkline.pfs.globs import compiled
from trunkline.pfs.globsyntax import translate

CATALOGS = ("sqlite",)
EMPTY_TURNS = {"/*(*(a))c", "/*(?(a))c"}
"""Patterns in which a repetition may end with an empty turn; `re` then forgets what the groups in it held before."""

STEEP = [
    "/+(+(a))",
    "/*(*(a))c",
    "/*(a*)c",
    "/+(a|aa)c",
    "/+(a|[a-b])c",
    "/*(?(a))c",
    "/+(a@(a|b)|aa)c",
    "/!(+(+(a))b)c",
]
PATTERNS = [*STEEP, "/*", "/**", "/a*b", "/*a*b*", "/?a", "/[ab]*", "/[!a]b", "/{a,ab}b", "/(a*)(b*)", "/@(a|ab)(b)"]
PATTERNS += [
    "/!(a)",
    "/!(a|b*)b",
    "/+(a|b|ab|c)",
    "/{a,b,c,/}*",
    "/+(ab|b)",
    "/?(a)b",
    "/+(a)*(b)",
    "/(a|(b))b",
    "/[[:alpha:]]+(a)",
    "/(**)(/b)*",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_machine_matches_as_re_does(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    regex = translate(pattern).regex
    matcher, plain = Matcher(regex), re.compile(regex, re.DOTALL)
    matcher._degree = float("inf")
    monkeypatch.setattr(globmatch, "STEPS", 0.5)
    for length in range(6):
        for letters in itertools.product("abc/", repeat=length):
            text = "/" + "".join(letters)
            expected, found = plain.fullmatch(text), matcher.fullmatch(text)
            assert not isinstance(found, re.Match)
            assert (found is None) == (expected is None), text
            if expected is not None and found is not None and pattern not in EMPTY_TURNS:
                assert found.groups() == expected.groups(), text


@pytest.mark.parametrize("pattern", [*STEEP, "/*a*a*a*a*a*a*a*a*b", "/**a**a**a**a**a**b", "/+([a-z]|[a-y])1"])
def test_a_steep_pattern_ends(pattern: str) -> None:
    """With `re` these would take longer than anybody lives."""
    assert not compiled(pattern).matches("/" + "a" * 200 + "!")


def test_patterns_that_are_not_steep_are_left_to_re() -> None:
    for pattern in ("/*", "/**.csv", "/a/*/b*", "/+(jpg|png)", "/(*)-(*)", "/{a,b}/*", "/[a-z]*"):
        assert Matcher(translate(pattern).regex)._degree <= 2, pattern


@pytest.mark.parametrize(
    "pattern", ["(" * 2000, "(" * 2000 + ")" * 2000, "{" * 500 + "}" * 500, "+(" * 150 + ")" * 150]
)
def test_a_pattern_that_is_nested_too_deeply_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        compiled(pattern)


def test_a_pattern_may_be_nested_and_long() -> None:
    assert compiled("/" + "(a|" * 30 + "b" + ")" * 30).matches("/b")
    assert compiled("/+(" + "|".join(f"a{n}" for n in range(3000)) + ")").matches("/a1a2999")
    assert not compiled("/+(" + "|".join(f"a{n}" for n in range(300)) + ")").matches("/" + "a1" * 60 + "!")
