"""Random repos, histories of them, and input expressions over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from hypothesis import strategies as st

from trunkline.kernel import paths
from trunkline.pps import inputs
from trunkline.pps.spec import Input, PfsInput, PipelineName

REPOS = ("a", "b", "c")
PATHS = (
    "/1",
    "/2",
    "/1.txt",
    "/d/1",
    "/d/2",
    "/d/e/1",
    "/d/e/2",
    "/d-x",
    "/d.txt",
    "/f/1",
    "/f/g/h/1",
    "/é/ü",
    "/z",
)
GLOBS = (
    "/",
    "/*",
    "/**",
    "/*/*",
    "/d",
    "/d/*",
    "/d/**",
    "/*.txt",
    "/{d,f}",
    "/*/**",
    "/!(d)",
    "/[!d]*",
    "/d/e/*",
    "/é/*",
    "/(*)",
    "/(*)/(*)",
    "/d/(*)",
    "/(*).txt",
    "/**(1|2)",
    "/!(d)*(.txt)",
)
WIDE = ("/*", "/**", "/", "/d/*", "/d/**", "/?*")
"""Globs that match much in common."""

CAPTURING = ("/(*)", "/(**)", "/*/(*)", "/(?)*", "/(d|f)/(*)", "/**(1|2)*(.txt)")
"""Globs whose groups hold texts that paths have in common."""

TEMPLATES = ("$1", "$1", "$1", "", "$2", "$1$2", "${1}0", "$0", "$3-", "k", "$$1")

Repos = Mapping[str, Mapping[str, str]]


@st.composite
def repo(draw: st.DrawFn) -> dict[str, str]:
    chosen = draw(st.dictionaries(st.sampled_from(PATHS), st.sampled_from(("x", "yy", "")), max_size=8))
    folders = {folder[:-1] for path in chosen for folder in paths.ancestors(path)[1:]}
    return {path: text for path, text in chosen.items() if path not in folders}


@st.composite
def histories(draw: st.DrawFn, longest: int = 4) -> list[Repos]:
    """Versions of all repos; from one to the next some repos change, and some go back to what they were."""
    found: list[Repos] = [{name: draw(repo()) for name in REPOS}]
    for _ in range(draw(st.integers(1, longest - 1))):
        version = dict(found[-1])
        for name in draw(st.sets(st.sampled_from(REPOS), min_size=1)):
            if draw(st.integers(0, 3)) == 0:
                version[name] = draw(st.sampled_from(found))[name]
            else:
                version[name] = {**version[name]}
                for path in draw(st.lists(st.sampled_from(PATHS), max_size=6)):
                    _change(version[name], path, draw(st.sampled_from(("", "x", "yy", "zzz", None))))
        found.append(version)
    return found


def _change(files: dict[str, str], path: str, text: str | None) -> None:
    """Deletes a file, or writes one where nothing is in the way."""
    taken = {folder[:-1] for name in files for folder in paths.ancestors(name)[1:]}
    above = {folder[:-1] for folder in paths.ancestors(path)[1:]}
    if text is None:
        files.pop(path, None)
    elif path not in taken and not above & files.keys():
        files[path] = text


@st.composite
def expressions(draw: st.DrawFn) -> Input:
    """A completed input; names differ, but for those of a union's alternatives."""
    names = (f"n{number}" for number in count())
    made = _expression(draw, names, depth=draw(st.sampled_from((0, 1, 2, 2, 3))), degree=3)
    return inputs.complete(made, PipelineName(name="p"))


def _expression(draw: st.DrawFn, names: Iterator[str], depth: int, degree: int) -> Input:
    """An input whose datums, but for groups, have `degree` elements at the most, so that there are not too many."""
    kind = draw(st.sampled_from(("pfs", "cross", "union", "same", "join", "join", "group"))) if depth else "pfs"
    if kind == "cross" and degree > 1:
        first = draw(st.integers(1, degree - 1))
        return Input(cross=tuple(_expression(draw, names, depth - 1, part) for part in (first, degree - first)))
    if kind == "union":
        parts = draw(st.integers(1, 3))
        return Input(union=tuple(_expression(draw, names, depth - 1, degree) for _ in range(parts)))
    if kind == "same":
        return _overlapping(draw, names, crossed=degree > 1 and draw(st.booleans()))
    if kind in ("join", "group"):
        parts = tuple(_keyed(draw, names, depth) for _ in range(draw(st.integers(1, degree))))
        return Input(join=parts) if kind == "join" else Input(group=parts)
    return Input(pfs=_leaf(draw, next(names), draw(st.sampled_from(REPOS))))


def _keyed(draw: st.DrawFn, names: Iterator[str], depth: int) -> Input:
    """A part of a join or group; mostly one whose keys others may have."""
    if depth > 1 and draw(st.integers(0, 2)) == 0:
        return _expression(draw, names, depth - 1, degree=2)
    return Input(pfs=_leaf(draw, next(names), draw(st.sampled_from(REPOS)), CAPTURING))


def _overlapping(draw: st.DrawFn, names: Iterator[str], *, crossed: bool) -> Input:
    """A union whose alternatives give some datums twice: alone, or each crossed with the same second input."""
    first, second = next(names), next(names)
    repos = draw(st.sampled_from(REPOS)), draw(st.sampled_from(REPOS))
    globs = draw(st.sampled_from((WIDE, CAPTURING)))
    parts = []
    for _ in range(draw(st.integers(2, 3))):
        one = Input(pfs=_leaf(draw, first, repos[0], globs))
        other = Input(pfs=_leaf(draw, second, repos[1], globs))
        parts.append(draw(st.sampled_from((Input(cross=(one, other)), Input(join=(one, other))))) if crossed else one)
    return Input(union=tuple(parts))


def _leaf(draw: st.DrawFn, name: str, repo_name: str, globs: tuple[str, ...] = GLOBS) -> PfsInput:
    return PfsInput(
        name=name,
        repo=repo_name,
        glob=draw(st.sampled_from(globs)),
        join_on=draw(st.sampled_from(TEMPLATES)),
        group_by=draw(st.sampled_from(TEMPLATES)),
        outer_join=draw(st.booleans()),
    )
