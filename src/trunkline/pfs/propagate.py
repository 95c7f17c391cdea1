"""What one change causes downstream: new open commits on every branch that comes from a moved one and follows it.

Invariants kept here: a new commit's direct provenance is the heads, at the end of the change, of its branch's direct
provenance, whatever the order of the steps; upstream commits have smaller keys than downstream ones; a commit set has
at most one commit per repo; the branch graph has no cycle, and no two branches of one repo meet in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import CycleDetected, Refused
from trunkline.pfs import provenance, rows
from trunkline.pfs.change import Change
from trunkline.pfs.commits import insert_commit, need, replace_commit
from trunkline.pfs.refs import SPEC
from trunkline.pfs.rows import Branch, Commit


def propagate(change: Change) -> None:
    """Gives every branch downstream of a moved one a new open commit of this change's set.

    A commit that a step of this change made already is kept, but comes from the heads of the end, not of its step.

    Raises:
        CycleDetected: a commit would come from itself.
    """
    found: set[int] = set()
    following: set[int] = set()
    for moved in change.moved:
        found.update(branch.key for branch in provenance.downstream_branches(change.tx, moved))
        following.update(branch.key for branch in provenance.branches_to_follow(change.tx, moved))
    depth = {key: len(provenance.upstream_branches(change.tx, key)) for key in found}
    upstream_first = sorted(found, key=lambda key: (depth[key], key))
    # Once is enough, unless a commit got younger under a branch of its repo that nobody downstream is tied to.
    replaced = True
    while replaced:
        replaced = False
        for key in upstream_first:
            replaced |= _bring_up_to_date(change, key, follows=key in following)


def _bring_up_to_date(change: Change, key: int, *, follows: bool) -> bool:
    """Sees to the head of one branch; whether a commit that others may come from was replaced by a younger one.

    A branch that does not follow gets no commit; but one that it has in this change comes from the heads of the end.
    """
    branch = rows.branch_by_key(change.tx, key)
    assert branch is not None, "no branch is deleted during propagation"
    upstream = provenance.direct_branches(change.tx, key)
    if len(upstream) == 1 and upstream[0].ref.repo.type == SPEC:
        return False  # a spout writes its own commits
    head = need(change, branch.head)
    if head.id != change.set_id:
        if not follows:
            return False
        commit = insert_commit(change, branch.repo_key, branch.ref.name, parent=head.key, origin="AUTO")
        link_provenance(change, commit, key)
        change.tx.run("UPDATE branches SET head = ?, updated = ? WHERE id = ?", (commit, change.now, key))
        return False
    return head.branch == branch.ref.name and _settle(change, branch, head, {one.head for one in upstream})


def _settle(change: Change, branch: Branch, head: Commit, wanted: set[int]) -> bool:
    """Makes a commit of this change come from the commits that its branch comes from now."""
    if head.key not in change.created:
        return False
    if wanted == {one.key for one in provenance.direct_commits(change.tx, head.key)} and max(wanted) < head.key:
        return False
    if wanted & {head.key, *(one.key for one in provenance.downstream_commits(change.tx, head.key))}:
        raise CycleDetected(f"cycle detected because commit {head} would come from itself: do this in two transactions")
    late = max(wanted) > head.key
    link_provenance(change, replace_commit(change, head.key) if late else head.key, branch.key)
    return late


def link_provenance(change: Change, commit: int, branch: int) -> None:
    """Makes the heads of the branch's direct provenance the direct provenance of the commit."""
    provenance.link(change.tx, commit, branch)


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
