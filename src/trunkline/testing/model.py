"""The versioned world as dictionaries: what every operation of `trunkline.pfs` must come to, as plainly as can be.

Nothing here is fast, stored, shared or concurrent, and nothing is taken from the code that it judges. An operation
either changes the model or raises `Refusal`, in which case it has changed nothing. Random histories (`history`) play
the same steps on the model and on the real thing and compare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from trunkline.kernel.errors import AlreadyExists, CycleDetected, NotFound, Refused, TrunklineError
from trunkline.testing.model_files import Collision, Files, Write, applied

BranchKey = tuple[str, str]
"""The name of a repo (`out`, or `out.spec`) and of a branch in it."""


class Refusal(Exception):
    """The real thing must raise an error of this class, and change nothing."""

    def __init__(self, kind: type[TrunklineError], why: str) -> None:
        super().__init__(f"{kind.__name__}: {why}")
        self.kind = kind


class State(Enum):
    """How far a commit is."""

    OPEN = auto()
    FINISHING = auto()
    FINISHED = auto()


@dataclass(eq=False)
class Commit:
    """A commit. `files` is known once it is finished; `writes` is what was done to it while it was open.

    Times are nanoseconds.
    """

    number: int
    repo: str
    id: str
    branch: str
    parent: Commit | None
    origin: str
    provenance: list[Commit] = field(default_factory=list)
    state: State = State.OPEN
    failed: bool = False
    writes: list[Write] = field(default_factory=list)
    files: Files | None = None
    started: int = 0
    finishing: int | None = None

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"

    @property
    def base(self) -> Files | None:
        """What it builds on; None while that is unknown."""
        return {} if self.parent is None else self.parent.files

    def readable(self) -> Files:
        """What a reader finds.

        Raises:
            Refusal: it is open, and its base is not finished.
        """
        if self.files is not None:
            return self.files
        if self.base is None:
            raise Refusal(Refused, f"the base of {self} is not finished")
        return applied(self.base, self.writes)


@dataclass(eq=False)
class Branch:
    """A branch; `provenance` is direct, in no order; `quiet` is the part of it that it does not follow."""

    number: int
    key: BranchKey
    head: Commit
    provenance: list[BranchKey]
    quiet: set[BranchKey] = field(default_factory=set)


Guard = Callable[[Sequence[BranchKey]], None]
"""Refuses the removal of branches that a room above needs."""


class World:
    """Repos, branches and commits.

    Args:
        now: the time in nanoseconds.
    """

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        self.now = now
        self.repos: dict[str, int] = {}
        self.branches: dict[BranchKey, Branch] = {}
        self.commits: list[Commit] = []
        self.guards: list[Guard] = []
        self._numbers = 0

    # -- looking --------------------------------------------------------------------------------------------

    def need_repo(self, name: str) -> None:
        """Refuses a repo that is missing."""
        if name not in self.repos:
            raise Refusal(NotFound, f"repo {name}")

    def need_branch(self, key: BranchKey) -> Branch:
        """The branch, or a refusal."""
        self.need_repo(key[0])
        if key not in self.branches:
            raise Refusal(NotFound, f"branch {key}")
        return self.branches[key]

    def upstream(self, key: BranchKey, given: dict[BranchKey, list[BranchKey]] | None = None) -> set[BranchKey]:
        """Every branch that this one comes from; under `given`, direct provenance that replaces what there is."""
        found: set[BranchKey] = set()
        waiting = [key]
        while waiting:
            at = waiting.pop()
            branch = self.branches.get(at)
            direct = (given or {}).get(at) or ([] if branch is None else branch.provenance)
            waiting += [one for one in direct if one not in found]
            found.update(direct)
        return found

    def downstream(self, key: BranchKey) -> list[BranchKey]:
        """Every branch that comes from this one, upstream ones first."""
        found = [one for one in self.branches if key in self.upstream(one)]
        return sorted(found, key=lambda one: (len(self.upstream(one)), self.branches[one].number))

    def followers(self, key: BranchKey) -> set[BranchKey]:
        """Every branch that gets a commit when this one does."""
        found: set[BranchKey] = set()
        waiting = [key]
        while waiting:
            at = waiting.pop()
            more = {one for one, branch in self.branches.items() if at in branch.provenance and at not in branch.quiet}
            waiting += more - found
            found |= more
        return found

    def closure(self, commits: Iterable[Commit]) -> set[Commit]:
        """Commits and all that they come from."""
        found: set[Commit] = set()
        waiting = list(commits)
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting += at.provenance
        return found

    def subvenance(self, commit: Commit) -> list[Commit]:
        """Every commit that comes from this one, oldest first."""
        return [one for one in self.commits if one is not commit and commit in self.closure([one])]

    def children(self, commit: Commit) -> list[Commit]:
        """The commits built on this one."""
        return [one for one in self.commits if one.parent is commit]

    def of_set(self, set_id: str) -> list[Commit]:
        """The commits of a set, oldest first."""
        return [one for one in self.commits if one.id == set_id]

    def members(self, set_id: str) -> list[Commit]:
        """The commits of a set and its aliases, oldest first."""
        own = self.of_set(set_id)
        if not own:
            raise Refusal(NotFound, f"set {set_id}")
        return sorted(self.closure(own), key=lambda one: one.number)

    def resolve(self, repo: str, text: str) -> Commit:
        """The commit that a reference means: a branch or an id, and perhaps `^` some generations back."""
        self.need_repo(repo)
        name, _, back = text.partition("^")
        at: Commit | None
        if is_id(name):
            found = [one for one in self.commits if one.repo == repo and one.id == name] or [
                one for one in self.closure(self.of_set(name)) if one.repo == repo
            ]
            at = max(found, key=lambda one: one.number, default=None)
        else:
            at = self.need_branch((repo, name)).head
        for _ in range(int(back) if back else "^" in text):
            at = at and at.parent
        if at is None:
            raise Refusal(NotFound, f"commit {repo}@{text}")
        return at

    # -- repos and branches ---------------------------------------------------------------------------------

    def create_repo(self, name: str) -> None:
        """Makes a repo without branches."""
        if name in self.repos:
            raise Refusal(AlreadyExists, f"repo {name}")
        self.repos[name] = self._next()

    def delete_repo(self, name: str, *, force: bool) -> bool:
        """Removes a repo with its system repos; False if there is none."""
        if name not in self.repos:
            return False
        family = [one for one in self.repos if one == name or one.startswith(f"{name}.")]
        inside = [key for key in self.branches if key[0] in family]
        if not force and any(one[0] not in family for key in inside for one in self.downstream(key)):
            raise Refusal(Refused, f"others come from {name}")
        for guard in self.guards:
            guard(inside)
        for key in inside:
            self.remove_branch(key)
        self.forget([one for one in self.commits if one.repo in family])
        for one in family:
            del self.repos[one]
        return True

    def create_branch(
        self,
        key: BranchKey,
        set_id: str,
        *,
        head: str | None = None,
        provenance: Sequence[BranchKey] = (),
        quiet: Collection[BranchKey] = (),
    ) -> list[BranchKey]:
        """Makes a branch, or replaces its provenance and perhaps its head; returns the branches that moved."""
        self.need_repo(key[0])
        if not set(quiet) <= set(provenance):
            raise Refusal(Refused, f"{key} does not come from {quiet}")
        self.check_named(key, provenance)
        given = None
        if head is not None:
            given = self.resolve(key[0], head)
        for one in provenance:
            self.need_repo(one[0])
        wanted = list(dict.fromkeys(provenance))
        existing = self.branches.get(key)
        replaced = set(wanted) != set(existing.provenance if existing else ())
        if replaced and wanted:
            self.check_graph(key, wanted)
        moved = [self._empty_branch(one, set_id) for one in wanted if one not in self.branches]
        start = given or (existing.head if existing else None)
        if start is None or (replaced and wanted):
            start = self.add_commit(key[0], set_id, key[1], start, "AUTO", wanted)
            if not wanted:
                self.close_empty(start)
        if existing is None or replaced or start is not existing.head:
            moved.append(self.point(key, start))
        self.branches[key].provenance = wanted
        self.branches[key].quiet = set(quiet)
        return moved

    def check_named(self, key: BranchKey, provenance: Sequence[BranchKey]) -> None:
        """No branch of the own repo, no two of another one."""
        named: dict[str, str] = {}
        for repo, name in provenance:
            if repo == key[0] or named.setdefault(repo, name) != name:
                raise Refusal(Refused, f"the provenance of {key}: {provenance}")

    def check_graph(self, key: BranchKey, wanted: list[BranchKey]) -> None:
        """No cycle; no two branches of one repo above one branch, nor below one."""
        given = {key: wanted}
        above = {one: self.upstream(one, given) for one in {*self.branches, *wanted, key}}
        if key in above[key]:
            raise Refusal(CycleDetected, f"{key} from {wanted}")
        below = {one: {other for other, up in above.items() if one in up} for one in above}
        for one in {key, *below[key]}:
            _check_one_per_repo({one, *above[one]})
        for one in above[key]:
            _check_one_per_repo({one, *below[one]})

    def delete_branch(self, key: BranchKey, *, force: bool) -> None:
        """Removes a branch; its commits stay."""
        self.need_branch(key)
        if not force and any(key in branch.provenance for branch in self.branches.values()):
            raise Refusal(Refused, f"others come from {key}")
        for guard in self.guards:
            guard([key])
        self.remove_branch(key)

    def remove_branch(self, key: BranchKey) -> None:
        """Removes a branch and every edge to it, whatever comes from it."""
        del self.branches[key]
        for branch in self.branches.values():
            branch.provenance = [one for one in branch.provenance if one != key]
            branch.quiet.discard(key)

    def point(self, key: BranchKey, head: Commit) -> BranchKey:
        """Makes the branch, or moves it."""
        if key in self.branches:
            self.branches[key].head = head
        else:
            self.branches[key] = Branch(self._next(), key, head, [])
        return key

    def _empty_branch(self, key: BranchKey, set_id: str) -> BranchKey:
        head = self.add_commit(key[0], set_id, key[1], None, "AUTO")
        self.close_empty(head)
        return self.point(key, head)

    # -- commits, as parts of operations ----------------------------------------------------------------------

    def add_commit(
        self,
        repo: str,
        set_id: str,
        branch: str,
        parent: Commit | None,
        origin: str,
        provenance: Iterable[BranchKey] = (),
    ) -> Commit:
        """An open commit; the caller moves the branch."""
        if any(one.repo == repo and one.id == set_id for one in self.commits):
            raise Refusal(AlreadyExists, f"a commit of {repo} in the set {set_id}")
        made = Commit(self._next(), repo, set_id, branch, parent, origin, started=self.now())
        made.provenance = [self.branches[one].head for one in provenance]
        self.commits.append(made)
        return made

    def close_empty(self, commit: Commit) -> None:
        """Finishes a commit that adds nothing, as far as its parent is finished."""
        commit.state = State.FINISHING if commit.base is None else State.FINISHED
        commit.finishing = self.now()
        commit.files = commit.base
        self.note_finished(commit)

    def propagate(self, moved: Iterable[BranchKey], set_id: str) -> list[Commit]:
        """Gives every branch that follows a moved one its commit of this set; returns those made."""
        below = {one for key in moved for one in self.followers(key)}
        made = []
        for key in sorted(below, key=lambda one: (len(self.upstream(one)), self.branches[one].number)):
            branch = self.branches[key]
            spout = len(branch.provenance) == 1 and branch.provenance[0][0].endswith(".spec")
            if not spout and branch.head.id != set_id:
                branch.head = self.add_commit(key[0], set_id, key[1], branch.head, "AUTO", branch.provenance)
                made.append(branch.head)
        return made

    def forget(self, commits: Sequence[Commit]) -> None:
        """Deletes records of commits, and every edge to them."""
        gone = set(commits)
        self.commits = [one for one in self.commits if one not in gone]
        for one in self.commits:
            one.provenance = [up for up in one.provenance if up not in gone]

    def unfinished(self) -> Iterator[Commit]:
        """Commits that wait to be finished and can be, oldest first."""
        return (one for one in self.commits if one.state is State.FINISHING and one.base is not None)

    def settle(self) -> None:
        """What the background step does, until there is nothing left to do."""
        while (commit := next(self.unfinished(), None)) is not None:
            base = commit.base or {}
            try:
                commit.files = base if commit.failed else applied(base, commit.writes, final=True)
            except Collision:
                commit.failed, commit.files = True, base
            commit.state = State.FINISHED
            self.note_finished(commit)

    def note_finished(self, commit: Commit) -> None:
        """A place for what follows from a commit that may have finished."""

    @property
    def newest(self) -> int:
        """The number of what was made last."""
        return self._numbers

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers


def is_id(text: str) -> bool:
    """Whether a reference begins with a commit id and not with the name of a branch."""
    return re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{19}", text) is not None


def _check_one_per_repo(members: set[BranchKey]) -> None:
    if len({repo for repo, _ in members}) < len(members):
        raise Refusal(Refused, f"two branches of one repo: {sorted(members)}")
