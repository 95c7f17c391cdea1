"""`trunkline.v1.Upkeep`: collecting garbage, and saying why the rest is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from trunkline.api import convert
from trunkline.api.dispatch import Call
from trunkline.api.examination import Examination, found
from trunkline.kernel.errors import InvalidRequest
from trunkline.pfs import resolve
from trunkline.pfs.collect.collector import Collector
from trunkline.pfs.collect.explain import Explainer
from trunkline.pfs.collect.report import Amount, Progress, Share, Summary, Tally
from trunkline.pfs.collect.roots import Kept, Source
from trunkline.pfs.pfs import Pfs
from trunkline.wire import pfs_pb2
from trunkline.wire import upkeep_pb2 as wire

_DIGEST = re.compile(r"[0-9a-f]{64}")


class UpkeepService:
    """Looks after the store.

    Args:
        sources: give the roots of the rooms above the file system, for explanations.
    """

    def __init__(self, pfs: Pfs, collector: Collector, sources: Sequence[Source]) -> None:
        self._pfs, self._collector, self._sources = pfs, collector, sources

    def CollectGarbage(self, request: wire.CollectGarbageRequest, call: Call) -> Iterator[wire.CollectGarbageResponse]:
        """Deletes what nothing needs; or only says what that would be."""
        for message in self._collector.run(dry_run=request.dry_run, alive=call.alive):
            if isinstance(message, Progress):
                progress = wire.CollectGarbageProgress(step=message.step, done=message.done)
                yield wire.CollectGarbageResponse(progress=progress)
            else:
                yield wire.CollectGarbageResponse(summary=_summary(message))

    def Examine(self, request: wire.ExamineRequest, call: Call) -> Iterator[pfs_pb2.FsckResponse]:
        """A Fsck that reads everything."""
        yield from found(Examination(self._pfs), request.fsck, hashes=request.hashes)

    def ExplainStorage(self, request: wire.ExplainStorageRequest, call: Call) -> wire.ExplainStorageResponse:
        """Why objects are kept."""
        explainer = Explainer(self._pfs, self._sources, call.alive)
        subject = request.WhichOneof("subject")
        if subject == "digest":
            digest = request.digest.lower()
            if _DIGEST.fullmatch(digest) is None:
                raise InvalidRequest(f"digest {digest[:80]!r} is not one: give 64 hexadecimal digits")
            names, count = explainer.keepers(bytes.fromhex(digest))
            return wire.ExplainStorageResponse(keepers=names, keeper_count=count)
        shares = explainer.shares(self._group(request, subject))
        return wire.ExplainStorageResponse(shares=[_share(one) for one in shares])

    def _group(self, request: wire.ExplainStorageRequest, subject: str | None) -> Callable[[Kept], str | None]:
        """By which name a root counts."""
        if subject is None:
            return lambda kept: kept.reason
        with self._pfs.catalog.read() as tx:
            if subject == "repo":
                repo = str(resolve.repo(tx, convert.repo_ref(request.repo)).ref)
                return lambda kept: repo if kept.repo == repo else None
            commit = str(resolve.commit(tx, convert.commit_ref(request.commit)))
        return lambda kept: commit if kept.name == commit else None


def _amount(value: Amount) -> wire.StoredAmount:
    return wire.StoredAmount(objects=value.objects, bytes=value.bytes)


def _tally(kind: str, value: Tally) -> wire.GarbageTally:
    return wire.GarbageTally(
        kind=kind,
        seen=_amount(value.seen),
        reachable=_amount(value.reachable),
        pinned=_amount(value.pinned),
        young=_amount(value.young),
        garbage=_amount(value.garbage),
    )


def _summary(value: Summary) -> wire.CollectGarbageSummary:
    return wire.CollectGarbageSummary(
        dry_run=value.dry_run,
        roots=value.roots,
        kinds=[_tally(kind, tally) for kind, tally in value.kinds.items()],
        foreign=_amount(value.foreign),
        notes=value.notes,
    )


def _share(value: Share) -> wire.StorageShare:
    return wire.StorageShare(reason=value.reason, roots=value.roots, kept=_amount(value.kept), only=_amount(value.only))
