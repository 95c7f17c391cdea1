"""What an input expression means, worked out the obvious way: every path, every combination, no maps, no changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import product
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


Naive = tuple[Part, ...]


def datums(given: Input, repos: Mapping[str, Repo]) -> dict[tuple[tuple[str, ...], ...], Naive]:
    """By what goes into their ids."""
    found: dict[tuple[tuple[str, ...], ...], Naive] = {}
    for datum in _bag(given, repos):
        found.setdefault(tuple(part[:4] for part in datum), datum)
    return found


def _bag(given: Input, repos: Mapping[str, Repo]) -> list[Naive]:
    if given.pfs is not None:
        return [(part,) for part in _matches(given.pfs, repos.get(given.pfs.repo, {}))]
    if given.union:
        return [datum for part in given.union for datum in _bag(part, repos)]
    factors = [_bag(part, repos) for part in given.cross]
    return [tuple(element for datum in chosen for element in datum) for chosen in product(*factors)]


def _matches(leaf: PfsInput, repo: Repo) -> list[Part]:
    glob = Glob(leaf.glob)
    folders = {folder for path in repo for folder in paths.ancestors(path)}
    found = []
    for path in sorted({*repo, *folders}):
        bare = path if path == "/" else path.removesuffix("/")
        if (path == "/") == (glob.pattern == "/") and glob.matches(bare):
            below = tuple(sorted((name, text) for name, text in repo.items() if name == path or _under(name, path)))
            found.append(Part(leaf.name, leaf.repo, leaf.branch, path, below))
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
