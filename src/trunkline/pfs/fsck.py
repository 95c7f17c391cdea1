"""Checks every invariant of the versioned file system that can be checked from outside; changes nothing.

Each problem is one line that names the thing. The invariants' numbers are those of `docs/format.md`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.catalog import Tx
from trunkline.content.check import Seen, check_file
from trunkline.content.entry import from_entry
from trunkline.kernel import paths
from trunkline.kernel.errors import Corrupt
from trunkline.maps import Root
from trunkline.pfs import layers, provenance, rows
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import SPEC
from trunkline.pfs.rows import Commit


def check(pfs: Pfs) -> Iterator[str]:
    """Every problem found, in words; nothing on a sound system."""
    with pfs.catalog.read() as tx:
        every = list(rows.commits(tx, "ORDER BY commits.id", ()))
        problems = [*_links(tx, every), *_branches(tx)]
    yield from problems
    yield from _contents(pfs, every)


def _links(tx: Tx, every: list[Commit]) -> Iterator[str]:
    by_key = {commit.key: commit for commit in every}
    for commit in every:
        parent = None if commit.parent is None else by_key[commit.parent]
        if parent is not None and (parent.repo_key != commit.repo_key or parent.key > commit.key):
            yield f"commit {commit} has a parent of another repo, or a younger one: {parent}"
        if parent is not None and commit.finished is not None and parent.finished is None:
            yield f"commit {commit} is finished, its parent {parent} is not"
        if parent is not None and parent.open and commit.origin == "USER":
            yield f"commit {commit} was started on the open commit {parent}"
        times = [time for time in (commit.started, commit.finishing, commit.finished) if time is not None]
        if times != sorted(times):
            yield f"commit {commit} has times out of order"
        if commit.finished is not None and commit.root is None:
            yield f"commit {commit} is finished without content"
        yield from _provenance(tx, commit)


def _provenance(tx: Tx, commit: Commit) -> Iterator[str]:
    direct: dict[int, int] = {}
    upstream = provenance.direct_commits(tx, commit.key)
    types = {one.repo.type for one in upstream}  # without a spec it is no pipeline's, and finished by whoever likes
    for one in upstream:
        if one.key > commit.key:
            yield f"commit {commit} comes from the younger commit {one}"
        if direct.setdefault(one.repo_key, one.key) != one.key:
            yield f"commit {commit} comes directly from two commits of the repo {one.repo}"
        if commit.finished is not None and not commit.error and one.finished is None and SPEC in types:
            yield f"commit {commit} is finished, {one}, which it comes from, is not"


def _branches(tx: Tx) -> Iterator[str]:
    for branch in rows.branches(tx, "ORDER BY branches.id", ()):
        head = rows.commit_by_key(tx, branch.head)
        if head is None or head.repo_key != branch.repo_key:
            yield f"branch {branch.ref} has a head that is not a commit of its repo"
            continue
        upstream = provenance.upstream_branches(tx, branch.key)
        if any(one.key == branch.key for one in upstream):
            yield f"branch {branch.ref} comes from itself"


def _contents(pfs: Pfs, every: list[Commit]) -> Iterator[str]:
    """Maps and chunks, each root, node and chunk once."""
    roots: set[bytes] = set()
    chunks: Seen = {}
    for commit in every:
        with pfs.catalog.read() as tx:
            written = layers.load(tx, commit.key)
        packed = [] if commit.root is None else [commit.root]
        for data in packed:
            if data in roots:
                continue
            roots.add(data)
            yield from _map(pfs, commit, Root.unpack(data), chunks)
        for layer in written:
            for problem in pfs.maps.verify(layer.delta):
                yield f"commit {commit}: a layer: {problem}"


def _map(pfs: Pfs, commit: Commit, root: Root, chunks: Seen) -> Iterator[str]:
    broken = False
    for problem in pfs.maps.verify(root):
        broken = True
        yield f"commit {commit}: {problem}"
    if broken:
        return
    folders: set[str] = set()
    try:
        for entry in pfs.maps.range(root):
            path = entry[0].decode()
            folders.update(paths.ancestors(path))
            if path != paths.clean(path):
                yield f"commit {commit}: path {path!r} is not clean"
            for problem in check_file(pfs.store, from_entry(entry), chunks):
                yield f"commit {commit}: file {path}: {problem}"
    except Corrupt as error:
        yield f"commit {commit}: {error}"
    for folder in folders:
        if folder != "/" and pfs.maps.get(root, folder[:-1].encode()) is not None:
            yield f"commit {commit}: {folder[:-1]} is a file and a directory"
