"""The versioned file system as one thing: what it is made of, and how a change of it is made.

Invariant: every change goes through `change`, so that it is one catalog transaction with one id and one time,
propagated downstream, with the hooks of the rooms above run inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from trunkline.catalog import Catalog, Tx
from trunkline.content.reader import ContentReader
from trunkline.kernel.clock import Clock
from trunkline.kernel.errors import Refused
from trunkline.kernel.ids import SetId, new_id
from trunkline.maps import EMPTY, Maps, Root
from trunkline.objects.pins import Pins
from trunkline.objects.protocol import ObjectStore
from trunkline.objects.wrappers.pinned import PinnedStore
from trunkline.pfs import finish, holding, layers, projects, rows
from trunkline.pfs.cache import Cache
from trunkline.pfs.change import Change, Drop, Hook, Removal
from trunkline.pfs.finish import Finisher
from trunkline.pfs.layers import Layer
from trunkline.pfs.opened import OpenViews
from trunkline.pfs.propagate import propagate
from trunkline.pfs.rows import Commit
from trunkline.pfs.urls import Urls
from trunkline.pfs.writers import Writers

T = TypeVar("T")

CHUNK_CACHE_BYTES = 128 * 1024 * 1024


class _Undone(Exception):
    """Carries the result of a trial out of the transaction that it undoes."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class Pfs:
    """The parts of the file system, and the two ways to use the catalog: reading and changing.

    Args:
        pins: the sessions of those who write to the store; its own if there are no others.
        urls: where files may be fetched from and written to.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        clock: Clock,
        pins: Pins | None = None,
        urls: Urls | None = None,
        ahead: int = 0,
    ) -> None:
        self.catalog = catalog
        self.pins = pins or Pins()
        self.urls = urls or Urls()
        self.store: ObjectStore = PinnedStore(store, self.pins)
        self.clock = clock
        self.maps = Maps(self.store)
        self.reader = ContentReader(self.store, CHUNK_CACHE_BYTES, ahead)
        self.opened = OpenViews(self.maps, self.reader, self.pins)
        self.finisher = Finisher(catalog, self.store, self.maps, self.reader, clock, self.pins)
        self.cache = Cache(catalog, clock)
        self.writers = Writers()
        self.hooks: list[Hook] = []
        self.removals: list[Removal] = []
        self.drops: list[Drop] = []
        self.change(projects.ensure_default)

    def change(self, step: Callable[[Change], T], set_id: SetId | None = None) -> T:
        """Runs one atomic change; `step` may run more than once and must only read and write the catalog."""
        name = set_id or SetId(new_id())
        result, made = self.catalog.write(lambda tx: self._run(tx, step, name))
        for meter, amount, labels in made.counted:
            meter.add(amount, *labels)
        return result

    def trial(self, step: Callable[[Change], T], set_id: SetId) -> T:
        """What `change` would return or raise; nothing is changed."""

        return self._undone(lambda tx: self._run(tx, step, set_id)[0])

    def foresee(self, step: Callable[[Change], object], look: Callable[[Change], T]) -> T:
        """What `look` finds when a change has happened, all that it causes included; nothing is changed."""
        return self._undone(lambda tx: look(self._run(tx, step, SetId(new_id()))[1]))

    def _undone(self, act: Callable[[Tx], T]) -> T:
        """What an act in a transaction gives; the transaction is undone."""

        def run(tx: Tx) -> None:
            raise _Undone(act(tx))

        try:
            self.catalog.write(run)
        except _Undone as undone:
            result: T = undone.result
        return result

    def _run(self, tx: Tx, step: Callable[[Change], T], set_id: SetId) -> tuple[T, Change]:
        change = Change(tx, set_id, self.clock.now())
        change.writer = self.writers.current()
        change.before_removal = tuple(self.removals)
        change.before_drop = tuple(self.drops)
        result = step(change)
        propagate(change)
        for hook in self.hooks:
            hook(change)
        return result, change

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A short read of the catalog, inside of which the roots that are used on are held."""
        with self.pins.reading(), self.catalog.read() as tx:
            yield tx

    def content(self, commit: Commit) -> Root:
        """What a commit holds now; for an open one, what was written to it so far.

        Held, so that it can be read, and built on, to the end of the calling thread's session.

        Raises:
            Refused: its base is not finished, or the commit was deleted or forgotten.
        """
        if not commit.key and commit.root is not None:  # a file set, which was held when it was looked up
            return Root.unpack(commit.root)
        with self.reading() as tx:
            current = rows.commit_by_key(tx, commit.key)
            if current is None:
                raise Refused(f"commit {commit} was deleted")
            if current.forgotten:
                raise Refused(f"the commit is forgotten: {commit}, run its pipeline again to have its files back")
            if current.root is not None:
                found = Root.unpack(current.root)
                self.pins.hold(holding.root(holding.FILES, found))
                return found
            base = finish.base_of(tx, current)
            written = layers.load(tx, commit.key)
            self.pins.hold([*holding.root(holding.FILES, base), *holding.layers(written)])
            parent = None if current.parent is None else rows.commit_by_key(tx, current.parent)
        if base is None:
            raise Refused(f"base commit {parent} for commit {commit} unfinished")
        return self.opened.content(commit.key, base, written)

    def layered(self, name: str, written: Sequence[Layer]) -> Root:
        """What layers come to on nothing; `name` is that of a file set, whose layers never change."""
        return self.opened.content(name, EMPTY, written)

    def readable(self, commit: Commit, alive: Callable[[], bool] = lambda: True) -> Commit:
        """The commit, once it can be read: a finishing one is waited for, an open one is taken as it is."""
        if commit.open or commit.finished is not None:
            return commit

        def look() -> Commit | None:
            with self.catalog.read() as tx:
                current = rows.commit_by_key(tx, commit.key)
            if current is None:
                raise Refused(f"commit {commit} was deleted")
            return current if current.finished is not None else None

        found = self.catalog.watch.until(look, alive)
        assert found is not None, "a wait without a timeout ends with an answer"
        return found
