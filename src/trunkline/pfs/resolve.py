"""Turns references into rows: which repo, branch or commit somebody means.

The order of the steps is that of release 2.11 (spec 00, section 5), aliases included: `repo@S`, where the
commit set S has no commit of its own in `repo`, means the older commit of `repo` that S came from.
"""

from __future__ import annotations

from trunkline.catalog import Tx
from trunkline.kernel.errors import InvalidRequest, NotFound, Refused
from trunkline.kernel.ids import is_id
from trunkline.pfs import ancestry, rows
from trunkline.pfs.refs import BranchRef, CommitRef, RepoRef
from trunkline.pfs.rows import Branch, Commit, Repo


def find_repo(tx: Tx, ref: RepoRef) -> Repo | None:
    """The repo, or None."""
    row = tx.row(
        rows.REPO_QUERY + "WHERE repos.name = ? AND repos.type = ? AND projects.name = ?",
        (ref.name, ref.type, ref.project),
    )
    return None if row is None else rows.repo_of(row)


def repo(tx: Tx, ref: RepoRef) -> Repo:
    """The repo.

    Raises:
        NotFound, InvalidRequest: no such repo, or no name given.
    """
    if not ref.name:
        raise InvalidRequest("repo cannot be nil: name a repo")
    found = find_repo(tx, ref)
    if found is None:
        raise NotFound(f"repo {ref} not found")
    return found


def find_branch(tx: Tx, ref: BranchRef) -> Branch | None:
    """The branch, or None; the repo may be missing too."""
    where = "WHERE repos.name = ? AND repos.type = ? AND projects.name = ? AND branches.name = ?"
    row = tx.row(rows.BRANCH_QUERY + where, (ref.repo.name, ref.repo.type, ref.repo.project, ref.name))
    return None if row is None else rows.branch_of(row)


def branch(tx: Tx, ref: BranchRef) -> Branch:
    """The branch.

    Raises:
        NotFound: no such repo or branch.
    """
    found = find_branch(tx, ref)
    if found is None:
        repo(tx, ref.repo)
        raise NotFound(f'branch "{ref.name}" not found in repo {ref.repo}')
    return found


def find_in_set(tx: Tx, repo_key: int, set_id: str) -> Commit | None:
    """The commit of a repo that belongs to a commit set: its own, or an alias."""
    own = tx.row(rows.COMMIT_QUERY + "WHERE commits.repo = ? AND commits.set_id = ?", (repo_key, set_id)) or tx.row(
        """WITH RECURSIVE closure (id) AS (
               SELECT id FROM commits WHERE set_id = ?
               UNION SELECT upstream FROM commit_provenance JOIN closure ON commit_id = closure.id)
           """
        + rows.COMMIT_QUERY
        # The plus keeps the database from going through all commits of the repo.
        + "WHERE +commits.repo = ? AND commits.id IN (SELECT id FROM closure) ORDER BY commits.id DESC",
        (set_id, repo_key),
    )
    return None if own is None else rows.commit_of(own)


def commit(tx: Tx, ref: CommitRef) -> Commit:
    """The commit that a reference means.

    Raises:
        NotFound: repo, branch or commit is missing, or the chain is shorter than the ancestry says.
        InvalidRequest, Refused: the reference makes no sense.
    """
    if not ref.id and not ref.branch:
        raise InvalidRequest(
            f"cannot resolve commit with no ID or branch in repo {ref.repo}: name a branch or a commit id"
        )
    where = repo(tx, ref.repo)
    name, back, forward = ancestry.parse(ref.id) if ref.id else ancestry.Reference("")
    if name and not is_id(name):
        if ref.branch and ref.branch != name:
            raise Refused(f"invalid commit ID given with a branch ({ref.repo}@{ref.branch}): {ref.id}")
        start = _by_key(tx, branch(tx, BranchRef(ref.repo, name)).head)
    elif name:
        found = find_in_set(tx, where.key, name)
        if found is None:
            raise NotFound(f"commit {ref.repo}@{name} not found")
        start = found
    else:
        start = _by_key(tx, branch(tx, BranchRef(ref.repo, ref.branch)).head)
    if forward:
        return _from_root(tx, start, forward, ref)
    return _ancestor(tx, start, back, ref)


def _by_key(tx: Tx, key: int) -> Commit:
    found = rows.commit_by_key(tx, key)
    assert found is not None, "a branch's head is a foreign key"
    return found


def _ancestor(tx: Tx, start: Commit, back: int, ref: CommitRef) -> Commit:
    at = start
    for _ in range(back):
        if at.parent is None:
            raise NotFound(f"commit {ref} not found: the chain has no {back} generations")
        at = _by_key(tx, at.parent)
    return at


def _from_root(tx: Tx, start: Commit, forward: int, ref: CommitRef) -> Commit:
    chain = [start.key]
    while (parent := _by_key(tx, chain[-1]).parent) is not None:
        chain.append(parent)
    if forward > len(chain):
        raise NotFound(f"commit {ref} not found: the chain has {len(chain)} commits")
    return _by_key(tx, chain[-forward])
