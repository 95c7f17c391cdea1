"""The real side of a random history: a world on a folder, what is done to it, and what it looks like from outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from trunkline.catalog import Catalog, Row, Tx
from trunkline.content.entry import from_entry
from trunkline.kernel.clock import ManualClock
from trunkline.kernel.ids import SetId, new_id
from trunkline.kernel.names import DEFAULT_PROJECT
from trunkline.maps import Root
from trunkline.objects.memory import MemoryStore
from trunkline.objects.pins import STANDING_SECONDS, Pins
from trunkline.objects.protocol import ObjectStore
from trunkline.pfs import branches, commits, fsck, history, modify, repos, resolve
from trunkline.pfs.change import Change
from trunkline.pfs.collect.collector import Collector
from trunkline.pfs.collect.report import Summary
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import USER, BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Commit
from trunkline.pfs.upkeep import Upkeep
from trunkline.pps import roots as pps_roots
from trunkline.testing import catalogs
from trunkline.testing.model import BranchKey
from trunkline.testing.model_files import Files

T = TypeVar("T")


class Shape(NamedTuple):
    """Everything but files, by name: commits and branches with their links, and repos."""

    commits: dict[str, tuple[object, ...]]
    branches: dict[str, tuple[object, ...]]
    repos: set[str]


def repo_ref(name: str) -> RepoRef:
    """`out` or `out.spec`, and in a project `p/out`."""
    project, _, rest = name.rpartition("/")
    base, _, kind = rest.partition(".")
    return RepoRef(base, kind or USER, project or DEFAULT_PROJECT)


def repo_name(ref: RepoRef) -> str:
    """The opposite."""
    project = "" if ref.project == DEFAULT_PROJECT else f"{ref.project}/"
    return f"{project}{ref.name}{'' if ref.type == USER else f'.{ref.type}'}"


def branch_ref(key: BranchKey) -> BranchRef:
    """The branch of a model's key."""
    return BranchRef(repo_ref(key[0]), key[1])


class NamingPfs(Pfs):
    """Remembers the ids of changes that nobody gave one, so that the model can use the same."""

    def __init__(self, *parts: Any) -> None:
        self.named: list[str] = []
        super().__init__(*parts)

    def change(self, step: Callable[[Change], T], set_id: SetId | None = None) -> T:
        """As in the base."""
        name = set_id or SetId(new_id())
        if set_id is None:
            self.named.append(name)
        return super().change(step, name)


class Real:
    """A world with short words for what histories do to it. The set ids are given, so that the model has the same.

    Args:
        open_catalog: opens the catalog of a folder, now and after each restart.
    """

    def __init__(
        self,
        folder: Path,
        open_catalog: Callable[[Path], Catalog] = lambda folder: catalogs.opened(folder / "catalog.db"),
        store: ObjectStore | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._store, self.clock, self._steady = (
            folder,
            store or MemoryStore(),
            ManualClock(),
            ManualClock(),
        )
        self._open_catalog = open_catalog
        self._open()
        self.digests: dict[tuple[tuple[str, bytes], ...], bytes] = {}

    def _open(self) -> None:
        self.catalog = self._open_catalog(self._folder)
        self.pfs = NamingPfs(self.catalog, self._store, self.clock, Pins(self._steady))
        self._upkeep = Upkeep(self.pfs)

    def restart(self) -> None:
        """Everything that is only in memory is lost."""
        self.catalog.close()
        self._open()

    def close(self) -> None:
        """Lets go of the folder."""
        self.catalog.close()

    # -- changing -------------------------------------------------------------------------------------------

    def create_repo(self, name: str, set_id: str) -> None:
        """Makes a repo."""
        self.pfs.change(lambda change: repos.create(change, repo_ref(name)), SetId(set_id))

    def delete_repo(self, name: str, set_id: str, *, force: bool) -> bool:
        """Removes a repo."""
        return self.pfs.change(lambda change: repos.delete(change, repo_ref(name), force=force), SetId(set_id))

    def create_branch(
        self,
        key: BranchKey,
        set_id: str,
        *,
        head: str | None = None,
        provenance: Sequence[BranchKey] = (),
        quiet: Collection[BranchKey] = (),
    ) -> None:
        """Makes or changes a branch."""
        ref = branch_ref(key)
        at = None if head is None else CommitRef(ref.repo, head)
        upstream = [branch_ref(one) for one in provenance]
        unfollowed = [branch_ref(one) for one in quiet]

        def step(change: Change) -> None:
            branches.create(change, ref, head=at, provenance_refs=upstream, quiet=unfollowed)

        self.pfs.change(step, SetId(set_id))

    def delete_branch(self, key: BranchKey, set_id: str, *, force: bool) -> None:
        """Removes a branch."""
        self.pfs.change(lambda change: branches.delete(change, branch_ref(key), force=force), SetId(set_id))

    def start(self, key: BranchKey, set_id: str, parent: str | None) -> None:
        """Starts a commit."""
        ref = branch_ref(key)
        above = None if parent is None else CommitRef(ref.repo, parent)
        self.pfs.change(lambda change: commits.start(change, ref, parent=above), SetId(set_id))

    def finish(self, repo: str, reference: str, set_id: str, *, failed: bool) -> None:
        """Closes a commit."""
        ref = CommitRef(repo_ref(repo), reference)
        error = "failed on purpose" if failed else ""
        self.pfs.change(lambda change: commits.finish(change, ref, error=error), SetId(set_id))

    def clear(self, repo: str, reference: str, set_id: str) -> None:
        """Clears a commit."""
        ref = CommitRef(repo_ref(repo), reference)
        self.pfs.change(lambda change: commits.clear(change, ref), SetId(set_id))

    def write(self, repo: str, reference: str, operations: Sequence[modify.Operation], *, by_id: bool) -> str:
        """Writes files; returns the id of the commit that holds them."""
        where = repo_ref(repo)
        ref = CommitRef(where, reference) if by_id else CommitRef(where, branch=reference)
        return modify.write(self.pfs, ref, operations).id

    def remove(self, how: str, repo: str, reference: str, set_id: str, *, recursive: bool) -> None:
        """`squash` or `drop`, `squash_set` or `drop_set`."""
        ref = CommitRef(repo_ref(repo), reference)

        def step(change: Change) -> None:
            if how.endswith("_set"):
                (history.squash_set if how == "squash_set" else history.drop_set)(change, SetId(reference))
            else:
                (history.squash if how == "squash" else history.drop)(change, ref, recursive=recursive)

        self.pfs.change(step, SetId(set_id))

    def settle(self) -> list[str]:
        """Does what the background steps do; returns the ids that changes gave themselves, in order."""
        self.pfs.named.clear()
        while self.pfs.finisher.step() is not None or self._upkeep.step():
            pass
        return list(self.pfs.named)

    def collect(self) -> Summary:
        """Collects garbage, so long after everything before that only sessions under way pin anything."""
        self._steady.advance(3 * STANDING_SECONDS)
        *_, summary = Collector(self.pfs, [pps_roots.roots]).run()
        assert isinstance(summary, Summary)
        return summary

    @property
    def objects(self) -> list[str]:
        """The keys of what is stored."""
        return list(self._store.keys())

    # -- looking --------------------------------------------------------------------------------------------

    def commit(self, repo: str, reference: str) -> Commit:
        """The commit that a reference means."""
        with self.catalog.read() as tx:
            return resolve.commit(tx, CommitRef(repo_ref(repo), reference))

    def files(self, commit: Commit) -> Files:
        """What a commit holds. Equal content must have equal roots, whatever led to it."""
        root = self.pfs.content(commit)
        found = self.files_of(root)
        known = self.digests.setdefault(tuple(found.items()), root.digest)
        assert known == root.digest, f"{commit}: the same files have two roots"
        assert (root.count, root.weight) == (len(found), sum(map(len, found.values())))
        return found

    def files_of(self, root: Root) -> Files:
        """What a map of files holds."""
        return {
            entry[0].decode(): b"".join(self.pfs.reader.read(from_entry(entry))) for entry in self.pfs.maps.range(root)
        }

    def shape(self) -> Shape:
        """Everything but files."""
        with self.catalog.read() as tx:
            names = {row["id"]: f"{row['repo']}@{row['set_id']}" for row in tx.rows(_COMMITS)}
            upstream = _grouped(tx, "SELECT commit_id AS below, upstream FROM commit_provenance", names)
            made = {names[row["id"]]: _commit_shape(row, names, upstream) for row in tx.rows(_COMMITS)}
            branch_names = {row["id"]: f"{row['repo']}@{row['name']}" for row in tx.rows(_BRANCHES)}
            edges = "SELECT branch AS below, upstream FROM branch_provenance"
            direct = _grouped(tx, edges, branch_names)
            quiet = _grouped(tx, f"{edges} WHERE never = 1", branch_names)
            return Shape(
                made,
                {
                    branch_names[row["id"]]: (names[row["head"]], direct[row["id"]], quiet[row["id"]])
                    for row in tx.rows(_BRANCHES)
                },
                {row["repo"] for row in tx.rows(_REPOS)},
            )

    def problems(self) -> list[str]:
        """What fsck finds."""
        return list(fsck.check(self.pfs))


_NAME = (
    "CASE projects.name WHEN 'default' THEN '' ELSE projects.name || '/' END || repos.name || "
    "CASE repos.type WHEN 'user' THEN '' ELSE '.' || repos.type END AS repo"
)
_PROJECT = "JOIN projects ON projects.id = repos.project"
_REPOS = f"SELECT {_NAME} FROM repos {_PROJECT}"
_COMMITS = (
    "SELECT commits.id, set_id, branch, parent, origin, finishing, finished, error, "
    f"{_NAME} FROM commits JOIN repos ON repos.id = commits.repo {_PROJECT} ORDER BY commits.id"
)
_BRANCHES = (
    f"SELECT branches.id, branches.name, head, {_NAME} FROM branches JOIN repos ON repos.id = branches.repo {_PROJECT}"
)


def _grouped(tx: Tx, query: str, names: Mapping[int, str]) -> defaultdict[int, set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    for row in tx.rows(query):
        found[row["below"]].add(names[row["upstream"]])
    return found


def _commit_shape(row: Row, names: Mapping[int, str], upstream: Mapping[int, set[str]]) -> tuple[object, ...]:
    state = "OPEN" if row["finishing"] is None else "FINISHING" if row["finished"] is None else "FINISHED"
    parent = names.get(row["parent"])
    return row["branch"], parent, row["origin"], state, bool(row["error"]), upstream[row["id"]]
