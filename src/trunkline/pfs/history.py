"""Removing commits: squash (the content lives on in the children) and drop (it is gone).

Every commit holds the root of its whole content, so removing one never touches another's data: only the links
between commits are joined. Invariant: a branch whose head goes away gets the parent as head, or a new empty
commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId
from trunkline.pfs import commits, propagate, provenance, resolve, rows
from trunkline.pfs.change import Change
from trunkline.pfs.refs import SPEC, CommitRef
from trunkline.pfs.rows import Branch, Commit, Repo


def squash(change: Change, ref: CommitRef, *, recursive: bool) -> None:
    """Removes a commit, and with `recursive` what came from it; their data stays in their children.

    Raises:
        NotFound, Refused: spec 01, section 7.
    """
    doomed = _with_subvenance(change, ref, recursive, "squash")
    for commit in doomed:
        _check_squash(change, commit, {one.key for one in doomed})
    remove(change, doomed)


def drop(change: Change, ref: CommitRef, *, recursive: bool) -> None:
    """Removes a commit that has no children, and with `recursive` what came from it; the data is gone.

    Raises:
        NotFound, Refused: spec 01, section 7.
    """
    doomed = _with_subvenance(change, ref, recursive, "drop")
    for commit in doomed:
        if _children(change, commit):
            raise Refused(f"cannot drop a commit that has children: {commit}")
    remove(change, doomed)


def squash_set(change: Change, set_id: SetId) -> None:
    """Squashes every commit of a set.

    Raises:
        Refused: spec 01, section 7.
    """
    doomed = _of_set(change, set_id)
    for commit in doomed:
        _check_squash(change, commit, {one.key for one in doomed})
    remove(change, doomed)


def drop_set(change: Change, set_id: SetId) -> None:
    """Drops every commit of a set.

    Raises:
        Refused: spec 01, section 7.
    """
    doomed = _of_set(change, set_id)
    for commit in doomed:
        _refuse_spec(commit)
        if _children(change, commit):
            raise Refused(f"cannot drop a commit that has children: {commit}")
    remove(change, doomed)


def _with_subvenance(change: Change, ref: CommitRef, recursive: bool, verb: str) -> list[Commit]:
    commit = resolve.commit(change.tx, ref)
    below = provenance.downstream_commits(change.tx, commit.key)
    if below and not recursive:
        raise Refused(f"cannot {verb} commit ({commit}) with subvenance without recursive")
    return [commit, *below]


def _of_set(change: Change, set_id: SetId) -> list[Commit]:
    doomed = list(rows.commits(change.tx, "WHERE commits.set_id = ? ORDER BY commits.id", (set_id,)))
    others = sorted(
        {
            below.id
            for commit in doomed
            for below in provenance.downstream_commits(change.tx, commit.key)
            if below.id != set_id
        }
    )
    if others:
        raise Refused(
            f'commit set "{set_id}" cannot be dropped because it has subvenant commit sets: [{" ".join(others)}]'
        )
    return doomed


def _check_squash(change: Change, commit: Commit, doomed: set[int]) -> None:
    _refuse_spec(commit)
    children = _children(change, commit)
    if not children:
        raise Refused(
            "cannot squash a commit that has no children as that would cause data loss, use the drop operation "
            f"instead: {commit}"
        )
    for child in children:
        if child.finished is None and child.key not in doomed:
            raise Refused(f"cannot squash until child commit {child} is finished")


def _refuse_spec(commit: Commit) -> None:
    if commit.repo.type == SPEC and commit.origin == "USER":
        raise Refused(f"cannot squash commit {commit} because it updated a pipeline")


def _children(change: Change, commit: Commit) -> list[Commit]:
    return list(rows.commits(change.tx, "WHERE commits.parent = ? ORDER BY commits.id", (commit.key,)))


def remove(change: Change, doomed: Sequence[Commit]) -> None:
    """Takes commits out of their chains, newest first; then sees to branches that have no commit left."""
    change.removing([commit.key for commit in doomed])
    headless: list[Branch] = []
    newest_first = sorted(doomed, key=lambda one: -one.key)
    for commit in newest_first:
        change.tx.run("UPDATE commits SET parent = ? WHERE parent = ?", (commit.parent, commit.key))
        if commit.parent is None:
            headless += rows.branches(change.tx, "WHERE branches.head = ? ORDER BY branches.id", (commit.key,))
        else:
            _refuse_forgotten_head(change, commit)
            change.tx.run(
                "UPDATE branches SET head = ?, updated = ? WHERE head = ?", (commit.parent, change.now, commit.key)
            )
    _begin_anew(change, headless)
    for commit in newest_first:
        _erase(change, commit.key)


def _refuse_forgotten_head(change: Change, commit: Commit) -> None:
    """Refuses to remove a head whose parent, which would be the next head, has no content any more."""
    query = (
        "SELECT 1 FROM branches JOIN commits ON commits.id = branches.head "
        "JOIN commits AS above ON above.id = commits.parent WHERE commits.id = ? AND above.forgotten = 1"
    )
    if change.tx.row(query, (commit.key,)) is not None:
        raise Refused(f"the branch head cannot be a forgotten commit: the parent of {commit} is")


def _begin_anew(change: Change, headless: list[Branch]) -> None:
    """Gives branches an empty commit as head: upstream ones first, and those of one repo the same."""
    depth = {branch.key: len(provenance.upstream_branches(change.tx, branch.key)) for branch in headless}
    by_depth = sorted(headless, key=lambda one: (depth[one.key], one.key))
    deepest = {branch.repo_key: branch for branch in by_depth}  # its name and provenance decide, if it has any
    made: dict[int, int] = {}
    for branch in by_depth:
        if branch.repo_key not in made:
            name = deepest[branch.repo_key].ref.name
            made[branch.repo_key] = commits.insert_commit(change, branch.repo_key, name, parent=None, origin="AUTO")
        change.tx.run(
            "UPDATE branches SET head = ?, updated = ? WHERE id = ?", (made[branch.repo_key], change.now, branch.key)
        )
    for branch in deepest.values():
        if depth[branch.key]:
            propagate.link_provenance(change, made[branch.repo_key], branch.key)
        else:
            commits.close_empty(change, made[branch.repo_key])


def _erase(change: Change, key: int) -> None:
    change.created = [one for one in change.created if one != key]
    change.forced = [one for one in change.forced if one != key]
    change.tx.run("DELETE FROM commit_provenance WHERE commit_id = ? OR upstream = ?", (key, key))
    change.tx.run("DELETE FROM layers WHERE commit_id = ?", (key,))
    change.tx.run("DELETE FROM trigger_checks WHERE commit_id = ?", (key,))
    change.tx.run("DELETE FROM commits WHERE id = ?", (key,))


def remove_all(change: Change, repo: Repo) -> None:
    """Removes every commit of a repo that has no branches any more."""
    keys = [
        int(row["id"]) for row in change.tx.rows("SELECT id FROM commits WHERE repo = ? ORDER BY id DESC", (repo.key,))
    ]
    change.removing(keys)
    for key in keys:
        _erase(change, key)
