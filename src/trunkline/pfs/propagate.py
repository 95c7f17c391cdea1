"""What one change causes downstream: new open commits on every branch that comes from a moved one.

Invariants kept here: a new commit's direct provenance is the heads, at that time, of its branch's direct
provenance; upstream commits are made before downstream ones; a commit set has at most one commit per repo;
the branch graph has no cycle, and no two branches of one repo meet in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import CycleDetected, Refused
from trunkline.pfs import provenance, rows
from trunkline.pfs.change import Change
from trunkline.pfs.commits import insert_commit
from trunkline.pfs.refs import SPEC
from trunkline.pfs.rows import Branch


def propagate(change: Change) -> None:
    """Gives every branch downstream of a moved one a new open commit of this change's set."""
    found: dict[int, Branch] = {}
    for moved in change.moved:
        for branch in provenance.downstream_branches(change.tx, moved):
            found[branch.key] = branch
    depth = {key: len(provenance.upstream_branches(change.tx, key)) for key in found}
    for key in sorted(found, key=lambda key: (depth[key], key)):
        _advance(change, found[key])


def _advance(change: Change, branch: Branch) -> None:
    upstream = provenance.direct_branches(change.tx, branch.key)
    if len(upstream) == 1 and upstream[0].ref.repo.type == SPEC:
        return  # a spout writes its own commits
    head = rows.commit_by_key(change.tx, branch.head)
    assert head is not None, "a branch's head is a foreign key"
    if head.id == change.set_id:
        return
    commit = insert_commit(change, branch.repo_key, branch.ref.name, parent=head.key, origin="AUTO")
    link_provenance(change, commit, branch.key)
    change.tx.run("UPDATE branches SET head = ?, updated = ? WHERE id = ?", (commit, change.now, branch.key))


def link_provenance(change: Change, commit: int, branch: int) -> None:
    """Records the heads of the branch's direct provenance as the direct provenance of the commit."""
    change.tx.run(
        "INSERT INTO commit_provenance (commit_id, upstream) "
        "SELECT ?, branches.head FROM branch_provenance "
        "JOIN branches ON branches.id = branch_provenance.upstream WHERE branch_provenance.branch = ?",
        (commit, branch),
    )


def check_graph(change: Change, branch: Branch) -> None:
    """Refuses a graph that the rules forbid, seen from a branch whose provenance changed.

    Raises:
        CycleDetected: the branch would come from itself.
        Refused: two branches of one repo would meet in one graph.
    """
    upstream = provenance.upstream_branches(change.tx, branch.key)
    downstream = provenance.downstream_branches(change.tx, branch.key)
    if any(other.key == branch.key for other in upstream):
        below = {other.key for other in downstream}
        closing = next(one for one in provenance.direct_branches(change.tx, branch.key) if one.key in below)
        raise CycleDetected(
            f"cycle detected because {closing.ref} is already in the subvenance of {branch.ref}: "
            "remove one of the inputs that close the circle"
        )
    for below_it in [branch, *downstream]:
        _check_one_per_repo([below_it, *provenance.upstream_branches(change.tx, below_it.key)])
    # A change of an upstream branch reaches all that is downstream of it, with one commit per repo.
    for above_it in upstream:
        _check_one_per_repo([above_it, *provenance.downstream_branches(change.tx, above_it.key)])


def _check_one_per_repo(members: Sequence[Branch]) -> None:
    seen: dict[int, str] = {}
    for member in members:
        if seen.setdefault(member.repo_key, member.ref.name) != member.ref.name:
            raise Refused(f'multiple branches from the same repo, "{member.ref.repo}", cannot participate in a DAG')
