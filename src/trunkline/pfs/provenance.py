"""Who comes from whom: closures over the provenance of branches and of commits.

Only direct edges are stored; the closures are walked. The walk's cost is the size of the closure, which is the
depth and width of the user's graph and not the number of commits.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from trunkline.catalog import Tx
from trunkline.pfs import rows
from trunkline.pfs.rows import Branch, Commit

_UP = """WITH RECURSIVE closure (id) AS (
    SELECT upstream FROM {table} WHERE {column} = ?
    UNION SELECT upstream FROM {table} JOIN closure ON {column} = closure.id) """
_DOWN = """WITH RECURSIVE closure (id) AS (
    SELECT {column} FROM {table} WHERE upstream = ?
    UNION SELECT {column} FROM {table} JOIN closure ON upstream = closure.id) """


def _sql(shape: str, table: str) -> str:
    column = "branch" if table == "branch_provenance" else "commit_id"
    return shape.format(table=table, column=column)


def upstream_branches(tx: Tx, branch: int) -> list[Branch]:
    """Every branch that this one comes from, at any depth."""
    query = _sql(_UP, "branch_provenance") + rows.BRANCH_QUERY + "JOIN closure ON closure.id = branches.id"
    return [rows.branch_of(row) for row in tx.rows(query + " ORDER BY branches.id", (branch,))]


def downstream_branches(tx: Tx, branch: int) -> list[Branch]:
    """Every branch that comes from this one, at any depth."""
    query = _sql(_DOWN, "branch_provenance") + rows.BRANCH_QUERY + "JOIN closure ON closure.id = branches.id"
    return [rows.branch_of(row) for row in tx.rows(query + " ORDER BY branches.id", (branch,))]


def branches_to_follow(tx: Tx, branch: int) -> list[Branch]:
    """Every branch that gets a new commit when this one does: those downstream by edges that pass changes on."""
    query = (
        "WITH RECURSIVE closure (id) AS (SELECT branch FROM branch_provenance WHERE upstream = ? AND never = 0 "
        "UNION SELECT branch FROM branch_provenance JOIN closure ON upstream = closure.id WHERE never = 0) "
        + rows.BRANCH_QUERY
        + "JOIN closure ON closure.id = branches.id ORDER BY branches.id"
    )
    return [rows.branch_of(row) for row in tx.rows(query, (branch,))]


def quiet_branches(tx: Tx, branch: int) -> list[Branch]:
    """The branches that this one names as its provenance, and whose new commits cause none on it."""
    where = (
        "JOIN branch_provenance AS edge ON edge.upstream = branches.id WHERE edge.branch = ? AND edge.never = 1 "
        "ORDER BY branches.id"
    )
    return list(rows.branches(tx, where, (branch,)))


def direct_branches(tx: Tx, branch: int) -> list[Branch]:
    """The branches that this one names as its provenance."""
    where = "JOIN branch_provenance AS edge ON edge.upstream = branches.id WHERE edge.branch = ? ORDER BY branches.id"
    return list(rows.branches(tx, where, (branch,)))


def direct_branch_subvenance(tx: Tx, branch: int) -> list[Branch]:
    """The branches that name this one as their provenance."""
    where = "JOIN branch_provenance AS edge ON edge.branch = branches.id WHERE edge.upstream = ? ORDER BY branches.id"
    return list(rows.branches(tx, where, (branch,)))


def upstream_commits(tx: Tx, commit: int) -> list[Commit]:
    """Every commit that this one comes from, oldest first."""
    query = _sql(_UP, "commit_provenance") + rows.COMMIT_QUERY + "JOIN closure ON closure.id = commits.id"
    return [rows.commit_of(row) for row in tx.rows(query + " ORDER BY commits.id", (commit,))]


def downstream_commits(tx: Tx, commit: int) -> list[Commit]:
    """Every commit that comes from this one, oldest first."""
    query = _sql(_DOWN, "commit_provenance") + rows.COMMIT_QUERY + "JOIN closure ON closure.id = commits.id"
    return [rows.commit_of(row) for row in tx.rows(query + " ORDER BY commits.id", (commit,))]


def direct_commits(tx: Tx, commit: int) -> list[Commit]:
    """The commits that were the heads of the provenance branches when this one was made."""
    where = "JOIN commit_provenance AS edge ON edge.upstream = commits.id WHERE edge.commit_id = ? ORDER BY commits.id"
    return list(rows.commits(tx, where, (commit,)))


def direct_subvenance(tx: Tx, commit: int) -> list[Commit]:
    """Every commit that names this one as direct provenance, oldest first."""
    where = "JOIN commit_provenance AS edge ON edge.commit_id = commits.id WHERE edge.upstream = ? ORDER BY commits.id"
    return list(rows.commits(tx, where, (commit,)))


def newest_subvenance(tx: Tx, commit: int, most: int, within: str = "") -> list[Commit]:
    """The commits that name this one as direct provenance, oldest first; the newest `most` if there are more.

    Every job of a pipeline names the commit of its spec, so this grows without end for some. With `within`, only
    those of one commit set.
    """
    if within:
        where = (
            "JOIN commit_provenance AS edge ON edge.commit_id = commits.id "
            "WHERE commits.set_id = ? AND edge.upstream = ? ORDER BY commits.id LIMIT ?"
        )
        return list(rows.commits(tx, where, (within, commit, most)))
    where = (
        "JOIN commit_provenance AS edge ON edge.commit_id = commits.id WHERE edge.upstream = ? "
        "ORDER BY edge.commit_id DESC LIMIT ?"
    )
    return list(rows.commits(tx, where, (commit, most)))[::-1]


def link(tx: Tx, commit: int, branch: int) -> None:
    """Makes the heads of the branch's direct provenance the direct provenance of the commit."""
    tx.run("DELETE FROM commit_provenance WHERE commit_id = ?", (commit,))
    tx.run(
        "INSERT INTO commit_provenance (commit_id, upstream) "
        "SELECT ?, branches.head FROM branch_provenance "
        "JOIN branches ON branches.id = branch_provenance.upstream WHERE branch_provenance.branch = ?",
        (commit, branch),
    )


def set_provenance(tx: Tx, branch: int, upstream: Iterable[int], quiet: Container[int] = ()) -> None:
    """Replaces the direct provenance of a branch; new commits of the `quiet` ones will cause none on it."""
    tx.run("DELETE FROM branch_provenance WHERE branch = ?", (branch,))
    for key in upstream:
        tx.run(
            "INSERT INTO branch_provenance (branch, upstream, never) VALUES (?, ?, ?)",
            (branch, key, int(key in quiet)),
        )
