"""The steps of a random history over the whole file system: projects, triggers, file sets, transactions, time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from trunkline.pfs.change import Change
from trunkline.testing import model_files, model_history
from trunkline.testing.history_pfs import FOLDERS, PATHS, PfsHistory
from trunkline.testing.history_real import Real
from trunkline.testing.history_views import compare_diff, compare_views
from trunkline.testing.model import BranchKey, Refusal, State
from trunkline.testing.model_surface import Surface, moved_keys, read
from trunkline.testing.model_triggers import Follow
from trunkline.testing.surface_real import SurfaceReal

PROJECTS = ("p", "q")
SURFACE_REPOS = ("a", "b", "c", "p/a", "p/b", "q/c")
SECONDS = (1, 1, 20, 61, 61, 300)


class Part(NamedTuple):
    """A step of a transaction: what it is called, does, and means. The meaning answers the branches that it moved."""

    said: str
    real: Callable[[Change], object]
    model: Callable[[str], list[BranchKey]]


class SurfaceHistory(PfsHistory):
    """A history that uses everything the file system has."""

    NAMES = SURFACE_REPOS
    WEIGHTS = PfsHistory.WEIGHTS | {
        "project": 1.5,
        "trigger": 5,
        "wait": 3,
        "transaction": 7,
        "file_set": 9,
        "look_closely": 4,
        "delete_all": 0.05,
    }
    world: Surface
    real: SurfaceReal

    def __init__(self, folder: Path, seed: int, real: Callable[[Path], Real] = SurfaceReal) -> None:
        super().__init__(folder, seed, real)
        self.world = Surface(self.real.clock.now)
        self.file_sets: list[str] = []

    def begin(self) -> None:
        """Projects, some repos, and a graph of branches."""
        self.project()
        for _ in range(self.chance.randint(3, 6)):
            self.create_repo()
        for _ in range(self.chance.randint(0, 3)):
            self.create_branch()

    def settle(self) -> None:
        """All background steps, on both."""
        self.trace.append("settle")
        self.world.ids = self.real.settle()
        self.world.settle()
        if self.world.ids:
            raise self.mismatch(f"changes that nobody should have made: {self.world.ids}")

    def conclude(self) -> None:
        """As in the base; first everything that is under way comes to an end."""
        self.settle()
        for name in self.file_sets:
            self._read_file_set(name)
        super().conclude()

    def restart(self) -> None:
        """Forgets what is only in memory."""
        super().restart()
        self.world.done = -1

    def write(self) -> None:
        """As in the base."""
        self.settle_triggers()
        super().write()

    def compare_files(self, repo: str, reference: str) -> None:
        """As in the base."""
        self.settle_triggers()
        super().compare_files(repo, reference)

    def settle_triggers(self) -> None:
        """Settles if a trigger might else fire, and move a branch, in the middle of a step that settles."""
        if self.world.tied and any(one.state is State.FINISHING for one in self.world.commits):
            self.settle()

    # -- projects and repos -----------------------------------------------------------------------------------

    def project(self) -> None:
        """Makes or removes a project."""
        name, force = self.chance.choice(PROJECTS), self.chance.random() < 0.5
        if self.chance.random() < 0.75:
            self.both(
                f"create project {name}",
                lambda s: self.real.create_project(name, s),
                lambda s: self.world.create_project(name),
            )
            return
        self.both(
            f"delete project {name}{' by force' if force else ''}",
            lambda s: self.real.delete_project(name, s, force=force),
            lambda s: self.world.delete_project(name, force=force),
        )

    def create_repo(self) -> None:
        """Makes a repo, or tries to make one that is there, or is in no project."""
        missing = [one for one in SURFACE_REPOS if one not in self.world.repos]
        name = self.chance.choice(missing if missing and self.chance.random() < 0.8 else SURFACE_REPOS)
        self.both(
            f"create repo {name}", lambda s: self.real.create_repo(name, s), lambda s: self.world.create_repo(name)
        )

    def delete_all(self) -> None:
        """Removes everything."""
        self.both("delete all", lambda s: self.real.delete_all(s), lambda s: self.world.delete_all())

    # -- triggers and time --------------------------------------------------------------------------------------

    def trigger(self) -> None:
        """Makes a branch follow another."""
        key = self.branch(written=True)
        names = [one[1] for one in self.world.branches if one[0] == key[0]]
        follow = self.follow(self.chance.choice([*names, "master", "dev", "prod"]))
        if self.chance.random() < 0.5:
            key = (key[0], "prod")
        provenance = [self.branch()] if self.chance.random() < 0.05 else []
        self.both(
            f"{key} follows {follow} provenance={provenance}",
            lambda s: self.real.create_branch(key, s, provenance=provenance, follow=follow),
            lambda s: self.change(self.world.create_branch(key, s, provenance=provenance, follow=follow), s),
        )

    def repo(self) -> str:
        """As in the base, more often one that is there."""
        there = list(self.world.repos)
        return self.chance.choice(there) if there and self.chance.random() < 0.7 else super().repo()

    def open_commit(self) -> tuple[str, str]:
        """As in the base, more often one that is open."""
        opened = [one for one in self.world.commits if one.state is State.OPEN]
        if opened and self.chance.random() < 0.5:
            commit = self.chance.choice(opened)
            return commit.repo, commit.id
        return super().open_commit()

    def follow(self, source: str) -> Follow:
        """Conditions, at least one."""
        conditions = self.chance.choice(
            (
                {"commits": 1},
                {"commits": 1},
                {"commits": 2},
                {"size": 1},
                {"size": 3, "commits": 2},
                {"rate": True},
                {"rate": True, "commits": 2},
                {"cron": True},
                {"cron": True, "size": 2},
            )
        )
        return Follow(source, all=self.chance.random() < 0.4, **conditions)

    def wait(self) -> None:
        """Lets time pass."""
        seconds = self.chance.choice(SECONDS)
        self.trace.append(f"wait {seconds} s")
        self.real.clock.advance(seconds)

    # -- transactions -------------------------------------------------------------------------------------------

    def transaction(self) -> None:
        """Several steps as one: first tried, which must change nothing, then done."""
        parts = [self.part() for _ in range(self.chance.choice((1, 2, 2, 3)))]
        said = "; ".join(part.said for part in parts)

        def model(set_id: str) -> None:
            before, self.world = self.world, self.world.tried()
            try:
                moved = [key for part in parts for key in part.model(set_id)]
                self.change(moved_keys(self.world, moved), set_id)
            except Refusal:
                self.world = before
                raise

        def real(set_id: str) -> None:
            shape = self.real.shape()
            error = self.real.tried([part.real for part in parts], set_id)
            if self.real.shape() != shape:
                raise self.mismatch("a trial has changed something")
            try:
                self.real.together([part.real for part in parts], set_id)
            except Exception as caught:
                if type(caught) is not error:
                    raise self.mismatch(f"the trial said {error}, the transaction {caught!r}") from caught
                raise
            if error is not None:
                raise self.mismatch(f"the trial said {error}, the transaction succeeds")

        self.both(f"transaction: {said}", real, model)

    def part(self) -> Part:
        """A step of a transaction."""
        kind = self.chance.choices(("start", "finish", "branch", "repo", "unbranch", "clear"), (35, 20, 20, 10, 5, 10))[
            0
        ]
        return getattr(self, f"_part_{kind}")()  # type: ignore[no-any-return]

    def _part_start(self) -> Part:
        key = self.branch(written=True)
        return Part(
            f"start {key}",
            lambda change: self.real.in_change.start(change, key),
            lambda s: [_key_of(model_history.start(self.world, key, s))],
        )

    def _part_finish(self) -> Part:
        repo, reference = self.open_commit() if self.chance.random() < 0.9 else self.branch(written=True)

        def model(set_id: str) -> list[BranchKey]:
            model_history.finish(self.world, repo, reference)
            return []

        return Part(f"finish {repo}@{reference}", lambda c: self.real.in_change.finish(c, repo, reference), model)

    def _part_clear(self) -> Part:
        repo, reference = self.open_commit()

        def model(set_id: str) -> list[BranchKey]:
            model_history.clear(self.world, repo, reference)
            return []

        return Part(f"clear {repo}@{reference}", lambda c: self.real.in_change.clear(c, repo, reference), model)

    def _part_branch(self) -> Part:
        key = self.branch(written=True)
        head = self.reference(key[0]) if self.chance.random() < 0.6 else None
        return Part(
            f"branch {key} head={head}",
            lambda change: self.real.in_change.branch(change, key, head),
            lambda s: self.world.create_branch(key, s, head=head),
        )

    def _part_repo(self) -> Part:
        name = self.chance.choice([one for one in SURFACE_REPOS if one not in self.world.repos] or SURFACE_REPOS)

        def model(set_id: str) -> list[BranchKey]:
            self.world.create_repo(name)
            return []

        return Part(f"create repo {name}", lambda change: self.real.in_change.repo(change, name), model)

    def _part_unbranch(self) -> Part:
        key = self.branch()

        def model(set_id: str) -> list[BranchKey]:
            self.world.delete_branch(key, force=False)
            return []

        return Part(f"delete branch {key}", lambda change: self.real.in_change.unbranch(change, key), model)

    # -- file sets ----------------------------------------------------------------------------------------------

    def file_set(self) -> None:
        """Makes, reads, composes, renews or adds one."""
        how = self.chance.choices(("make", "of_commit", "compose", "renew", "add", "read"), (25, 15, 15, 10, 25, 15))[0]
        getattr(self, f"_{how}_file_set")()

    def _known(self) -> str:
        known = self.file_sets[-6:]
        return self.chance.choice(known) if known and self.chance.random() < 0.95 else "0" * 32

    def _made(self, what: str, real: Callable[[], str], model: Callable[[str], None]) -> None:
        def remembered(set_id: str) -> str:
            self.file_sets.append(real())
            return self.file_sets[-1]

        self.both(what, remembered, model)
        self._read_file_set(self._known())

    def _make_file_set(self) -> None:
        self.settle_triggers()
        operations, writes, bad = self.operations()

        def model(name: str) -> None:
            if bad is not None:
                raise bad
            self.world.create_file_set(name, writes, 600)

        self._made(f"file set of {len(operations)} operations", lambda: self.real.create_file_set(operations), model)

    def _of_commit_file_set(self) -> None:
        repo = self.repo()
        reference, changes = self.reference(repo), self.chance.random() < 0.5
        with suppress(Refusal):
            self.finished(self.world.resolve(repo, reference))

        def model(name: str) -> None:
            commit = self.world.resolve(repo, reference)
            self.world.create_file_set(
                name, self.world.difference(commit) if changes else self.world.total(commit), 600
            )

        self._made(
            f"file set of {'what changed in' if changes else 'all of'} {repo}@{reference}",
            lambda: self.real.file_set_of(repo, reference, changes=changes),
            model,
        )

    def _compose_file_set(self) -> None:
        names = [self._known() for _ in range(self.chance.choice((1, 2, 2, 3)))]
        seconds, compact = self.chance.choice((60, 600)), self.chance.random() < 0.5
        self._made(
            f"compose {[name[:6] for name in names]} compact={compact}",
            lambda: self.real.compose(names, seconds, compact=compact),
            lambda name: self.world.create_file_set(name, self.world.composed(names), seconds),
        )

    def _renew_file_set(self) -> None:
        name, seconds = self._known(), self.chance.choice((0, 1, 60, 1800, 1801))
        self.both(
            f"renew {name[:6]} for {seconds} s",
            lambda s: self.real.renew(name, seconds),
            lambda s: self.world.renew_file_set(name, seconds),
        )

    def _add_file_set(self) -> None:
        name = self._known()
        repo, reference = self.open_commit()
        self.both(
            f"add {name[:6]} to {repo}@{reference}",
            lambda s: self.real.add_file_set(name, repo, reference, s),
            lambda s: self.world.add_file_set(name, repo, reference),
        )

    def _read_file_set(self, name: str = "") -> None:
        name = name or self._known()
        found: list[model_files.Files] = []

        def model(set_id: str) -> None:
            expected = read(self.world.file_set(name).writes)
            if found != [expected]:
                raise self.mismatch(f"file set {name[:6]} holds {found}, not {expected}")

        self.both(f"read {name[:6]}", lambda s: found.append(self.real.read_file_set(name)), model)

    # -- looking ------------------------------------------------------------------------------------------------

    def look_closely(self) -> None:
        """Lists, globs and diffs commits."""
        commits = [one for one in self.world.commits if one.files is not None]
        if not commits:
            return
        one, other = self.chance.choice(commits), self.chance.choice(commits)
        self.trace.append(f"look closely at {one} and {other}")
        views = [self.real.view(commit.repo, commit.id) for commit in (one, other)]
        wrong = compare_views(views[0], one.files or {}, (*PATHS, *FOLDERS))
        wrong += compare_diff(views[0], one.files or {}, views[1], other.files or {})
        if wrong:
            raise self.mismatch("; ".join(wrong))


def _key_of(commit: object) -> BranchKey:
    return commit.repo, commit.branch  # type: ignore[attr-defined]
