"""`pfs_v2.API`: the versioned file system over gRPC."""

from __future__ import annotations

from trunkline.api.examination import Examination
from trunkline.api.pfs_commits import CommitCalls
from trunkline.api.pfs_files import FileCalls
from trunkline.api.pfs_filesets import FileSetCalls
from trunkline.api.pfs_repos import RepoCalls
from trunkline.api.pfs_upkeep import UpkeepCalls
from trunkline.api.pfs_walks import WalkCalls
from trunkline.api.transactions import Transactions
from trunkline.pfs.pfs import Pfs


class PfsService(RepoCalls, CommitCalls, FileCalls, FileSetCalls, WalkCalls, UpkeepCalls):
    """Every RPC of `pfs_v2.API` that is built."""

    def __init__(
        self,
        pfs: Pfs,
        transactions: Transactions | None = None,
    ) -> None:
        self._pfs = pfs
        self._transactions = transactions or Transactions(pfs)
        self._examination = Examination(pfs)
