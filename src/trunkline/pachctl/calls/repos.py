"""What the commands of repos do, whichever way they are spelled."""

from __future__ import annotations

from trunkline.pachctl.connect import Server
from trunkline.wire import pfs_pb2 as pfs


def named(name: str, project: str) -> pfs.Repo:
    """A repo that is to be made: a dot in its name is not a type, so that it is refused."""
    return pfs.Repo(name=name, type="user", project=pfs.Project(name=project))


def create(server: Server, repo: pfs.Repo, description: str) -> None:
    """Makes a repo."""
    server.pfs.CreateRepo(pfs.CreateRepoRequest(repo=repo, description=description))


def update(server: Server, repo: pfs.Repo, description: str) -> None:
    """Changes the description; the RPC alone would make a repo that is not there.

    In a transaction it is not looked for: it may be one that the transaction makes.

    Raises:
        NotFound: no such repo.
    """
    if not server.transaction:
        inspect(server, repo)
    server.pfs.CreateRepo(pfs.CreateRepoRequest(repo=repo, description=description, update=True))


def inspect(server: Server, repo: pfs.Repo) -> pfs.RepoInfo:
    """One repo."""
    info: pfs.RepoInfo = server.pfs.InspectRepo(pfs.InspectRepoRequest(repo=repo))
    return info


def delete(server: Server, repo: pfs.Repo, *, force: bool) -> bool:
    """Deletes a repo; whether there was one."""
    deleted: bool = server.pfs.DeleteRepo(pfs.DeleteRepoRequest(repo=repo, force=force)).deleted
    return deleted
