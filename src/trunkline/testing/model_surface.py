"""The model of the whole file system: triggers, projects, file sets, transactions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trunkline.kernel.errors import AlreadyExists, FailedPrecondition, NotFound, Refused
from trunkline.testing.model import BranchKey, Commit, Refusal, State
from trunkline.testing.model_files import Files, Write, applied
from trunkline.testing.model_triggers import TriggerWorld

DEFAULT = "default"


@dataclass(eq=False)
class FileSet:
    """Writes that can be read on nothing, or laid on an open commit; until `expires`, in nanoseconds."""

    writes: list[Write]
    expires: int


def project_of(repo: str) -> str:
    """The project in a repo's name: `p/out` is in `p`, `out` in the default one."""
    return repo.rpartition("/")[0] or DEFAULT


class Surface(TriggerWorld):
    """Everything."""

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        super().__init__(now)
        self.projects = [DEFAULT]
        self.file_sets: dict[str, FileSet] = {}

    # -- projects -----------------------------------------------------------------------------------------------

    def create_project(self, name: str) -> None:
        """Makes a project."""
        if name in self.projects:
            raise Refusal(AlreadyExists, f"project {name}")
        self.projects.append(name)

    def delete_project(self, name: str, *, force: bool) -> None:
        """Removes a project, by force with its repos."""
        if name not in self.projects:
            raise Refusal(NotFound, f"project {name}")
        inside = [repo for repo in self.repos if project_of(repo) == name]
        if inside and not force:
            raise Refusal(FailedPrecondition, f"{name} has repos")
        for repo in inside:
            self.delete_repo(repo, force=True)
        self.projects.remove(name)

    def create_repo(self, name: str) -> None:
        """As in the base; the project must be there."""
        if project_of(name) not in self.projects:
            raise Refusal(NotFound, f"project of {name}")
        super().create_repo(name)

    def delete_all(self) -> None:
        """Removes everything but file sets."""
        for repo in list(self.repos):
            self.delete_repo(repo, force=True)
        self.projects = [DEFAULT]

    # -- file sets ----------------------------------------------------------------------------------------------

    def file_set(self, name: str) -> FileSet:
        """One whose lease is not over."""
        found = self.file_sets.get(name)
        if found is None or found.expires <= self.now():
            raise Refusal(NotFound, f"file set {name}")
        return found

    def create_file_set(self, name: str, writes: Sequence[Write], seconds: int) -> None:
        """Remembers writes."""
        self.file_sets[name] = FileSet(list(writes), self.now() + seconds * 10**9)

    def renew_file_set(self, name: str, seconds: int) -> None:
        """Sets the end of a lease."""
        if not 1 <= seconds <= 1800:
            raise Refusal(Refused, f"a lease of {seconds} seconds")
        self.file_set(name).expires = self.now() + seconds * 10**9

    def composed(self, names: Sequence[str]) -> list[Write]:
        """What several do, one after the other."""
        return [write for name in names for write in self.file_set(name).writes]

    def total(self, commit: Commit) -> list[Write]:
        """The content of a commit as writes."""
        return [Write(path, data) for path, data in commit.readable().items()]

    def difference(self, commit: Commit) -> list[Write]:
        """What a commit changed: what was written to an open one; else, what differs from its parent."""
        if commit.state is not State.FINISHED:
            return list(commit.writes)
        return differing((commit.parent.files or {}) if commit.parent else {}, commit.files or {})

    def add_file_set(self, name: str, repo: str, reference: str) -> None:
        """Lays one on an open commit."""
        writes = self.file_set(name).writes
        commit = self.resolve(repo, reference)
        if commit.state is not State.OPEN:
            raise Refusal(Refused, f"{commit} is finished")
        commit.writes += writes

    # -- transactions -------------------------------------------------------------------------------------------

    def tried(self) -> Surface:
        """A copy on which steps can be tried. Commits of it are not those of this one."""
        return copy.deepcopy(self, {id(self.now): self.now})


def differing(old: Files, new: Files) -> list[Write]:
    """Writes that make of each path that differs what it is in `new`, whatever was there."""
    writes = []
    for path in sorted({*old, *new}, key=str.encode):
        if old.get(path) != new.get(path):
            writes.append(Write(deleted=path))
            if path in new:
                writes.append(Write(path, new[path]))
    return writes


def read(writes: Sequence[Write]) -> Files:
    """What a file set holds."""
    return applied({}, writes)


def moved_keys(world: Surface, moved: Sequence[BranchKey]) -> list[BranchKey]:
    """Of the branches that steps moved, those that are still there."""
    return [key for key in dict.fromkeys(moved) if key in world.branches]
