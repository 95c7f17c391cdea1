"""Branches: named pointers with a declared provenance, or a trigger.

Invariants: a branch always has a head; a branch with provenance is written only by what it comes from; its
graph passes `propagate.check_graph`. Replacing the provenance of a live branch makes a new head commit, so
that no commit ever changes where it came from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.kernel.names import check_branch_name
from trunkline.pfs import commits, propagate, provenance, resolve, rows, triggers
from trunkline.pfs.change import Change
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Branch, Repo
from trunkline.pfs.triggers import Trigger


def create(
    change: Change,
    ref: BranchRef,
    *,
    head: CommitRef | None = None,
    provenance_refs: Sequence[BranchRef] = (),
    quiet: Collection[BranchRef] = (),
    trigger: Trigger | None = None,
) -> Branch:
    """Makes a branch, or replaces the provenance (and the head and the trigger, if given) of an existing one.

    Args:
        head: the commit that becomes the head; None keeps the one there is, or makes an empty one.
        provenance_refs: the branches it comes from; those that do not exist are made, empty.
        quiet: those of them whose new commits cause none here.
        trigger: when it follows another branch; None keeps what there is.

    Raises:
        NotFound, InvalidRequest, Refused, CycleDetected: spec 01, section 4.
    """
    check_branch_name(ref.name)
    repo = resolve.repo(change.tx, ref.repo)
    existing = resolve.find_branch(change.tx, ref)
    _check_trigger(change, repo, existing, ref, trigger, provenance_refs)
    _check_provenance(ref, provenance_refs, quiet)
    given = None if head is None else _head(change, ref, head)
    upstream = [_upstream(change, one) for one in dict.fromkeys(provenance_refs)]
    before = set() if existing is None else {one.key for one in provenance.direct_branches(change.tx, existing.key)}
    replaced = before != set(upstream)
    start = given if given is not None else (None if existing is None else existing.head)
    again = replaced and start is not None and existing is not None and _made_here(change, existing, start)
    if start is None or (replaced and upstream and not again):
        start = commits.insert_commit(change, repo.key, ref.name, parent=start, origin="AUTO")
        if not upstream:
            commits.close_empty(change, start)
    moved = existing is None or replaced or start != existing.head
    key = commits.point_branch(change, repo.key, ref, existing, start) if moved else existing.key  # type: ignore[union-attr]
    provenance.set_provenance(change.tx, key, upstream, _keys(change, quiet))
    found = rows.branch_by_key(change.tx, key)
    assert found is not None, "the branch was just written"
    if replaced and upstream:
        propagate.check_graph(change, found)
        propagate.link_provenance(change, start, key)
    if trigger is not None:
        triggers.put(change.tx, found, trigger)
    return found


def _made_here(change: Change, existing: Branch, start: int) -> bool:
    """Whether the head is an empty commit that an earlier step of this change made: it is used again."""
    head = commits.need(change, start)
    return start == existing.head and start in change.created and head.origin == "AUTO" and head.open


def _check_trigger(
    change: Change,
    repo: Repo,
    existing: Branch | None,
    ref: BranchRef,
    trigger: Trigger | None,
    upstream: Sequence[BranchRef],
) -> None:
    """Refuses a trigger that makes no sense, and one beside provenance."""
    has_one = trigger is not None or (existing is not None and triggers.find(change.tx, existing.key) is not None)
    if has_one and upstream:
        raise Refused("a branch cannot have both provenance and a trigger")
    if trigger is not None:
        triggers.check(change.tx, repo.key, ref, trigger)


def _keys(change: Change, refs: Collection[BranchRef]) -> set[int]:
    return {resolve.branch(change.tx, one).key for one in refs}


def _check_provenance(ref: BranchRef, upstream: Sequence[BranchRef], quiet: Collection[BranchRef]) -> None:
    """Refuses what no graph could hold, before branches are made for it."""
    named: dict[RepoRef, str] = {}
    for one in upstream:
        if one.repo == ref.repo:
            raise Refused(f"repo {ref.repo} cannot be in the provenance of its own branch")
        if named.setdefault(one.repo, one.name) != one.name:
            raise Refused(f'multiple branches from the same repo, "{one.repo}", cannot participate in a DAG')
    for one in quiet:
        if one not in upstream:
            raise Refused(f"branch {one} has a propagation spec for {ref}, and is not in its provenance: add it there")


def _head(change: Change, ref: BranchRef, head: CommitRef) -> int:
    if head.repo != ref.repo:
        raise Refused(f"branch and head commit must belong to the same repo: {ref} and {head}")
    try:
        found = resolve.commit(change.tx, head)
    except NotFound as error:
        raise NotFound(f"unable to inspect {head}: {error}") from None
    if found.forgotten:
        raise Refused(f"the branch head cannot be a forgotten commit: {found}")
    return found.key


def _upstream(change: Change, ref: BranchRef) -> int:
    """The key of a provenance branch, made empty if it is missing."""
    if not ref.name:
        raise InvalidRequest(f"branch must be specified in provenance on repo {ref.repo}")
    found = resolve.find_branch(change.tx, ref)
    if found is not None:
        return found.key
    check_branch_name(ref.name)
    repo = resolve.repo(change.tx, ref.repo)
    head = commits.insert_commit(change, repo.key, ref.name, parent=None, origin="AUTO")
    commits.close_empty(change, head)
    return commits.point_branch(change, repo.key, ref, None, head)


def delete(change: Change, ref: BranchRef, *, force: bool = False) -> None:
    """Removes a branch; its commits stay, and can be read by id.

    Raises:
        NotFound: no such branch.
        Refused: other branches come from it, or a trigger needs it, and `force` is not given.
    """
    branch = resolve.branch(change.tx, ref)
    dependents = provenance.direct_branch_subvenance(change.tx, branch.key)
    if dependents and not force:
        names = " ".join(str(one.ref) for one in dependents)
        raise Refused(f'branch "{ref.name}" cannot be deleted because it\'s in the direct provenance of [{names}]')
    if not force:
        triggers.refuse_removal(change.tx, branch)
    drop(change, branch)


def drop(change: Change, branch: Branch) -> None:
    """Removes a branch, every edge to it, and every trigger that it has or is the source of.

    Raises:
        Refused: a room above needs it.
    """
    change.dropping(branch)
    triggers.remove(change.tx, branch)
    change.tx.run("DELETE FROM branch_provenance WHERE branch = ? OR upstream = ?", (branch.key, branch.key))
    change.tx.run("DELETE FROM branches WHERE id = ?", (branch.key,))
    change.moved.pop(branch.key, None)
