"""Triggers: the wish that a branch follows another of its repo, from time to time. What they are, and which there are.

Invariants: a branch has a trigger or provenance, not both; triggers form no loop; each commit that finishes without an
error leaves, in the same transaction, a check for each trigger on its branch. When a trigger fires is `firing`'s.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trunkline.catalog import Row, Tx
from trunkline.kernel import cron
from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.kernel.names import check_branch_name
from trunkline.kernel.units import decimal_size
from trunkline.pfs.refs import BranchRef
from trunkline.pfs.rows import Branch


class Trigger(msgspec.Struct, frozen=True):
    """When a branch follows another; empty texts and 0 are no conditions.

    Attributes:
        source: the name of the branch that is followed.
        all: whether every condition must hold, not just one.
        rate_limit_spec: a cron expression: a tick must have passed since the head that the branch has.
        size: bytes, in words, by which the content must have grown.
        commits: so many must have been made since.
        cron_spec: a cron expression: at its ticks the branch follows, whatever was made.
    """

    source: str
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


def check(tx: Tx, repo_key: int, ref: BranchRef, trigger: Trigger) -> None:
    """Refuses a trigger that makes no sense for a branch.

    Raises:
        Refused: spec 01, section 4.
    """
    if not trigger.source:
        raise Refused("triggers must specify a branch to trigger on")
    check_branch_name(trigger.source)
    if trigger.rate_limit_spec:
        _parsed("rate limit spec", cron.parse, trigger.rate_limit_spec)
    if trigger.size:
        _parsed("size", decimal_size, trigger.size)
    if trigger.commits < 0:
        raise Refused("can't trigger on a negative number of commits")
    if trigger.cron_spec:
        _parsed("cron spec", cron.parse, trigger.cron_spec)
    passed: set[str] = set()
    at: str | None = trigger.source
    while at is not None and at not in passed:
        if at == ref.name:
            raise Refused("triggers cannot form a loop")
        passed.add(at)
        at = _source_of(tx, repo_key, at)


def _parsed(name: str, parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except InvalidRequest as error:
        raise Refused(f"invalid trigger {name}: {error}") from None


def _source_of(tx: Tx, repo_key: int, branch: str) -> str | None:
    query = "SELECT source FROM triggers JOIN branches ON branches.id = triggers.branch "
    row = tx.row(query + "WHERE branches.repo = ? AND branches.name = ?", (repo_key, branch))
    return None if row is None else row["source"]


def of_row(row: Row) -> Trigger:
    """The trigger in a row of `triggers`."""
    return Trigger(row["source"], bool(row["every"]), row["rate"], row["size"], row["commits"], row["cron"])


def find(tx: Tx, branch: int) -> Trigger | None:
    """The trigger of a branch, by the branch's key."""
    row = tx.row("SELECT * FROM triggers WHERE branch = ?", (branch,))
    return None if row is None else of_row(row)


def put(tx: Tx, branch: Branch, trigger: Trigger) -> None:
    """Gives a branch a trigger, in place of another; the ticks of one that stays the same go on."""
    if find(tx, branch.key) == trigger:
        return
    tx.run("DELETE FROM triggers WHERE branch = ?", (branch.key,))
    tx.run(
        "INSERT INTO triggers (branch, repo, source, every, rate, size, commits, cron) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(branch.key, branch.repo_key, trigger.source, int(trigger.all), trigger.rate_limit_spec),
            *(trigger.size, trigger.commits, trigger.cron_spec),
        ),
    )


def followers(tx: Tx, branch: Branch) -> list[str]:
    """The names of the branches that follow one."""
    query = (
        "SELECT name FROM triggers JOIN branches ON branches.id = triggers.branch "
        "WHERE triggers.repo = ? AND source = ? ORDER BY branches.id"
    )
    return [row["name"] for row in tx.rows(query, (branch.repo_key, branch.ref.name))]


def refuse_removal(tx: Tx, branch: Branch) -> None:
    """Refuses to remove a branch that follows another, or is followed.

    Raises:
        Refused: spec 01, section 4.
    """
    unless = f'branch "{branch.ref.name}" cannot be deleted because it'
    own = find(tx, branch.key)
    if own is not None:
        raise Refused(f"{unless} is triggered by branches [{BranchRef(branch.ref.repo, own.source)}]")
    names = " ".join(str(BranchRef(branch.ref.repo, name)) for name in followers(tx, branch))
    if names:
        raise Refused(f"{unless} triggers branches [{names}]")


def remove(tx: Tx, branch: Branch) -> None:
    """Removes every trigger that a branch has, or is the source of."""
    chosen = "branch = ? OR branch IN (SELECT branch FROM triggers WHERE repo = ? AND source = ?)"
    of = (branch.key, branch.repo_key, branch.ref.name)
    tx.run(f"DELETE FROM trigger_checks WHERE {chosen}", of)
    tx.run("DELETE FROM triggers WHERE branch = ? OR (repo = ? AND source = ?)", of)


def note_finished(tx: Tx, commit: int) -> None:
    """Notes that a commit may have to fire triggers, if it is finished without an error.

    A commit counts for the branch that it was made on, and for those that followed to it while it was open.
    """
    tx.run(
        "INSERT INTO trigger_checks (branch, commit_id) SELECT triggers.branch, commits.id FROM commits "
        "JOIN triggers ON triggers.repo = commits.repo "
        "WHERE commits.id = ? AND commits.finished IS NOT NULL AND commits.error = '' AND (source = commits.branch "
        "OR source IN (SELECT name FROM branches JOIN triggers AS own ON own.branch = branches.id "
        "WHERE branches.head = commits.id)) ORDER BY triggers.branch",
        (commit,),
    )


def note_arrival(tx: Tx, branch: Branch, commit: int) -> None:
    """Notes that a branch followed to a commit, for the triggers on that branch; nothing if it is unfinished."""
    tx.run(
        "INSERT INTO trigger_checks (branch, commit_id) SELECT triggers.branch, commits.id FROM commits "
        "JOIN triggers ON triggers.repo = commits.repo AND triggers.source = ? "
        "WHERE commits.id = ? AND commits.finished IS NOT NULL AND commits.error = '' ORDER BY triggers.branch",
        (branch.ref.name, commit),
    )
