"""When triggers fire: a branch follows another to its commit, and what is downstream of it gets new commits.

Invariants: each firing is a change of its own, with its own commit set; a check or tick is done exactly once, in the
transaction that does what follows from it. So a crash delays a firing and neither loses nor repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trunkline.catalog import Row, Tx
from trunkline.kernel import cron
from trunkline.kernel.units import decimal_size
from trunkline.maps import Root
from trunkline.pfs import commits, resolve, rows, triggers
from trunkline.pfs.change import Change
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import BranchRef
from trunkline.pfs.rows import Branch, Commit
from trunkline.pfs.triggers import Trigger

_CHECKS_AT_ONCE = 100
_CHECKS = f"SELECT id, branch, commit_id FROM trigger_checks ORDER BY id LIMIT {_CHECKS_AT_ONCE}"
_CRONS = (
    "SELECT triggers.*, commits.started AS since FROM triggers JOIN branches ON branches.id = triggers.branch "
    "JOIN commits ON commits.id = branches.head WHERE cron <> '' "
)


def check_next(pfs: Pfs) -> bool:
    """Holds triggers against commits that finished, until one fires; False if there are none to be held."""
    with pfs.catalog.read() as tx:
        if tx.row(_CHECKS) is None:
            return False

    def step(change: Change) -> None:
        for row in list(change.tx.rows(_CHECKS)):
            change.tx.run("DELETE FROM trigger_checks WHERE id = ?", (row["id"],))
            trigger = triggers.find(change.tx, row["branch"])
            branch = rows.branch_by_key(change.tx, row["branch"])
            if trigger is None or branch is None:
                continue
            commit = commits.need(change, row["commit_id"])
            if branch.head != commit.key and fires(change.tx, trigger, commits.need(change, branch.head), commit):
                _fire(change, branch, commit)
                return

    pfs.change(step)
    return True


def fires(tx: Tx, trigger: Trigger, old: Commit, new: Commit) -> bool:
    """Whether a commit that finished makes a branch with the head `old` follow to it."""
    held = list(_conditions(tx, trigger, old, new))
    if trigger.cron_spec and not held:
        return False  # it has a condition, and that is not for commits
    return all(held) if trigger.all else any(held)


def _conditions(tx: Tx, trigger: Trigger, old: Commit, new: Commit) -> Iterator[bool]:
    if trigger.rate_limit_spec:
        due = None if old.finishing is None else cron.parse(trigger.rate_limit_spec).next(old.finishing)
        yield due is not None and new.finishing is not None and due < new.finishing
    if trigger.size:
        yield _size(new) - _size(old) >= decimal_size(trigger.size)
    if trigger.commits:
        yield _commits_between(tx, new, old, trigger.commits) >= trigger.commits


def _size(commit: Commit) -> int:
    return 0 if commit.error or commit.root is None else Root.unpack(commit.root).weight


def _commits_between(tx: Tx, new: Commit, old: Commit, enough: int) -> int:
    """Commits from `new` back to `old`, which is not counted, or to the first one; no more than `enough`."""
    row = tx.row(
        """WITH RECURSIVE chain (id, parent, origin, depth) AS (
               SELECT id, parent, origin, 1 FROM commits WHERE id = ? AND id <> ?
               UNION ALL SELECT commits.id, commits.parent, commits.origin, depth + 1 FROM chain
               JOIN commits ON commits.id = chain.parent WHERE commits.id <> ? AND depth < ?)
           SELECT count(*) AS count FROM chain WHERE parent IS NOT NULL OR origin <> 'AUTO'""",
        (new.key, old.key, old.key, enough),
    )
    return 0 if row is None else int(row["count"])


def tick(pfs: Pfs) -> bool:
    """Sees to the ticks of cron triggers; False if none was due.

    Of those that are due at once a branch comes after the one that it follows, so that it follows to where that came.
    """
    with pfs.catalog.read() as tx:
        due = [row["branch"] for row in tx.rows(_CRONS) if _ticked(row, pfs.clock.now()) is not None]
        ordered = sorted(due, key=_place(tx)) if len(due) > 1 else due
    for branch in ordered:
        pfs.change(lambda change, branch=branch: _tick(change, branch))  # type: ignore[misc]
    return bool(due)


def _place(tx: Tx) -> Callable[[int], tuple[int, int]]:
    """What branches are sorted by: how many others each follows along triggers; then their age."""
    query = "SELECT branches.id, branches.repo, name, source FROM triggers JOIN branches ON branches.id = branch"
    followed: dict[tuple[int, str], str] = {}
    names: dict[int, tuple[int, str]] = {}
    for row in tx.rows(query):
        names[row["id"]] = row["repo"], row["name"]
        followed[row["repo"], row["name"]] = row["source"]

    def place(key: int) -> tuple[int, int]:
        depth, (repo, name) = 0, names[key]
        while (repo, name) in followed:  # triggers form no loop
            depth, name = depth + 1, followed[repo, name]
        return depth, key

    return place


def _ticked(row: Row, now: int) -> int | None:
    """The last tick until now that was not seen to."""
    since: int = row["since"] if row["ticked"] is None else row["ticked"]
    return cron.parse(row["cron"]).last(since, now)


def _tick(change: Change, key: int) -> None:
    row = change.tx.row(_CRONS + "AND triggers.branch = ?", (key,))
    ticked = None if row is None else _ticked(row, change.now)
    branch = rows.branch_by_key(change.tx, key)
    if row is None or ticked is None or branch is None:
        return  # somebody else saw to it
    change.tx.run("UPDATE triggers SET ticked = ? WHERE branch = ?", (ticked, key))
    source = resolve.find_branch(change.tx, BranchRef(branch.ref.repo, row["source"]))
    if source is not None and source.head != branch.head:
        _fire(change, branch, commits.need(change, source.head))


def _fire(change: Change, branch: Branch, commit: Commit) -> None:
    commits.point_branch(change, branch.repo_key, branch.ref, branch, commit.key)
    triggers.note_arrival(change.tx, branch, commit.key)
