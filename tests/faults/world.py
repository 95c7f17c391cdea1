"""A world in which steps can go wrong, and what it looks like from outside, whatever its ids."""

from __future__ import annotations

import shutil
from pathlib import Path

from trunkline.catalog import Catalog, SqliteCatalog
from trunkline.kernel.errors import Refused
from trunkline.kernel.names import FILESET_REPO
from trunkline.objects.memory import MemoryStore
from trunkline.pfs import filesets, fsck, modify, rows
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.testing.faults import Faults, FaultyCatalog, StepStore
from trunkline.testing.model_triggers import Follow
from trunkline.testing.surface_real import SurfaceReal

BIG = bytes(range(256)) * 40_000  # several chunks


def new_id(number: int) -> str:
    return f"{number:012x}4{0:019x}"


class Base:
    """A world that was built once, to be copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        real = SurfaceReal(folder, store=self.store)
        build(real)
        (self.file_set,) = _file_sets(real)
        real.close()

    def copy(self, folder: Path) -> World:
        shutil.copytree(self.folder, folder)
        store = MemoryStore()
        store.put_many((key, self.store.get(key)) for key in self.store.keys())  # noqa: SIM118 - no mapping
        return World(folder, store, self.file_set)


class World(SurfaceReal):
    """A copy, with faults."""

    def __init__(self, folder: Path, store: MemoryStore, file_set: str) -> None:
        self.faults, self.file_set = Faults(), file_set

        def opened(where: Path) -> Catalog:
            return FaultyCatalog(SqliteCatalog(where / "catalog.db"), self.faults)

        super().__init__(folder, opened, StepStore(store, self.faults))

    def picture(self) -> object:
        """Everything that a caller can see; ids stand for themselves only by their order."""
        shape = self.shape()
        numbers = {name: f"{name.partition('@')[0]}#{number}" for number, name in enumerate(shape.commits)}

        def said(name: object) -> object:
            return numbers.get(str(name), name)

        commits = [
            (
                said(name),
                branch,
                said(parent),
                origin,
                state,
                error,
                sorted(map(str, map(said, up))),
                self._content(name),
            )
            for name, (branch, parent, origin, state, error, up) in shape.commits.items()  # type: ignore[attr-defined]
        ]
        branches = {
            name: (said(head), [sorted(map(str, edges)) for edges in links])  # type: ignore[call-overload]
            for name, (head, *links) in shape.branches.items()
        }
        with self.catalog.read() as tx:
            counts = {
                table: tx.row(f"SELECT count(*) AS count FROM {table}")["count"]  # type: ignore[index]
                for table in ("file_sets", "transactions", "triggers", "trigger_checks", "cache_entries", "projects")
            }
            metadata = sorted(row["metadata"] for row in tx.rows("SELECT metadata FROM repos"))
            leases = [row["expires"] // 10**10 for row in tx.rows("SELECT expires FROM file_sets ORDER BY expires")]
        return commits, branches, sorted(shape.repos), counts, metadata, leases

    def _content(self, name: str) -> object:
        repo, _, reference = name.partition("@")
        commit = self.commit(repo, reference)
        if commit.finished is None and not commit.open:
            return "unfinished"
        try:
            return self.files(commit)
        except Refused:
            return "on what is unfinished"

    def broken(self) -> list[str]:
        """What fsck finds."""
        return list(fsck.check(self.pfs))


def build(real: SurfaceReal) -> None:
    """a feeds b; c has an open commit; a@prod follows a@master; p/d is in a project; there is a file set."""
    real.create_project("p", new_id(1))
    for number, name in enumerate(("a", "b", "c", "p/d"), start=2):
        real.create_repo(name, new_id(number))
    put(real, "a", "/f", b"1")
    put(real, "a", "/d/x", b"2")
    put(real, "a", "/d/y", b"3")
    real.create_branch(("b", "master"), new_id(10), provenance=[("a", "master")])
    real.create_branch(("a", "prod"), new_id(11), follow=Follow("master", commits=1))
    real.finish("b", "master", new_id(12), failed=False)
    real.start(("c", "master"), new_id(13), None)
    put(real, "c", "/open", b"4")
    put(real, "p/d", "/g", b"5")
    real.settle()
    put(real, "a", "/f", b"6")  # the trigger has not looked at it yet
    real.create_file_set([modify.Append("/from/set", "", b"7")])


def put(real: SurfaceReal, repo: str, path: str, data: bytes) -> None:
    """Replaces a file at the head of master."""
    real.write(repo, "master", [modify.Delete(path, ""), modify.Append(path, "", data)], by_id=False)


def _file_sets(real: SurfaceReal) -> list[str]:
    with real.catalog.read() as tx:
        return [str(row["id"]) for row in tx.rows("SELECT id FROM file_sets")]


def read_set(world: World, name: str) -> object:
    """What a file set holds."""
    found = filesets.source(world.pfs, CommitRef(RepoRef(FILESET_REPO), name))
    return world.files_of(world.pfs.content(found))


__all__ = ["BIG", "Base", "World", "new_id", "put", "read_set", "rows"]
