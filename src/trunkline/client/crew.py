"""Who reads the shares of a put: this process if there are few, else several, since Python uses one core for each.

The processes cut, hash, pack and write to the folder of the store by themselves; each has a thread here, which hands
out shares and answers what it asks. Invariants: each share is read once, by one of them; what one finds wrong ends the
put; none of them outlives it. Where no process can be started, or chunks have to be sent, this one reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from queue import Empty, Full, Queue, SimpleQueue
from types import TracebackType

from trunkline.client.ahead import Ahead
from trunkline.client.children import processors
from trunkline.client.hands import Event, Hand
from trunkline.client.localfiles import Progress
from trunkline.client.pipes import Done
from trunkline.client.session import Session
from trunkline.client.share_reader import READ_BYTES, ShareReader
from trunkline.client.shares import Piece, ReadShare
from trunkline.content.writer import ContentWriter

MOST_PROCESSES = 8

Shares = Iterator[list[Piece]]


class Crew:
    """Reads for one put. A context manager; for one thread."""

    def __init__(self, session: Session, writer: ContentWriter, parallelism: int, progress: Progress) -> None:
        """Args:
        writer: for what is read here.
        parallelism: small files that are read at the same time, where the disk is slow.
        """
        self._session, self._progress = session, progress
        self._parallelism = max(1, parallelism)
        self._ahead = Ahead(parallelism)
        self._reader = ShareReader(writer, self._ahead, progress)
        self._hands: list[Hand] = []
        self._waiting: Queue[list[Piece]] = Queue(2 * MOST_PROCESSES)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead.__exit__(kind, error, trace)
        for hand in self._hands:
            hand.stop()
        for _ in _left(self._waiting):
            pass
        for _ in self._hands:
            self._waiting.put_nowait([])

    def read(self, shares: Shares) -> Iterator[ReadShare]:
        """The shares, durable, in any order.

        Raises:
            InvalidRequest: a file that cannot be read.
            StorageFull, StorageFailed: not everything could be stored.
            Whatever `shares` raises.
        """
        first, second = next(shares, None), next(shares, None)
        if first is None:
            return
        if second is None:
            yield from self._here([first])
        else:
            yield from self._by_several(chain((first, second), shares))

    def _here(self, shares: Iterable[list[Piece]]) -> Iterator[ReadShare]:
        for share in filter(None, shares):
            self._reader.read(share)
            if self._reader.weight > READ_BYTES:
                yield from self._reader.durable()
        yield from self._reader.durable()

    def _by_several(self, shares: Shares) -> Iterator[ReadShare]:
        count = min(processors(), MOST_PROCESSES, self._parallelism)
        if count < 2 or self._session.folder is None:
            yield from self._here(shares)
            return
        waiting = self._waiting = Queue(2 * count)
        events: SimpleQueue[Event] = SimpleQueue()
        threads = max(1, self._parallelism // count)
        self._hands = [Hand(self._session.folder, self._session.store, threads, waiting, events) for _ in range(count)]
        for share in chain(shares, [[]] * count):
            while not (offered := _offered(waiting, share)) and self._working():
                yield from self._taken(events.get())
            if not offered:
                yield from self._here(chain(_left(waiting), [share], shares))
                return
            yield from self._taken_now(events)
        while self._working():
            yield from self._taken(events.get())
        yield from self._here(_left(waiting))

    def _working(self) -> bool:
        return any(not hand.over for hand in self._hands)

    def _taken_now(self, events: SimpleQueue[Event]) -> Iterator[ReadShare]:
        while True:
            try:
                event = events.get_nowait()
            except Empty:
                return
            yield from self._taken(event)

    def _taken(self, event: Event) -> Iterator[ReadShare]:
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, Done):
            self._progress(event.files, event.size)
        elif isinstance(event, ReadShare):
            yield event
        elif isinstance(event, Hand):
            event.over = True


def _offered(waiting: Queue[list[Piece]], share: list[Piece]) -> bool:
    try:
        waiting.put_nowait(share)
    except Full:
        return False
    return True


def _left(waiting: Queue[list[Piece]]) -> Iterator[list[Piece]]:
    """What nobody took."""
    while True:
        try:
            share = waiting.get_nowait()
        except Empty:
            return
        yield share
