"""The background step that finishes commits: works out what they hold, and closes them.

Invariants: a commit is finished after its parent; its root is durable before the row names it; a crash at any
moment leaves it finishing, and the step is simply done again.
"""

from __future__ import annotations

from collections.abc import Collection

from trunkline.catalog import Catalog, Tx
from trunkline.content.reader import ContentReader
from trunkline.content.writer import ContentWriter
from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import Corrupt, StorageFailed, StorageFull
from trunkline.maps import EMPTY, Maps, Root
from trunkline.objects.pins import Pins
from trunkline.objects.protocol import ObjectStore
from trunkline.pfs import holding, layers, rows, triggers
from trunkline.pfs.fold import Folded, fold
from trunkline.pfs.rows import Commit


def next_unfinished(tx: Tx, passing: Collection[int] = ()) -> Commit | None:
    """The oldest commit that waits to be finished and whose parent is finished, but for some."""
    where = (
        "LEFT JOIN commits AS above ON above.id = commits.parent WHERE commits.finished IS NULL "
        "AND commits.finishing IS NOT NULL AND (above.id IS NULL OR above.finished IS NOT NULL) "
        "ORDER BY commits.id"
    )
    return next((commit for commit in rows.commits(tx, where, ()) if commit.key not in passing), None)


def base_of(tx: Tx, commit: Commit) -> Root | None:
    """The content that a commit builds on; None while its parent is unfinished."""
    if commit.parent is None:
        return EMPTY
    parent = rows.commit_by_key(tx, commit.parent)
    if parent is None:
        raise Corrupt(f"commit {commit} has lost its parent: run pachctl fsck")
    return None if parent.root is None else Root.unpack(parent.root)


class Finisher:
    """Finishes commits, one at a time, oldest first."""

    def __init__(
        self, catalog: Catalog, store: ObjectStore, maps: Maps, reader: ContentReader, clock: Clock, pins: Pins
    ) -> None:
        self._catalog, self._store, self._maps, self._reader, self._clock = catalog, store, maps, reader, clock
        self._pins = pins
        self._passing: set[int] = set()

    def step(self) -> Commit | None:
        """Finishes the next commit that can be; None when there is none.

        Raises:
            StorageFailed, StorageFull: the store is in the way of one commit; the next steps pass it by, until there
                is nothing else to do.
        """
        with self._catalog.read() as tx:
            commit = next_unfinished(tx, self._passing)
        if commit is None:
            self._passing.clear()
            return None
        try:
            self._finish(commit)
        except (StorageFailed, StorageFull):
            self._passing.add(commit.key)
            raise
        return commit

    def _finish(self, commit: Commit) -> None:
        with self._pins.reading(), self._catalog.read() as tx:
            base = base_of(tx, commit)
            written = layers.load(tx, commit.key)
            # The commit may be dropped, and its parent squashed, while it is folded.
            self._pins.hold([*holding.root(holding.FILES, base), *holding.layers(written)])
        assert base is not None, "next_unfinished chose a commit with a finished parent"
        folded = self._fold(base, commit, written)
        root = base if folded.problem else folded.root
        finished = max(self._clock.now(), commit.finishing or 0)

        def close(tx: Tx) -> None:
            closed = tx.run(
                "UPDATE commits SET finished = ?, root = ?, error = ? WHERE id = ? AND finished IS NULL",
                (finished, root.pack(), folded.problem, commit.key),
            )
            tx.run("DELETE FROM layers WHERE commit_id = ?", (commit.key,))
            if closed:
                triggers.note_finished(tx, commit.key)

        self._catalog.write(close)

    def _fold(self, base: Root, commit: Commit, written: list[layers.Layer]) -> Folded:
        if commit.error:
            return Folded(base, commit.error)
        try:
            return fold(self._maps, self._reader, base, written, ContentWriter(self._store))
        except Corrupt as error:
            # What was written cannot be read back. Waiting would not bring it back, and would stop every commit
            # after this one.
            return Folded(base, f"what was written to the commit is damaged: {error}")
