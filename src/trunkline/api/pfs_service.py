"""`pfs_v2.API`: the versioned file system over gRPC."""

from __future__ import annotations

from trunkline.api.examination import Examination
from trunkline.api.pfs_commits import CommitCalls
from trunkline.api.pfs_egress import EgressCalls, Passwords, no_secrets
from trunkline.api.pfs_filesets import FileSetCalls
from trunkline.api.pfs_repos import RepoCalls
from trunkline.api.pfs_upkeep import UpkeepCalls
from trunkline.api.pfs_walks import WalkCalls
from trunkline.api.transactions import Transactions
from trunkline.pfs.pfs import Pfs


class PfsService(RepoCalls, CommitCalls, EgressCalls, FileSetCalls, WalkCalls, UpkeepCalls):
    """Every RPC of `pfs_v2.API` that is built.

    Args:
        passwords: of databases that commits are loaded into.
    """

    def __init__(
        self,
        pfs: Pfs,
        transactions: Transactions | None = None,
        passwords: Passwords = no_secrets,
    ) -> None:
        self._pfs, self._passwords = pfs, passwords
        self._transactions = transactions or Transactions(pfs)
        self._examination = Examination(pfs)
