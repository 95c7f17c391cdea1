"""A versioned world on a temporary folder, and short words for what tests do to it. Real catalog, real maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trunkline.catalog import Catalog
from trunkline.kernel.clock import ManualClock
from trunkline.kernel.ids import SetId
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import Pins
from trunkline.objects.protocol import ObjectStore
from trunkline.pfs import branches, commits, fsck, history, modify, repos, resolve
from trunkline.pfs.files import View
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Branch, Commit
from trunkline.pfs.triggers import Trigger
from trunkline.pfs.upkeep import Upkeep
from trunkline.testing import catalogs


def branch_ref(text: str) -> BranchRef:
    """`data@master`; the branch is `master` if none is named."""
    repo, _, name = text.partition("@")
    return BranchRef(RepoRef(repo), name or "master")


def commit_ref(text: str) -> CommitRef:
    """`data@master`, `data@<id>`, `data@master^2`: as pachctl reads it."""
    repo, _, name = text.partition("@")
    name = name or "master"
    if name.replace("-", "").replace("_", "").isalnum() and len(name) != 32:
        return CommitRef(RepoRef(repo), branch=name)
    return CommitRef(RepoRef(repo), name)


def add(path: str, text: str | bytes = "", tag: str = "") -> modify.Append:
    """Appends to a file."""
    return modify.Append(path, tag, text.encode() if isinstance(text, str) else text)


def gone(path: str, tag: str = "") -> modify.Delete:
    """Deletes a file, or what is below a directory."""
    return modify.Delete(path, tag)


def copied(destination: str, source: str, path: str, *, append: bool = False) -> modify.Copy:
    """Copies from a commit."""
    return modify.Copy(destination, "", commit_ref(source), path, append)


class House:
    """One versioned world."""

    def __init__(
        self, folder: Path, store: ObjectStore | None = None, catalog: Callable[[Path], Catalog] = catalogs.opened
    ) -> None:
        self.clock = ManualClock()
        self.store = store or MemoryStore()
        self.catalog = catalog(folder / "catalog.db")
        self.steady = ManualClock()
        self.pfs = Pfs(self.catalog, self.store, self.clock, Pins(self.steady))
        self._upkeep = Upkeep(self.pfs)

    def close(self) -> None:
        self.catalog.close()

    # -- changing ---------------------------------------------------------------------------------------

    def repo(self, *names: str) -> None:
        for name in names:
            self.pfs.change(lambda change, name=name: repos.create(change, RepoRef(name)))

    def branch(
        self,
        name: str,
        *provenance: str,
        head: str | None = None,
        trigger: Trigger | None = None,
        quiet: tuple[str, ...] = (),
    ) -> Branch:
        return self.pfs.change(
            lambda change: branches.create(
                change,
                branch_ref(name),
                head=None if head is None else commit_ref(head),
                provenance_refs=[branch_ref(one) for one in provenance],
                quiet=[branch_ref(one) for one in quiet],
                trigger=trigger,
            )
        )

    def unbranch(self, name: str, *, force: bool = False) -> None:
        self.pfs.change(lambda change: branches.delete(change, branch_ref(name), force=force))

    def start(self, branch: str, *, parent: str | None = None, set_id: SetId | None = None) -> Commit:
        above = None if parent is None else commit_ref(parent)
        return self.pfs.change(lambda change: commits.start(change, branch_ref(branch), parent=above), set_id)

    def finish(self, commit: str, **how: object) -> Commit:
        """Finishes a commit, without the background step."""
        return self.pfs.change(lambda change: commits.finish(change, commit_ref(commit), **how))  # type: ignore[arg-type]

    def write(self, target: str, *operations: modify.Operation) -> Commit:
        return modify.write(self.pfs, commit_ref(target), operations)

    def put(self, target: str, **files: str) -> Commit:
        """Replaces files at the top, in one stream; `a_txt="1"` is the file /a.txt."""
        operations: list[modify.Operation] = []
        for name, text in files.items():
            path = "/" + name.replace("_", ".")
            operations += [gone(path), add(path, text)]
        return self.write(target, *operations)

    def settle(self) -> None:
        """Does what the background steps would do."""
        while self.pfs.finisher.step() is not None or self._upkeep.step():
            pass

    def squash(self, commit: str, *, recursive: bool = False) -> None:
        self.pfs.change(lambda change: history.squash(change, commit_ref(commit), recursive=recursive))

    def drop(self, commit: str, *, recursive: bool = False) -> None:
        self.pfs.change(lambda change: history.drop(change, commit_ref(commit), recursive=recursive))

    # -- looking ----------------------------------------------------------------------------------------

    def commit(self, reference: str) -> Commit:
        with self.catalog.read() as tx:
            return resolve.commit(tx, commit_ref(reference))

    def view(self, reference: str) -> View:
        commit = self.pfs.readable(self.commit(reference))
        return View(self.pfs.maps, self.pfs.reader, self.pfs.content(commit))

    def files(self, reference: str) -> dict[str, str]:
        """All files of a commit with their content."""
        view = self.view(reference)
        return {node.path: b"".join(view.read(node)).decode() for node in view.files_between("", "")}

    def read(self, reference: str, path: str) -> bytes:
        view = self.view(reference)
        node = view.find(path)
        assert node is not None, f"{path} is missing"
        return b"".join(view.read(node))

    def problems(self) -> list[str]:
        return list(fsck.check(self.pfs))
