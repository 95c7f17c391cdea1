"""Forgetting: an output commit stays in its chain and loses its content.

Invariant: nothing that still has to be worked out builds on a forgotten commit: it is the head of no branch, it is the
parent and the input of finished commits only.
"""

from __future__ import annotations

from trunkline.kernel.errors import NotReady, Refused
from trunkline.maps import EMPTY
from trunkline.pfs import provenance, resolve, rows
from trunkline.pfs.change import Change
from trunkline.pfs.refs import CommitRef


def forget(change: Change, ref: CommitRef) -> None:
    """Discards the content of a commit; what else is known of it stays. Forgetting again does nothing.

    Raises:
        NotFound, NotReady: no such commit; it is not finished.
        Refused: it comes from nothing, so that it could not be made again; a branch or an open commit needs it.
    """
    commit = resolve.commit(change.tx, ref)
    if commit.forgotten:
        return
    if not provenance.direct_commits(change.tx, commit.key):
        raise Refused(f"the commit to be forgotten must be in an output repo: {commit} comes from no other commit")
    if commit.finished is None:
        raise NotReady(f"commit {commit} not finished: wait for it, then repeat the call")
    if change.tx.row("SELECT 1 FROM branches WHERE head = ?", (commit.key,)) is not None:
        raise Refused(f"the branch head cannot be a forgotten commit: {commit} is the head of a branch")
    below = [
        *rows.commits(change.tx, "WHERE commits.parent = ? ORDER BY commits.id", (commit.key,)),
        *provenance.direct_subvenance(change.tx, commit.key),
    ]
    for one in below:
        if one.finished is None:
            raise Refused(f"direct descendants must be closed: commit {one} builds on {commit} and is not finished")
    change.tx.run("UPDATE commits SET forgotten = 1, root = ? WHERE id = ?", (EMPTY.pack(), commit.key))
