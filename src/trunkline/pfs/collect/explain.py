"""Why objects are kept: by reason, by repo, by commit, or for one object.

Invariant: explains the roots of one snapshot of the catalog, and deletes nothing. Memory: about 300 bytes for each
reachable object. What calls under way pin is not explained; it ends with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trunkline.kernel.errors import Cancelled
from trunkline.maps import Maps
from trunkline.objects.inventory import inventory
from trunkline.pfs.collect.collector import parse
from trunkline.pfs.collect.reach import CACHE_BYTES, Reach, Search
from trunkline.pfs.collect.report import NODES, Amount, Share
from trunkline.pfs.collect.roots import Kept, Source, roots
from trunkline.pfs.pfs import Pfs

MOST_NAMES = 100


class Explainer:
    """Answers questions about what is kept.

    Args:
        sources: give the roots of the rooms above.
    """

    def __init__(self, pfs: Pfs, sources: Sequence[Source] = (), alive: Callable[[], bool] = lambda: True) -> None:
        self._pfs, self._sources, self._alive = pfs, (roots, *sources), alive

    def shares(self, group: Callable[[Kept], str | None]) -> list[Share]:
        """What groups of roots keep, each alone and together with others; in the order in which they come up.

        Args:
            group: the name of a root's group; None: it counts as what else keeps things.

        Raises:
            Corrupt: a node is missing or altered.
            Cancelled: the caller went away.
        """
        names: list[str | None] = [None]
        counts = [0]
        reaches = [Reach(self._maps())]
        chunks: list[set[bytes]] = [set()]
        for kept in self._every():
            name = group(kept)
            if name not in names:
                names.append(name)
                counts.append(0)
                reaches.append(Reach(self._maps()))
                chunks.append(set())
            number = names.index(name)
            counts[number] += 1
            for found in reaches[number].follow(kept.kind, kept.root):
                chunks[number] |= found
        found_shares = [Share(name or "", count, Amount(), Amount()) for name, count in zip(names, counts, strict=True)]
        for item in inventory(self._pfs.store):
            parsed = parse(item.key)
            if parsed is None:
                continue
            kind, digest = parsed
            keepers = [
                share
                for share, reach, seen in zip(found_shares, reaches, chunks, strict=True)
                if (reach.has_node(digest) if kind == NODES else digest in seen)
            ]
            for share in keepers:
                share.kept.add(item.size)
            if len(keepers) == 1:
                keepers[0].only.add(item.size)
        return found_shares[1:]

    def keepers(self, digest: bytes) -> tuple[list[str], int]:
        """Who keeps a chunk or a node, by its digest: the first names, and how many there are.

        Raises:
            Corrupt: a node is missing or altered.
            Cancelled: the caller went away.
        """
        search = Search(self._maps(), digest)
        found = dict.fromkeys(
            f"{kept.name} ({kept.reason})" for kept in self._every() if search.finds(kept.kind, kept.root)
        )
        return list(found)[:MOST_NAMES], len(found)

    def _every(self) -> Iterator[Kept]:
        with self._pfs.catalog.read() as tx:
            for source in self._sources:
                for kept in source(tx):
                    if not self._alive():
                        raise Cancelled("the caller went away")
                    yield kept

    def _maps(self) -> Maps:
        return Maps(self._pfs.store, CACHE_BYTES)
