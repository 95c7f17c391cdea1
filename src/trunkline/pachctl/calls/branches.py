"""What the commands of branches do, whichever way they are spelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trunkline.pachctl.connect import Server
from trunkline.wire import pfs_pb2 as pfs


def create(
    server: Server,
    branch: pfs.Branch,
    *,
    head: pfs.Commit | None = None,
    provenance: Iterable[pfs.Branch] = (),
    trigger: pfs.Trigger | None = None,
) -> None:
    """Makes a branch, or changes it; its provenance becomes what is given."""
    request = pfs.CreateBranchRequest(branch=branch, head=head, provenance=provenance, trigger=trigger)
    server.pfs.CreateBranch(request)


def inspect(server: Server, branch: pfs.Branch) -> pfs.BranchInfo:
    """One branch."""
    info: pfs.BranchInfo = server.pfs.InspectBranch(pfs.InspectBranchRequest(branch=branch))
    return info


def listing(server: Server, repo: pfs.Repo) -> Iterator[pfs.BranchInfo]:
    """The branches of a repo, newest first."""
    infos: Iterator[pfs.BranchInfo] = server.pfs.ListBranch(pfs.ListBranchRequest(repo=repo))
    return infos


def delete(server: Server, branch: pfs.Branch, *, force: bool) -> None:
    """Deletes a branch."""
    server.pfs.DeleteBranch(pfs.DeleteBranchRequest(branch=branch, force=force))
