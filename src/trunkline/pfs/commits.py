"""The life of a commit: started, written to, finishing, finished.

Invariants: a finished commit has a root (its whole content) and never changes again; a child starts only when
its parent is finishing or finished; `started <= finishing <= finished`. What a commit holds is worked out by
`finish`; what it causes downstream by `propagate`.
"""

from __future__ import annotations

from trunkline.catalog import Tx
from trunkline.kernel.errors import AlreadyExists, InvalidRequest, NotFound, NotReady, Refused
from trunkline.kernel.names import check_branch_name
from trunkline.maps import EMPTY
from trunkline.pfs import provenance, resolve, rows, triggers
from trunkline.pfs.change import Change
from trunkline.pfs.refs import SPEC, BranchRef, CommitRef
from trunkline.pfs.rows import Branch, Commit


def insert_commit(
    change: Change,
    repo_key: int,
    branch: str,
    *,
    parent: int | None,
    origin: str,
    description: str = "",
) -> int:
    """Adds an open commit to a repo; the caller moves the branch and links provenance. Returns its key.

    Raises:
        AlreadyExists: the repo has a commit of this set already.
    """
    taken = change.tx.row(
        rows.COMMIT_QUERY + "WHERE commits.repo = ? AND commits.set_id = ?", (repo_key, change.set_id)
    )
    if taken is not None:
        commit = rows.commit_of(taken)
        raise AlreadyExists(
            f"inconsistent dependencies: cannot create commit from {commit}; repo ({commit.repo}) already has a "
            "commit in this transaction"
        )
    key = change.tx.insert(
        "INSERT INTO commits (repo, set_id, branch, parent, origin, description, started) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (repo_key, change.set_id, branch, parent, origin, description, change.now),
    )
    change.created.append(key)
    return key


def replace_commit(change: Change, key: int) -> int:
    """Gives a commit that this change made a new key, which is greater than those of all others; returns it.

    Nothing outside has seen the old key. Whatever names the commit follows.
    """
    columns = "repo, branch, parent, origin, description, started, finishing, finished, error, root, metadata"
    new = change.tx.insert(
        f"INSERT INTO commits (set_id, {columns}) SELECT '', {columns} FROM commits WHERE id = ?",
        (key,),
    )
    for naming in (
        "UPDATE commits SET parent = ? WHERE parent = ?",
        "UPDATE branches SET head = ? WHERE head = ?",
        "UPDATE commit_provenance SET commit_id = ? WHERE commit_id = ?",
        "UPDATE commit_provenance SET upstream = ? WHERE upstream = ?",
        "UPDATE layers SET commit_id = ? WHERE commit_id = ?",
    ):
        change.tx.run(naming, (new, key))
    change.tx.run("DELETE FROM commits WHERE id = ?", (key,))
    change.tx.run("UPDATE commits SET set_id = ? WHERE id = ?", (change.set_id, new))
    change.created = [one for one in change.created if one != key] + [new]
    change.forced = [new if one == key else one for one in change.forced]
    return new


def need(change: Change, key: int) -> Commit:
    """The commit with this key, which is known to exist."""
    found = rows.commit_by_key(change.tx, key)
    assert found is not None, "the key of a commit that was just read or made"
    return found


def close_empty(change: Change, key: int) -> None:
    """Finishes a commit that adds nothing: its content is its parent's, or nothing."""
    commit = need(change, key)
    parent = None if commit.parent is None else need(change, commit.parent)
    root = EMPTY.pack() if parent is None else parent.root
    finished = change.now if root is not None else None  # an unfinished parent: the finisher goes on
    change.tx.run(
        "UPDATE commits SET finishing = ?, finished = ?, root = ? WHERE id = ?",
        (change.now, finished, root, key),
    )
    triggers.note_finished(change.tx, key)


def start(change: Change, ref: BranchRef, *, parent: CommitRef | None = None, description: str = "") -> Commit:
    """Starts a commit on a branch, which is made if need be.

    Raises:
        InvalidRequest, NotFound, Refused: no branch named; repo or parent missing; the parent is open; the branch is
            an output branch, and not the caller's own.
    """
    if not ref.name:
        raise InvalidRequest("branch must be specified")
    check_branch_name(ref.name)
    repo = resolve.repo(change.tx, ref.repo)
    branch = resolve.find_branch(change.tx, ref)
    own = branch is not None and branch.key == change.writer
    if branch is not None and provenance.direct_branches(change.tx, branch.key) and not own:
        raise Refused(f"cannot start a commit on an output branch: {ref}")
    above = _parent(change, ref, branch, parent)
    if above is not None and above.open:
        raise Refused(
            f"parent commit {above} has not been finished: finish it first (pachctl finish-commit), or write to it"
        )
    key = insert_commit(
        change,
        repo.key,
        ref.name,
        parent=None if above is None else above.key,
        origin="USER",
        description=description,
    )
    moved = point_branch(change, repo.key, ref, branch, key)
    if own:
        provenance.link(change.tx, key, moved)
    return need(change, key)


def _parent(change: Change, ref: BranchRef, branch: Branch | None, parent: CommitRef | None) -> Commit | None:
    if parent is not None and (parent.id or parent.branch):
        try:
            found = resolve.commit(change.tx, CommitRef(ref.repo, parent.id, parent.branch))
        except NotFound:
            raise NotFound(f"parent commit {parent} not found") from None
        if found.forgotten:
            raise Refused(f"the commit is forgotten: {found} cannot be a parent, choose another")
        return found
    return None if branch is None else need(change, branch.head)


def point_branch(change: Change, repo_key: int, ref: BranchRef, branch: Branch | None, head: int) -> int:
    """Makes the branch, or moves it, so that its head is the commit; returns the branch's key."""
    if branch is None:
        key = change.tx.insert(
            "INSERT INTO branches (repo, name, head, created, updated) VALUES (?, ?, ?, ?, ?)",
            (repo_key, ref.name, head, change.now, change.now),
        )
    else:
        key = branch.key
        change.tx.run("UPDATE branches SET head = ?, updated = ? WHERE id = ?", (head, change.now, key))
    change.move(key)
    return key


def finish(change: Change, ref: CommitRef, *, error: str = "", description: str = "", force: bool = False) -> Commit:
    """Closes an open commit; its content is worked out in the background, in a moment.

    Raises:
        NotFound, Refused: no such commit; finished already; the output of a pipeline.
    """
    commit = resolve.commit(change.tx, ref)
    if not commit.open:
        raise Refused(f"commit {commit} has already finished")
    upstream = provenance.direct_commits(change.tx, commit.key)
    if any(one.repo.type == SPEC for one in upstream) and not is_writers(change.tx, commit, change.writer):
        if not force:
            raise Refused("cannot finish a pipeline output or meta commit, use 'stop job' instead")
        change.forced.append(commit.key)
    change.tx.run(
        "UPDATE commits SET finishing = ?, error = ?, description = CASE WHEN ? = '' THEN description ELSE ? END "
        "WHERE id = ?",
        (max(change.now, commit.started), error, description, description, commit.key),
    )
    return need(change, commit.key)


def is_writers(tx: Tx, commit: Commit, writer: int | None) -> bool:
    """Whether a commit was made on the branch with this key, to which somebody may write; never, for None."""
    found = resolve.find_branch(tx, BranchRef(commit.repo, commit.branch)) if writer is not None else None
    return found is not None and found.key == writer


def complete(change: Change, commit: Commit, root: bytes | None, error: str = "") -> None:
    """Closes an open output commit with content worked out by its job.

    Args:
        root: the packed map of the content; None for an errored commit, which keeps what its parent had.
        error: why the content is not what it should be.

    Raises:
        NotReady: its parent is unfinished, so that its content cannot be final.
    """
    current = need(change, commit.key)
    if current.finished is not None:
        return
    parent = None if current.parent is None else need(change, current.parent)
    if root is not None and parent is not None and parent.finished is None:
        raise NotReady(f"commit {commit} cannot be finished before its parent {parent}")
    if root is None:
        root = EMPTY.pack() if parent is None else parent.root
    now = max(change.now, current.started, current.finishing or 0)  # the machine's clock may have been put back
    finished = now if root is not None else None
    change.tx.run(
        "UPDATE commits SET finishing = coalesce(finishing, ?), finished = ?, root = ?, error = ? WHERE id = ?",
        (now, finished, root, error, commit.key),
    )
    change.tx.run("DELETE FROM layers WHERE commit_id = ?", (commit.key,))
    triggers.note_finished(change.tx, commit.key)


def clear(change: Change, ref: CommitRef) -> None:
    """Forgets everything written to an open commit so far.

    Raises:
        NotFound, Refused: no such commit; finished already.
    """
    commit = resolve.commit(change.tx, ref)
    if not commit.open:
        raise Refused(f"cannot clear finished commit {commit}")
    change.tx.run("DELETE FROM layers WHERE commit_id = ?", (commit.key,))
