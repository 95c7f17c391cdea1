"""Repos and branches: `NAME CREATED SIZE` and `BRANCH HEAD`."""

from __future__ import annotations

from trunkline.kernel import units
from trunkline.kernel.clock import Nanos
from trunkline.pachctl.table import details
from trunkline.pachctl.views.cells import ago, repo_name, when
from trunkline.wire import pfs_pb2 as pfs

HEADER = ("NAME", "CREATED", "SIZE")
BRANCH_HEADER = ("BRANCH", "HEAD")


def row(info: pfs.RepoInfo, now: Nanos) -> tuple[str, ...]:
    """One line of list-repo."""
    created = ago(when(info, "created"), now)
    return (repo_name(info.repo), created, units.size(size_of(info)))


def detail(info: pfs.RepoInfo, now: Nanos) -> str:
    """inspect-repo."""
    return details(
        (
            ("Name", repo_name(info.repo)),
            ("Description", info.description or None),
            ("Created", ago(when(info, "created"), now)),
            ("Size", units.size(size_of(info))),
        )
    )


def size_of(info: pfs.RepoInfo) -> int:
    """The exact size where the server knows it, else the upper bound; bytes. An open head has no exact size yet."""
    return info.details.size_bytes or info.size_bytes_upper_bound


def branch_row(info: pfs.BranchInfo) -> tuple[str, ...]:
    """One line of list-branch."""
    return (info.branch.name, info.head.id or "-")
