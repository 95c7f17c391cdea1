"""The model's triggers: branches that follow others, when commits finish and at ticks. The world of whole histories.

Ticks are those of `* * * * *`, the only cron expression that histories use: whole minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from trunkline.kernel.errors import Refused
from trunkline.testing.model import Branch, BranchKey, Commit, Refusal, State, World

MINUTE = 60 * 10**9
EVERY_MINUTE = "* * * * *"
CHECKS_AT_ONCE = 100


@dataclass(frozen=True)
class Follow:
    """When a branch follows another of its repo; 0 and False are no conditions."""

    source: str
    all: bool = False
    rate: bool = False
    size: int = 0
    commits: int = 0
    cron: bool = False


@dataclass
class Tied:
    """The trigger of a branch, and the last tick that was seen to."""

    follow: Follow
    ticked: int | None = None


class TriggerWorld(World):
    """A world with triggers.

    Attributes:
        ids: those that changes without a caller are to have, in order.
        done: the second for which all ticks were seen to.
    """

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        super().__init__(now)
        self.tied: dict[BranchKey, Tied] = {}
        self.checks: list[tuple[Branch, Commit]] = []
        self.ids: list[str] = []
        self.done = -1

    # -- as callers ask ---------------------------------------------------------------------------------------

    def create_branch(
        self,
        key: BranchKey,
        set_id: str,
        *,
        head: str | None = None,
        provenance: Sequence[BranchKey] = (),
        quiet: Collection[BranchKey] = (),
        follow: Follow | None = None,
    ) -> list[BranchKey]:
        """As in the base; `follow` replaces the trigger that the branch has."""
        self.need_repo(key[0])
        if provenance and (follow is not None or key in self.tied):
            raise Refusal(Refused, "provenance and a trigger")
        if follow is not None and key[1] in self._sources(key[0], follow.source):
            raise Refusal(Refused, "a loop of triggers")
        moved = super().create_branch(key, set_id, head=head, provenance=provenance, quiet=quiet)
        if follow is not None and (key not in self.tied or self.tied[key].follow != follow):
            self.tied[key] = Tied(follow)
        return moved

    def _sources(self, repo: str, name: str) -> set[str]:
        """The names of a branch and of those that it follows, from one to the next."""
        found: set[str] = set()
        while name not in found:
            found.add(name)
            if (repo, name) in self.tied:
                name = self.tied[repo, name].follow.source
        return found

    def _in_trigger(self, key: BranchKey) -> bool:
        return key in self.tied or bool(self._followers(key))

    def _followers(self, key: BranchKey) -> list[BranchKey]:
        return [one for one, tied in self.tied.items() if (one[0], tied.follow.source) == key]

    def delete_branch(self, key: BranchKey, *, force: bool) -> None:
        """As in the base; without force a trigger is in the way."""
        self.need_branch(key)
        if not force and self._in_trigger(key):
            raise Refusal(Refused, f"{key} has to do with a trigger")
        super().delete_branch(key, force=force)

    def delete_repo(self, name: str, *, force: bool) -> bool:
        """As in the base; without force a trigger is in the way."""
        if not force and any(key[0] == name and self._in_trigger(key) for key in self.branches):
            raise Refusal(Refused, f"{name} has triggers")
        return super().delete_repo(name, force=force)

    def remove_branch(self, key: BranchKey) -> None:
        """As in the base; triggers go with either end."""
        gone = {key, *self._followers(key)}
        self.checks = [one for one in self.checks if one[0].key not in gone]
        for one in gone:
            self.tied.pop(one, None)
        super().remove_branch(key)

    def forget(self, commits: Sequence[Commit]) -> None:
        """As in the base, checks included."""
        super().forget(commits)
        self.checks = [one for one in self.checks if one[1] not in commits]

    # -- by itself --------------------------------------------------------------------------------------------

    def note_finished(self, commit: Commit) -> None:
        """Notes the triggers that are to be held against a commit."""
        if commit.state is not State.FINISHED or commit.failed:
            return
        names = {commit.branch}
        names |= {key[1] for key in self.tied if key[0] == commit.repo and self.branches[key].head is commit}
        self._note(commit, names)

    def _note(self, commit: Commit, sources: set[str]) -> None:
        for key, branch in sorted(self.branches.items(), key=lambda one: one[1].number):
            if key[0] == commit.repo and key in self.tied and self.tied[key].follow.source in sources:
                self.checks.append((branch, commit))

    def settle(self) -> None:
        """What all background steps do, until there is nothing left to do."""
        busy = True
        while busy:
            super().settle()
            second = self.now() // 10**9
            busy = self._check_next()
            if second != self.done:
                busy |= self._tick()
        self.done = second

    def _check_next(self) -> bool:
        if not self.checks:
            return False
        set_id = self.ids.pop(0)
        for branch, commit in self.checks[:CHECKS_AT_ONCE]:
            self.checks.pop(0)
            tied = self.tied.get(branch.key)
            if tied and branch.head is not commit and fires(tied.follow, branch.head, commit):
                self._follow(branch, commit, set_id)
                break
        return True

    def _tick(self) -> bool:
        due = [key for key in self.tied if self._due(key) is not None]
        due.sort(key=lambda key: (self._depth(key), self.branches[key].number))
        for key in due:
            set_id = self.ids.pop(0)
            ticked = self._due(key)
            if ticked is None:
                continue
            self.tied[key].ticked = ticked
            source = self.branches.get((key[0], self.tied[key].follow.source))
            if source is not None and source.head is not self.branches[key].head:
                self._follow(self.branches[key], source.head, set_id)
        return bool(due)

    def _depth(self, key: BranchKey) -> int:
        """How many branches this one follows along triggers."""
        depth = 0
        while key in self.tied:
            depth, key = depth + 1, (key[0], self.tied[key].follow.source)
        return depth

    def _due(self, key: BranchKey) -> int | None:
        tied = self.tied[key]
        since = self.branches[key].head.started if tied.ticked is None else tied.ticked
        last = self.now() // MINUTE * MINUTE
        return last if tied.follow.cron and last > since else None

    def _follow(self, branch: Branch, commit: Commit, set_id: str) -> None:
        branch.head = commit
        if commit.state is State.FINISHED and not commit.failed:
            self._note(commit, {branch.key[1]})
        self.propagate([branch.key], set_id)


def fires(follow: Follow, old: Commit, new: Commit) -> bool:
    """Whether a commit that finished makes a branch with this head follow to it."""
    held = list(_conditions(follow, old, new))
    if follow.cron and not held:
        return False
    return all(held) if follow.all else any(held)


def _conditions(follow: Follow, old: Commit, new: Commit) -> Iterator[bool]:
    if follow.rate:
        due = None if old.finishing is None else (old.finishing // MINUTE + 1) * MINUTE
        yield due is not None and new.finishing is not None and due < new.finishing
    if follow.size:
        yield _size(new) - _size(old) >= follow.size
    if follow.commits:
        yield _between(new, old) >= follow.commits


def _size(commit: Commit) -> int:
    return 0 if commit.failed or commit.files is None else sum(map(len, commit.files.values()))


def _between(new: Commit, old: Commit) -> int:
    """Commits from one back to another, which is not counted; nor is an empty beginning."""
    count = 0
    at: Commit | None = new
    while at is not None and at is not old:
        count += at.parent is not None or at.origin != "AUTO"
        at = at.parent
    return count
