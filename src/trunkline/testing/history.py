"""Random histories: the same steps on the model and on the real thing, compared after each.

A history is made from a seed alone, so that a failure can be played again: `Mismatch` tells the seed, the steps so
far and what differs. Steps include those that must be refused; then nothing may have changed. This module plays; what
the steps are is `history_pfs`'s, and `history_pps`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from trunkline.kernel.errors import TrunklineError
from trunkline.testing import model_history
from trunkline.testing.history_real import Real, Shape
from trunkline.testing.model import BranchKey, Commit, Refusal, State, World

REPOS = ("a", "b", "c", "d")
BRANCHES = ("master", "dev")
MANY = 50
"""Steps of a usual history."""

COLLECTIONS = 0.1
"""How often garbage is collected after a step."""


class Mismatch(AssertionError):
    """The real thing did not do what the model says."""


class WouldWait(Exception):
    """A step that would block for ever in a single thread, and is left out."""


class Player:
    """A model, a real world, and a source of chance. Steps are methods; `WEIGHTS` says how often each is taken."""

    WEIGHTS: ClassVar[dict[str, float]] = {}
    NAMES: ClassVar[tuple[str, ...]] = REPOS
    """Of the repos that steps may hit."""

    def __init__(self, folder: Path, seed: int, real: Callable[[Path], Real] = Real) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - for repetition, not for secrets
        self.real = real(folder)
        self.world = World(self.real.clock.now)
        # Of its own, so that histories are the same with and without.
        self._tidiness = random.Random(~seed)  # noqa: S311
        self.aside = random.Random(f"aside {seed}")  # noqa: S311 - for what came later
        self.trace: list[str] = []
        self.refusals = 0
        self.witness: Callable[[str, bool], None] = lambda said, well: None

    def run(self, steps: int) -> None:
        """Plays a number of steps, then looks at everything.

        Raises:
            Mismatch: the first difference.
        """
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        try:
            self.begin()
            for _ in range(steps):
                self.step(self.chance.choices(names, weights)[0])
            self.conclude()
        except Mismatch:
            raise
        except Exception as error:
            raise self.mismatch(f"{type(error).__name__}: {error}") from error

    def begin(self) -> None:
        """What every history begins with."""

    def step(self, name: str) -> None:
        """Takes one step, and compares everything but files."""
        try:
            getattr(self, name)()
        except WouldWait:
            self.trace.append("  (left out: it would wait)")
        if self._tidiness.random() < COLLECTIONS:
            self.trace.append("collect garbage")
            self.real.collect()
        found, expected = self.real.shape(), self.model_shape()
        if found != expected:
            raise self.mismatch(difference(found, expected))

    def conclude(self) -> None:
        """Looks for what only shows in the end."""
        self.real.collect()
        problems = self.real.problems()
        if problems:
            raise self.mismatch(f"fsck: {problems}")

    def close(self) -> None:
        """Lets go of the folder."""
        self.real.close()

    # -- doing the same to both -----------------------------------------------------------------------------

    def both(self, what: str, real: Callable[[str], object], model: Callable[[str], object]) -> None:
        """Does a step to both. `real` gets the set id, and may return another one that it made itself."""
        set_id = self.new_id()
        self.trace.append(f"{what} [{set_id[:6]}]")
        error: TrunklineError | None = None
        newest = self.world.newest
        try:
            made = real(set_id)
            set_id = made if isinstance(made, str) else set_id
        except TrunklineError as caught:
            error = caught
        try:
            model(set_id)
        except Refusal as refusal:
            self.refusals += 1
            self.witness(what, False)
            if type(error) is not refusal.kind:
                raise self.mismatch(f"should be refused ({refusal}), but: {error!r}") from error
        else:
            if error is not None:
                raise self.mismatch(f"should not be refused: {error!r}") from error
            self.witness(what, True)
            self.caused([one for one in self.world.commits if one.number > newest])

    def change(self, moved: Iterable[BranchKey], set_id: str) -> None:
        """Ends a change of the model."""
        self.world.propagate(moved, set_id)

    def removed(self, doomed: Sequence[Commit], set_id: str) -> None:
        """Removes commits from the model."""
        model_history.remove(self.world, doomed, set_id)

    def caused(self, made: Sequence[Commit]) -> None:
        """A place for what rooms above make of the commits of a change."""

    def check_removal(self, doomed: Sequence[Commit]) -> None:
        """A place for what rooms above say to a removal."""

    def settle(self) -> None:
        """The background step, on both."""
        self.trace.append("settle")
        self.real.settle()
        self.world.settle()

    def finished(self, commit: Commit | None) -> None:
        """Sees to it that a commit is not on its way to being finished, as who reads it waits for that."""
        if commit is not None and commit.state is State.FINISHING:
            self.settle()
            if commit.state is State.FINISHING:
                raise WouldWait

    # -- chance -----------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """An id that only the seed decides."""
        return f"{self.chance.getrandbits(48):012x}4{self.chance.getrandbits(76):019x}"

    def branch(self, *, written: bool = False) -> BranchKey:
        """A branch, there or not; `written`: mostly one that users may write to."""
        candidates = [
            key
            for key, branch in self.world.branches.items()
            if key[0] in self.NAMES and not (written and branch.provenance)
        ]
        if candidates and self.chance.random() < 0.75:
            return self.chance.choice(candidates)
        return self.repo(), self.chance.choice(BRANCHES)

    def repo(self) -> str:
        """A repo, mostly one that is there."""
        there = [name for name in self.world.repos if name in self.NAMES]
        return self.chance.choice(there if there and self.chance.random() < 0.9 else self.NAMES)

    def reference(self, repo: str) -> str:
        """What may mean a commit of a repo: a branch, an ancestor, an id of its own or an alias, or nothing at all."""
        kind = self.chance.choices(("branch", "ancestor", "own", "alias", "nothing"), (35, 20, 30, 12, 3))[0]
        names = [key[1] for key in self.world.branches if key[0] == repo]
        name = self.chance.choice(names or BRANCHES)
        candidates = [one for one in self.world.commits if kind == "alias" or one.repo == repo]
        if kind == "branch" or (kind in ("own", "alias") and not candidates):
            return name
        if kind == "ancestor":
            return name + self.chance.choice(("^", "^1", "^2", "^3"))
        return self.new_id() if kind == "nothing" else self.chance.choice(candidates).id

    def open_commit(self) -> tuple[str, str]:
        """A repo and a reference, mostly to an open commit."""
        candidates = [one for one in self.world.commits if one.state is State.OPEN and one.repo in self.NAMES]
        if candidates and self.chance.random() < 0.8:
            commit = self.chance.choice(candidates)
            return commit.repo, commit.id
        repo = self.repo()
        return repo, self.reference(repo)

    def model_shape(self) -> Shape:
        """What the real thing must look like."""
        return Shape(
            {
                str(one): (
                    one.branch,
                    None if one.parent is None else str(one.parent),
                    one.origin,
                    one.state.name,
                    one.failed,
                    {str(up) for up in one.provenance},
                )
                for one in self.world.commits
            },
            {
                "@".join(key): (
                    str(branch.head),
                    {"@".join(up) for up in branch.provenance},
                    {"@".join(up) for up in branch.quiet & set(branch.provenance)},
                )
                for key, branch in self.world.branches.items()
            },
            set(self.world.repos),
        )

    def mismatch(self, what: str) -> Mismatch:
        """An error that tells everything needed to find out."""
        steps = "\n".join(f"  {number:3} {line}" for number, line in enumerate(self.trace))
        again = f"{type(self).__name__}(folder, {self.seed}).run({MANY})"
        return Mismatch(f"{again} differs after these steps:\n{steps}\n{what}")


def difference(found: Shape, expected: Shape) -> str:
    """What differs, in words."""
    lines = []
    for kind, real, model in (
        ("commit", found.commits, expected.commits),
        ("branch", found.branches, expected.branches),
    ):
        for name in sorted({*real, *model}):
            if real.get(name) != model.get(name):
                lines.append(f"{kind} {name} is {real.get(name)}, not {model.get(name)}")
    if found.repos != expected.repos:
        lines.append(f"the repos are {sorted(found.repos)}, not {sorted(expected.repos)}")
    return "\n".join(lines)
