"""Walks: along provenance, breadth first, and along parents, looking for changes of one path.

Invariant: a walk holds no snapshot while its reader is slow; what is removed meanwhile ends that part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from trunkline.catalog import Catalog, Tx
from trunkline.kernel.errors import NotReady
from trunkline.pfs import rows
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.rows import Branch, Commit
from trunkline.pfs.tree import Node

MOST = 10_000
DEEPEST = 1_000

Member = TypeVar("Member", Branch, Commit)


def breadth_first(
    catalog: Catalog,
    start: Member,
    neighbours: Callable[[Tx, int], list[Member]],
    *,
    most: int = 0,
    deepest: int = 0,
) -> Iterator[Member]:
    """What can be reached from a branch or commit, each once, the nearest first; not itself.

    Args:
        neighbours: the next ones, by key.
        most: how many at the most; 0 for `MOST`.
        deepest: how many steps away at the most; 0 for `DEEPEST`.
    """
    seen = {start.key}
    level, left = [start], most or MOST
    for _ in range(deepest or DEEPEST):
        following: list[Member] = []
        for member in level:
            with catalog.read() as tx:
                found = neighbours(tx, member.key)
            for one in found:
                if one.key in seen:
                    continue
                seen.add(one.key)
                following.append(one)
                yield one
                left -= 1
                if not left:
                    return
        if not following:
            return
        level = following


class Searched(NamedTuple):
    """A commit that was looked at, whether it changed the path, and how many have been looked at."""

    commit: Commit
    changed: bool
    number: int


def changes_of(pfs: Pfs, start: Commit, path: str) -> Iterator[Searched]:
    """Looks at a commit and its ancestors, newest first, for those that added, changed or deleted a path.

    A forgotten commit is passed over: the next one that is not counts as the parent.

    Raises:
        NotReady: the first commit is not finished.
    """
    if start.finished is None:
        raise NotReady(f"commit {start} not finished: wait for it, then repeat the call")
    count = 0
    at: Commit | None = _remembered(pfs, start)
    here = None if at is None else _look(pfs, at, path)
    while at is not None:
        parent = _parent(pfs, at)
        above = None if parent is None else _look(pfs, parent, path)
        count += 1
        yield Searched(at, not _same(here, above), count)
        at, here = parent, above


def _parent(pfs: Pfs, commit: Commit) -> Commit | None:
    if commit.parent is None:
        return None
    with pfs.catalog.read() as tx:
        found = rows.commit_by_key(tx, commit.parent)
    return None if found is None else _remembered(pfs, found)


def _remembered(pfs: Pfs, commit: Commit) -> Commit | None:
    """The commit, or its nearest ancestor that is not forgotten."""
    at: Commit | None = commit
    with pfs.catalog.read() as tx:
        while at is not None and at.forgotten:
            at = None if at.parent is None else rows.commit_by_key(tx, at.parent)
    return at


def _look(pfs: Pfs, commit: Commit, path: str) -> Node | None:
    return View(pfs.maps, pfs.reader, pfs.content(commit)).find(path)


def _same(new: Node | None, old: Node | None) -> bool:
    if new is None or old is None:
        return new is old
    return (new.is_dir, new.hash, new.size) == (old.is_dir, old.hash, old.size)
