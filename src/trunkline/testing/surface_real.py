"""The real side of histories over the whole file system."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from trunkline.kernel.errors import TrunklineError
from trunkline.kernel.ids import SetId
from trunkline.kernel.names import FILESET_REPO
from trunkline.pfs import branches, commits, filesets, modify, projects, repos
from trunkline.pfs.change import Change
from trunkline.pfs.files import View
from trunkline.pfs.refs import CommitRef, RepoRef
from trunkline.pfs.triggers import Trigger
from trunkline.testing.history_real import Real, branch_ref, repo_ref
from trunkline.testing.model import BranchKey
from trunkline.testing.model_files import Files
from trunkline.testing.model_triggers import EVERY_MINUTE, Follow

Step = Callable[[Change], object]


def _alive() -> bool:
    return True


class InChange:
    """Steps of a change that somebody else makes."""

    def start(self, change: Change, key: BranchKey) -> None:
        """Starts a commit."""
        commits.start(change, branch_ref(key))

    def finish(self, change: Change, repo: str, reference: str) -> None:
        """Closes a commit."""
        commits.finish(change, CommitRef(repo_ref(repo), reference))

    def clear(self, change: Change, repo: str, reference: str) -> None:
        """Clears a commit."""
        commits.clear(change, CommitRef(repo_ref(repo), reference))

    def branch(self, change: Change, key: BranchKey, head: str | None) -> None:
        """Makes or moves a branch."""
        ref = branch_ref(key)
        branches.create(change, ref, head=None if head is None else CommitRef(ref.repo, head))

    def unbranch(self, change: Change, key: BranchKey) -> None:
        """Removes a branch."""
        branches.delete(change, branch_ref(key))

    def repo(self, change: Change, name: str) -> None:
        """Makes a repo."""
        repos.create(change, repo_ref(name))


class SurfaceReal(Real):
    """A world with words for everything that the file system has."""

    in_change = InChange()

    def create_project(self, name: str, set_id: str) -> None:
        """Makes a project."""
        self.pfs.change(lambda change: projects.create(change, name), SetId(set_id))

    def delete_project(self, name: str, set_id: str, *, force: bool) -> None:
        """Removes a project."""
        self.pfs.change(lambda change: projects.delete(change, name, force=force), SetId(set_id))

    def delete_all(self, set_id: str) -> None:
        """Removes every project and repo."""
        self.pfs.change(projects.delete_all, SetId(set_id))

    def create_branch(
        self,
        key: BranchKey,
        set_id: str,
        *,
        head: str | None = None,
        provenance: Sequence[BranchKey] = (),
        quiet: Collection[BranchKey] = (),
        follow: Follow | None = None,
    ) -> None:
        """Makes or changes a branch."""
        ref = branch_ref(key)
        at = None if head is None else CommitRef(ref.repo, head)
        upstream = [branch_ref(one) for one in provenance]
        unfollowed = [branch_ref(one) for one in quiet]
        wish = None if follow is None else trigger_of(follow)

        def step(change: Change) -> None:
            branches.create(change, ref, head=at, provenance_refs=upstream, quiet=unfollowed, trigger=wish)

        self.pfs.change(step, SetId(set_id))

    # -- transactions -----------------------------------------------------------------------------------------

    def together(self, steps: Sequence[Step], set_id: str) -> None:
        """Several steps as one change."""
        self.pfs.change(lambda change: [step(change) for step in steps], SetId(set_id))

    def tried(self, steps: Sequence[Step], set_id: str) -> type[TrunklineError] | None:
        """Several steps as a trial; returns the class of the error that it ends with."""
        try:
            self.pfs.trial(lambda change: [step(change) for step in steps], SetId(set_id))
        except TrunklineError as error:
            return type(error)
        return None

    # -- file sets --------------------------------------------------------------------------------------------

    def create_file_set(self, operations: Sequence[modify.Operation]) -> str:
        """Makes a file set of operations."""
        return filesets.create(self.pfs, modify.layers_of(self.pfs, operations, _alive))

    def file_set_of(self, repo: str, reference: str, *, changes: bool) -> str:
        """Makes a file set of a commit."""
        make = filesets.diff if changes else filesets.total
        return make(self.pfs, CommitRef(repo_ref(repo), reference), _alive)

    def compose(self, names: Sequence[str], seconds: int, *, compact: bool) -> str:
        """Makes one of several."""
        return filesets.compose(self.pfs, names, seconds, compact=compact)

    def renew(self, name: str, seconds: int) -> None:
        """Sets the end of a lease."""
        filesets.renew(self.pfs, name, seconds)

    def add_file_set(self, name: str, repo: str, reference: str, set_id: str) -> None:
        """Lays one on an open commit."""
        ref = CommitRef(repo_ref(repo), reference)
        self.pfs.change(lambda change: modify.add_file_set(change, ref, name), SetId(set_id))

    def read_file_set(self, name: str) -> Files:
        """What one holds."""
        source = filesets.source(self.pfs, CommitRef(RepoRef(FILESET_REPO), name))
        return self.files_of(self.pfs.content(source))

    # -- looking ----------------------------------------------------------------------------------------------

    def view(self, repo: str, reference: str) -> View:
        """The files of a commit, as readers see them."""
        return View(self.pfs.maps, self.pfs.reader, self.pfs.content(self.commit(repo, reference)))


def trigger_of(follow: Follow) -> Trigger:
    """The trigger that a model's means."""
    return Trigger(
        source=follow.source,
        all=follow.all,
        rate_limit_spec=EVERY_MINUTE if follow.rate else "",
        size=f"{follow.size}B" if follow.size else "",
        commits=follow.commits,
        cron_spec=EVERY_MINUTE if follow.cron else "",
    )
