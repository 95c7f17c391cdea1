"""Checks every invariant of the versioned file system that can be checked from outside; changes nothing.

Each problem is one line that names the thing. `docs/format.md` lists the invariants; what can be repaired is for
`fsck_rows` and `repairs`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from trunkline.catalog import Tx
from trunkline.content.check import Seen, check_file, check_hash
from trunkline.content.entry import HASH_SIZE, FileEntry, from_entry, slices_of
from trunkline.kernel import paths
from trunkline.kernel.errors import Corrupt, Refused
from trunkline.maps import EMPTY, Root
from trunkline.maps.checking import Place
from trunkline.pfs import fsck_rows, holding, layers, provenance, rows, triggers
from trunkline.pfs.layers import Layer
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import SPEC
from trunkline.pfs.rows import Commit
from trunkline.pfs.tree import is_file_under


def check(pfs: Pfs, *, hashes: bool = False) -> Iterator[str]:
    """Every problem found, in words; nothing on a sound system.

    Args:
        hashes: read every file as well, and hold it against its hash.
    """
    with pfs.reading() as tx:
        every = list(rows.commits(tx, "ORDER BY commits.id", ()))
        problems = [*fsck_rows.problems(tx), *_links(tx, every), *_branches(tx), *_triggers(tx)]
        # What is dropped while this goes on is no problem.
        pfs.pins.hold((holding.FILES, one.root) for one in every if one.root is not None)
    yield from problems
    yield from _Contents(pfs, hashes).problems(every)


def _links(tx: Tx, every: list[Commit]) -> Iterator[str]:
    by_key = {commit.key: commit for commit in every}
    for commit in every:
        parent = None if commit.parent is None else by_key.get(commit.parent)
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
        if head.forgotten:
            yield f"branch {branch.ref} has a forgotten commit as its head: {head}"
        upstream = provenance.upstream_branches(tx, branch.key)
        if any(one.key == branch.key for one in upstream):
            yield f"branch {branch.ref} comes from itself"


def _triggers(tx: Tx) -> Iterator[str]:
    for branch in rows.branches(tx, "JOIN triggers ON triggers.branch = branches.id ORDER BY branches.id", ()):
        if provenance.direct_branches(tx, branch.key):
            yield f"branch {branch.ref} has both provenance and a trigger"
        trigger = triggers.find(tx, branch.key)
        try:
            if trigger is not None:
                triggers.check(tx, branch.repo_key, branch.ref, trigger)
        except Refused as error:
            yield f"branch {branch.ref} has a trigger that nobody could give it: {error}"


class _Contents:
    """Maps and chunks: each node and chunk is read once, however many commits share it."""

    def __init__(self, pfs: Pfs, hashes: bool) -> None:
        self._pfs, self._hashes = pfs, hashes
        self._hashed: set[bytes] = set()
        self._sound: set[Place] = set()
        self._leaves: set[str] = set()
        self._chunks: Seen = {}
        self._checked: dict[int, Root] = {}

    def problems(self, every: list[Commit]) -> Iterator[str]:
        """What is wrong with the contents of some commits, parents first, and of all file sets."""
        for commit in every:
            with self._pfs.reading() as tx:
                written = layers.load(tx, commit.key)
                self._pfs.pins.hold(holding.layers(written))
            found = [] if commit.root is None else self._root(commit, Root.unpack(commit.root))
            yield from (f"commit {commit}: {problem}" for problem in found)
            for layer in written:
                yield from (f"commit {commit}: a layer: {problem}" for problem in self._layer(layer))
        yield from self._file_sets()

    def _file_sets(self) -> Iterator[str]:
        with self._pfs.reading() as tx:
            query = "SELECT file_set, removed, delta, whole FROM file_set_layers ORDER BY file_set, position"
            every = [(row["file_set"], layers.layer_of(row)) for row in tx.rows(query)]
            self._pfs.pins.hold(holding.layers(layer for _, layer in every))
        for name, layer in every:
            yield from (f"file set {name}: a layer: {problem}" for problem in self._layer(layer))

    def _root(self, commit: Commit, root: Root) -> Iterator[str]:
        broken = False
        for problem in self._pfs.maps.verify(root, self._sound):
            broken = True
            yield problem
        if broken:
            return
        base = self._checked.get(commit.parent or 0, EMPTY)
        try:
            yield from self._paths(base, root)
            if not all(map(self._has_bytes, self._new_auxs(root))):
                yield from self._files(root)
            elif self._hashes:
                yield from self._wrong_hashes(root)
        except Corrupt as error:
            yield error.message
        self._checked[commit.key] = root

    def _paths(self, base: Root, root: Root) -> Iterator[str]:
        """Looks at the paths that the parent did not have."""
        maps = self._pfs.maps
        for key, _, entry in maps.diff(base, root):
            path = key.decode()
            if entry is None:
                continue
            if path != paths.clean(path):
                yield f"path {path!r} is not clean"
            if is_file_under(maps, root, path + "/"):
                yield f"{path} is a file and a directory"
            for folder in paths.ancestors(path)[1:]:
                if maps.get(root, folder[:-1].encode()) is not None:
                    yield f"{folder[:-1]} is a file and a directory"

    def _new_auxs(self, root: Root) -> Iterator[bytes]:
        return itertools.chain.from_iterable(self._pfs.maps.auxs(root, self._leaves))

    def _has_bytes(self, aux: bytes) -> bool:
        slices = slices_of(aux)
        file = FileEntry(sum(each.length for each in slices), bytes(HASH_SIZE), slices)
        return next(check_file(self._pfs.store, file, self._chunks), None) is None

    def _files(self, root: Root) -> Iterator[str]:
        """Names the files whose bytes are not all there."""
        for entry in self._pfs.maps.range(root):
            for problem in check_file(self._pfs.store, from_entry(entry), self._chunks):
                yield f"file {entry[0].decode()}: {problem}"

    def _wrong_hashes(self, root: Root) -> Iterator[str]:
        """Names the files whose bytes are sound, and others than they should be."""
        for leaf in self._pfs.maps.leaves(root, self._hashed):
            for index, key in enumerate(leaf.keys):
                for problem in check_hash(self._pfs.reader, from_entry(leaf.entry(index))):
                    yield f"file {key.decode()}: {problem}"

    def _layer(self, layer: Layer) -> Iterator[str]:
        broken = False
        for problem in self._pfs.maps.verify(layer.delta, self._sound):
            broken = True
            yield problem
        if broken:
            return
        try:
            if layer.whole and all(map(self._has_bytes, self._new_auxs(layer.delta))):
                return
            yield from self._operations(layer)
        except Corrupt as error:
            yield error.message

    def _operations(self, layer: Layer) -> Iterator[str]:
        for key, operation in layers.operations(self._pfs.maps, layer):
            for part in operation.parts:
                for problem in check_file(self._pfs.store, part, self._chunks):
                    yield f"file {key.decode()}: {problem}"
