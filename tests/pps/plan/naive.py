"""What an input expression means, worked out the obvious way: every path, every combination, no maps, no changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import count, product, takewhile
from typing import NamedTuple

from blake3 import blake3

from trunkline.content.entry import FileEntry, to_entry
from trunkline.kernel import paths
from trunkline.maps import Maps, Root
from trunkline.pfs.globs import Glob
from trunkline.pps import inputs
from trunkline.pps.spec import Input, PfsInput

Repo = Mapping[str, str]
"""Path to content."""


class Part(NamedTuple):
    """An element of a datum: the names that go into the id, and the content below the path."""

    name: str
    repo: str
    branch: str
    path: str
    content: tuple[tuple[str, str], ...]


class Found(NamedTuple):
    """A match, with what joins and groups want to know of it."""

    part: Part
    leaf: int
    join_on: str
    group_by: str
    outer: bool


Naive = tuple[Part, ...]
Bag = list[tuple[Found, ...]]


def datums(given: Input, repos: Mapping[str, Repo]) -> dict[tuple[tuple[str, ...], ...], Naive]:
    """By what goes into their ids."""
    found: dict[tuple[tuple[str, ...], ...], Naive] = {}
    for datum in _bag(given, repos, count(), whole=True):
        parts = tuple(one.part for one in datum)
        found.setdefault(tuple(part[:4] for part in parts), parts)
    return found


def _bag(given: Input, repos: Mapping[str, Repo], leaves: Iterator[int], *, whole: bool) -> Bag:
    """All datums, some of them twice; if it is not to stay whole, a group keeps what is twice in it."""
    if given.pfs is not None:
        return [(one,) for one in _matches(given.pfs, next(leaves), repos.get(given.pfs.repo, {}))]
    if given.union:
        return [datum for part in given.union for datum in _bag(part, repos, leaves, whole=whole)]
    if given.cross:
        return _products([_bag(part, repos, leaves, whole=whole) for part in given.cross])
    parts = [_apart(part, repos, leaves) for part in given.join or given.group]
    if given.join:
        return [datum for key in _keys(parts, "join_on") for datum in _joined(_with(parts, "join_on", key))]
    found = []
    for key in _keys(parts, "group_by"):
        every = [one for part in _with(parts, "group_by", key) for one in part]
        found.append(tuple({one.part[:4]: one for one in reversed(every)}[key] for key in _places(every)))
        found[-1] = found[-1] if whole else tuple(every)
    return found


def _apart(given: Input, repos: Mapping[str, Repo], leaves: Iterator[int]) -> list[Found]:
    """Every element of a part's datums, once; in the order of the pfs inputs, and of paths."""
    every = {(one.leaf, one.part.path.encode()): one for d in _bag(given, repos, leaves, whole=False) for one in d}
    return [every[place] for place in sorted(every)]


def _keys(parts: list[list[Found]], which: str) -> list[str]:
    return sorted({getattr(one, which) for part in parts for one in part})


def _with(parts: list[list[Found]], which: str, key: str) -> list[list[Found]]:
    return [[one for one in part if getattr(one, which) == key] for part in parts]


def _joined(parts: list[list[Found]]) -> Bag:
    """The datums of one key, of the elements that each part has of it."""
    complete = all(parts)
    found = (tuple(one for one in chosen if complete or one.outer) for chosen in product(*filter(None, parts)))
    return [datum for datum in found if datum]


def _places(found: list[Found]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(one.part[:4] for one in found))


def _products(factors: list[Bag]) -> Bag:
    return [tuple(element for datum in chosen for element in datum) for chosen in product(*factors)]


def _matches(leaf: PfsInput, number: int, repo: Repo) -> list[Found]:
    glob = Glob(leaf.glob)
    folders = {folder for path in repo for folder in paths.ancestors(path)}
    found = []
    for path in sorted({*repo, *folders}):
        bare = path if path == "/" else path.removesuffix("/")
        if (path == "/") == (glob.pattern == "/") and glob.matches(bare):
            below = tuple(sorted((name, text) for name, text in repo.items() if name == path or _under(name, path)))
            part = Part(leaf.name, leaf.repo, leaf.branch, path, below)
            found.append(Found(part, number, *keys_of(leaf, path), leaf.outer_join))
    return found


def keys_of(leaf: PfsInput, path: str) -> tuple[str, str]:
    """The join_on and the group_by of a match."""
    bare = path if path == "/" else path.removesuffix("/")
    groups = (bare, *(group or "" for group in Glob(leaf.glob).captures(bare)))
    return expanded(leaf.join_on, groups), expanded(leaf.group_by, groups)


def expanded(text: str, groups: tuple[str, ...]) -> str:
    """A template, letter by letter; the first group is the path."""
    found, at = "", 0
    while at < len(text):
        rest = text[at + 1 :]
        braced = rest.startswith("{")
        digits = "".join(takewhile(str.isdecimal, rest[braced:]))
        if text[at] == "$" and rest.startswith("$"):
            found, at = found + "$", at + 2
        elif text[at] == "$" and digits and (not braced or rest[1 + len(digits) :].startswith("}")):
            found += groups[int(digits)] if int(digits) < len(groups) else ""
            at += 1 + len(digits) + 2 * braced
        else:
            found, at = found + text[at], at + 1
    return found


def _under(name: str, path: str) -> bool:
    return path.endswith("/") and name.startswith(path)


def file_entry(path: str, text: str) -> tuple[bytes, bytes, int, bytes]:
    return to_entry(path.encode(), FileEntry(len(text), blake3(text.encode()).digest()))


def content(maps: Maps, repo: Repo) -> Root:
    """The map of a repo. Slices are left out, so only empty files are whole."""
    return maps.build(file_entry(path, repo[path]) for path in sorted(repo, key=str.encode))


def roots(maps: Maps, given: Input, repos: Mapping[str, Repo]) -> list[Root]:
    made = {name: content(maps, repo) for name, repo in repos.items()}
    return [made[leaf.repo] for leaf in inputs.leaves(given)]


def datum_id(datum: Naive) -> bytes:
    """As spec 02, section 4.4, says."""
    text = b""
    for part in datum:
        for field in part[:4]:
            text += field.encode() + len(field.encode()).to_bytes(8, "big")
    return hashlib.blake2b(text, digest_size=32).digest()


def size(datum: Naive) -> int:
    return sum(len(text) for part in datum for _, text in part.content)
