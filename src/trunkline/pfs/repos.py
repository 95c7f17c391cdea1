"""Repos: named collections of branches and commits.

Invariant: a `spec` or `meta` repo exists only beside the `user` repo of its name, and goes away with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.catalog import Tx
from trunkline.kernel.errors import AlreadyExists, InvalidRequest, NotFound, Refused
from trunkline.kernel.names import check_name, check_repo_name
from trunkline.pfs import branches, history, provenance, resolve, rows, triggers
from trunkline.pfs.change import Change
from trunkline.pfs.refs import USER, RepoRef
from trunkline.pfs.rows import Branch, Repo


def create(change: Change, ref: RepoRef, *, description: str = "", update: bool = False) -> Repo:
    """Makes a repo, without any branch; or, with `update`, replaces the description of one.

    Raises:
        Refused, NotFound, AlreadyExists: a bad name; no such project; it exists.
    """
    check_repo_name(ref.name)
    check_name(ref.type)
    if ref.type != USER and resolve.find_repo(change.tx, RepoRef(ref.name, USER, ref.project)) is None:
        raise Refused(
            f"cannot create a system repo without a corresponding 'user' repo: {ref.project}/{ref.name} is missing"
        )
    existing = resolve.find_repo(change.tx, ref)
    if existing is not None:
        if not update:
            raise AlreadyExists(f"repo {ref} already exists")
        change.tx.run("UPDATE repos SET description = ? WHERE id = ?", (description, existing.key))
        return existing
    project = change.tx.row("SELECT id FROM projects WHERE name = ?", (ref.project,))
    if project is None:
        raise NotFound(f'cannot find project "{ref.project}": create it first')
    key = change.tx.insert(
        "INSERT INTO repos (project, name, type, description, created) VALUES (?, ?, ?, ?, ?)",
        (project["id"], ref.name, ref.type, description, change.now),
    )
    return Repo(key, ref, description, change.now)


def select(tx: Tx, *, type: str = "", projects: tuple[str, ...] = ()) -> list[Repo]:
    """Repos of a type ("" for all) in some projects (none for all), by project and name."""
    where, parameters = ["1 = 1"], []
    if type:
        where.append("repos.type = ?")
        parameters.append(type)
    if projects:
        where.append(f"projects.name IN ({', '.join('?' * len(projects))})")
        parameters.extend(projects)
    query = f"{rows.REPO_QUERY} WHERE {' AND '.join(where)} ORDER BY projects.name, repos.name, repos.type"
    return [rows.repo_of(row) for row in tx.rows(query, parameters)]


def branches_of(tx: Tx, repo: Repo) -> list[Branch]:
    """The branches of a repo, oldest first."""
    return list(rows.branches(tx, "WHERE branches.repo = ? ORDER BY branches.id", (repo.key,)))


def delete(change: Change, ref: RepoRef, *, force: bool = False) -> bool:
    """Removes a repo with its branches, commits and system repos; False if there is none.

    Raises:
        InvalidRequest, Refused: no name; a pipeline's output; other branches come from it, or triggers need its
            branches (without `force`).
    """
    if not ref.name:
        raise InvalidRequest("no repo specified")
    repo = resolve.find_repo(change.tx, ref)
    if repo is None:
        return False
    family = [repo]
    if ref.type == USER:
        where = "WHERE repos.name = ? AND projects.name = ? AND repos.type <> ? ORDER BY repos.id"
        family += [rows.repo_of(row) for row in change.tx.rows(rows.REPO_QUERY + where, (ref.name, ref.project, USER))]
        _refuse_dependents(change, family, force)
    for member in reversed(family):
        _remove(change, member)
    return True


def delete_all(change: Change, doomed: Sequence[Repo], *, force: bool = False) -> None:
    """Removes several repos at once, whoever of them comes from whom.

    Raises:
        Refused: branches of other repos come from one of them, or they have triggers (without `force`).
    """
    _refuse_dependents(change, doomed, force)
    for repo in doomed:
        delete(change, repo.ref, force=True)


def _refuse_dependents(change: Change, family: Sequence[Repo], force: bool) -> None:
    inside = {repo.key for repo in family}
    for repo in family:
        for branch in branches_of(change.tx, repo):
            if not force:
                triggers.refuse_removal(change.tx, branch)
            below = [one for one in provenance.downstream_branches(change.tx, branch.key) if one.repo_key not in inside]
            if below and not force:
                names = " ".join(str(one.ref) for one in below)
                raise Refused(
                    f'branch "{branch.ref.name}" cannot be deleted because it\'s in the direct provenance of '
                    f"[{names}]: delete those pipelines first"
                )


def _remove(change: Change, repo: Repo) -> None:
    for branch in branches_of(change.tx, repo):
        branches.drop(change, branch)
    history.remove_all(change, repo)
    change.tx.run("DELETE FROM repos WHERE id = ?", (repo.key,))
