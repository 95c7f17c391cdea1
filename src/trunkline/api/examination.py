"""What a Fsck consists of, in all rooms: the checks, the repairs, the zombies."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.api import convert
from trunkline.pfs import fsck as pfs_fsck
from trunkline.pfs import fsck_rows
from trunkline.pfs import repairs as pfs_repairs
from trunkline.pfs.pfs import Pfs
from trunkline.pfs.refs import CommitRef
from trunkline.pps import fsck as pps_fsck
from trunkline.pps import repairs as pps_repairs
from trunkline.pps import roots, zombies
from trunkline.wire import pfs_pb2


class Examination:
    """Looks everything through."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs

    def problems(self, *, hashes: bool) -> Iterator[str]:
        """Everything that is wrong, in words.

        Args:
            hashes: hold the bytes of every file against its hash as well.
        """
        yield from pfs_fsck.check(self._pfs, hashes=hashes)
        yield from pps_fsck.check(self._pfs)

    def repairs(self) -> Iterator[str]:
        """Repairs what can be, and says of each what it did."""
        yield from fsck_rows.repair(self._pfs)
        yield from pps_repairs.repair(self._pfs)
        yield from pfs_repairs.objects(self._pfs, [roots.roots])

    def zombies(self, target: CommitRef | None) -> Iterator[str]:
        """Files of a commit, or of the heads of all output branches, that no datum made."""
        return zombies.find(self._pfs, target)


def found(
    examination: Examination, request: pfs_pb2.FsckRequest, *, hashes: bool = False
) -> Iterator[pfs_pb2.FsckResponse]:
    """What a request asks for: repairs first, then what is wrong (still)."""
    for done in examination.repairs() if request.fix else ():
        yield pfs_pb2.FsckResponse(fix=done)
    which = request.WhichOneof("zombie_check")
    if which == "zombie_target":
        problems = examination.zombies(convert.commit_ref(request.zombie_target))
    elif request.zombie_all:
        problems = examination.zombies(None)
    else:
        problems = examination.problems(hashes=hashes)
    for problem in problems:
        yield pfs_pb2.FsckResponse(error=f"{problem}{_LOST if request.fix else ''}")


_LOST = "; not repaired: what should be there is nowhere else"
