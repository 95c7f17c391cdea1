"""`pfs_v2.API`: the versioned file system over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trunkline.api.pfs_commits import CommitCalls
from trunkline.api.pfs_files import FileCalls
from trunkline.api.pfs_filesets import FileSetCalls
from trunkline.api.pfs_repos import RepoCalls
from trunkline.pfs.pfs import Pfs


class PfsService(RepoCalls, CommitCalls, FileCalls, FileSetCalls):
    """Every RPC of `pfs_v2.API` that is built."""

    def __init__(self, pfs: Pfs, checks: Sequence[Callable[[], Iterator[str]]] = ()) -> None:
        self._pfs = pfs
        self._checks = checks
