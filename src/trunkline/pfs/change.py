"""One atomic change of the versioned world: a catalog transaction, one time, one commit-set id.

Everything that a call, or all calls of a transaction, cause, here and downstream, happens in one Change and carries
its id. Invariants: all rows of a change have the same time; branches whose heads moved are propagated exactly once, at
the end; hooks of the rooms above (jobs for new output commits) run in the same transaction, after propagation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trunkline.catalog import Tx
from trunkline.kernel.clock import Nanos
from trunkline.kernel.ids import SetId
from trunkline.kernel.meters import Counter
from trunkline.pfs.rows import Branch


class Change:
    """What a running change knows.

    Attributes:
        tx: the catalog transaction.
        set_id: the id of every commit made in it.
        now: its time.
        moved: keys of branches whose head or provenance changed, in order.
        created: keys of commits made by it, upstream first.
        writer: key of the branch that the caller may write to though it comes from others.
        forced: keys of pipelines' output commits that somebody finished instead of their jobs.
        counted: what meters are to count once the change is made.
        before_removal: called with the keys of commits that are about to be deleted, so that rooms above can
            let go of them first.
        before_drop: called with each branch that is about to be deleted; may refuse it.
    """

    def __init__(self, tx: Tx, set_id: SetId, now: Nanos) -> None:
        self.tx = tx
        self.set_id = set_id
        self.now = now
        self.moved: dict[int, None] = {}
        self.created: list[int] = []
        self.forced: list[int] = []
        self.counted: list[tuple[Counter, float, tuple[str, ...]]] = []
        self.writer: int | None = None
        self.before_removal: Sequence[Removal] = ()
        self.before_drop: Sequence[Drop] = ()

    def count(self, meter: Counter, amount: float = 1, *labels: str) -> None:
        """Counts, if and when the change is made."""
        self.counted.append((meter, amount, labels))

    def move(self, branch: int) -> None:
        """Notes that what is downstream of the branch needs new commits."""
        self.moved[branch] = None

    def removing(self, commits: Sequence[int]) -> None:
        """Announces that commits are about to be deleted."""
        for removal in self.before_removal:
            removal(self, commits)

    def dropping(self, branch: Branch) -> None:
        """Announces that a branch is about to be deleted."""
        for drop in self.before_drop:
            drop(self, branch)


class Removal(Protocol):
    """Called before commits are deleted, in the transaction that deletes them."""

    def __call__(self, change: Change, commits: Sequence[int]) -> None:
        """Must delete every row of its own that names one of the commits; raising undoes the whole change."""
        ...


class Drop(Protocol):
    """Called before a branch is deleted, in the transaction that deletes it."""

    def __call__(self, change: Change, branch: Branch) -> None:
        """Raises Refused if a room above still needs the branch."""
        ...


class Hook(Protocol):
    """Called at the end of each change, in its transaction, after propagation."""

    def __call__(self, change: Change) -> None:
        """May read and write the catalog; raising undoes the whole change."""
        ...
