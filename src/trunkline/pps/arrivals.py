"""Whether what a worker stored is still there when it reports it.

Workers write into the store themselves and pin nothing. So if a collection of garbage went on at any time since their
job was taken up, what they report is pinned and then looked for; if something is gone, the report is turned down, and
the datum is worked on again. Invariant: no outcome is recorded that names an object which is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.content.codec import chunk_key
from trunkline.content.entry import slices_of
from trunkline.kernel.errors import ObjectMissing
from trunkline.maps import Root
from trunkline.pfs import holding
from trunkline.pfs.pfs import Pfs
from trunkline.pps.outcomes import Finding
from trunkline.pps.states import DatumState


def still_there(pfs: Pfs, era: int, findings: Sequence[Finding]) -> bool:
    """Whether everything that some findings name is in the store, and stays there to the end of the session.

    Args:
        era: `Pins.era` when the job was taken up.

    Raises:
        Corrupt: a map of outputs is no map.
        StorageFailed: the store cannot be asked.
    """
    roots = [Root.unpack(one.report.outputs) for one in findings if one.report.state is DatumState.SUCCESS]
    # Held before it is asked whether a collection has begun: one that begins later sees it.
    pfs.pins.hold([held for root in roots for held in holding.root(holding.FILES, root)])
    if not pfs.pins.collected_since(era):
        return True
    try:
        for root in roots:
            for key in _named(pfs, root):
                pfs.pins.pin((key,))
                pfs.store.size(key)
    except ObjectMissing:
        return False
    return True


def _named(pfs: Pfs, root: Root) -> Iterator[str]:
    """The objects that a map of files needs, parents first."""
    yield from pfs.maps.nodes(root)
    for column in pfs.maps.auxs(root, set()):
        for chunk in {part.chunk for aux in column for part in slices_of(aux)}:
            yield chunk_key(chunk)
