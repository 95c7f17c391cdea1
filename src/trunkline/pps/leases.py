"""The life of a job's datums between the queue and the workers, as a pure machine: no clock, no lock, no I/O.

Each datum that was offered is in exactly one place, and moves only as `TABLE` says. Workers take batches under a
lease and report datum by datum. When a lease is lost, its datums go back; the one that was under way is suspected of
having killed the worker: it is next handed out alone, and after `tries` deaths in a row it is doomed, so that a datum
that kills every worker cannot keep a job alive for ever. Tries within one worker are the worker's business.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from trunkline.kernel.clock import Nanos
from trunkline.maps import Entry

LISTED = 2 << 20
"""Bytes that the lists of inputs of a batch's datums take, but for a single datum with more."""


class Place(Enum):
    """Where a datum is."""

    WAITING = auto()
    SUSPECTED = auto()
    LEASED = auto()
    DOOMED = auto()
    SETTLED = auto()


class Move(Enum):
    """What happens to a datum."""

    TAKEN = auto()
    REPORTED = auto()
    GIVEN_BACK = auto()
    """Not begun, or interrupted through no fault of its own."""
    SUSPICION = auto()
    """The worker died while it was under way."""
    DOOM = auto()
    """So did as many workers as may."""
    RECORDED = auto()
    """As failed, because of the deaths."""


TABLE: Mapping[tuple[Place, Move], Place] = {
    (Place.WAITING, Move.TAKEN): Place.LEASED,
    (Place.SUSPECTED, Move.TAKEN): Place.LEASED,
    (Place.LEASED, Move.REPORTED): Place.SETTLED,
    (Place.LEASED, Move.GIVEN_BACK): Place.WAITING,
    (Place.LEASED, Move.SUSPICION): Place.SUSPECTED,
    (Place.LEASED, Move.DOOM): Place.DOOMED,
    (Place.DOOMED, Move.RECORDED): Place.SETTLED,
}


class Lease(msgspec.Struct):
    """A batch in a worker's hands.

    Attributes:
        datums: those not reported yet, by raw id, in the order in which the worker takes them.
        current: the raw id of the one under way, as the worker said last; since when in `since`.
        busy: how many reports are being written down; a busy lease ends after them.
        lost: whether it is to end then.
        restart: raw ids of datums that the worker is to kill and begin again; told once.
    """

    batch: str
    worker: str
    expires: Nanos
    datums: dict[bytes, Entry]
    current: bytes | None = None
    since: Nanos | None = None
    busy: int = 0
    lost: bool = False
    restart: set[bytes] = msgspec.field(default_factory=set)

    @property
    def under_way(self) -> bytes | None:
        """The datum under way: the one the worker named, or else the first that it has not reported."""
        if self.current in self.datums:
            return self.current
        return next(iter(self.datums), None)


class Doomed(NamedTuple):
    """A datum that is to be recorded as failed, and how many workers died of it in a row."""

    entry: Entry
    deaths: int


class Leases:
    """The datums of one job on their way through the workers; `tries` deaths in a row doom one."""

    def __init__(self, tries: int) -> None:
        self._tries = max(1, tries)
        self._places: dict[bytes, Place] = {}
        self._waiting: deque[Entry] = deque()
        self._suspected: deque[Entry] = deque()
        self._doomed: list[Doomed] = []
        self._deaths: Counter[bytes] = Counter()
        self.by_batch: dict[str, Lease] = {}

    @property
    def waiting(self) -> int:
        """Datums that can be taken."""
        return len(self._waiting) + len(self._suspected)

    @property
    def unsettled(self) -> int:
        """Datums that were offered and not settled."""
        return len(self._places)

    def offer(self, entries: Iterable[Entry]) -> None:
        """Adds datums to hand out."""
        for entry in entries:
            assert entry[0] not in self._places, "a datum is offered once"
            self._places[entry[0]] = Place.WAITING
            self._waiting.append(entry)

    def take(self, batch: str, worker: str, expires: Nanos, size: int, size_bytes: int = 0) -> Lease | None:
        """Leases up to `size` datums, or as many as `size_bytes` (0: any) hold, at least one; None if none waits.

        Datums of very many inputs make smaller batches, so that a batch stays one message.
        """
        if not self.waiting:
            return None
        entry = self._suspected.popleft() if self._suspected else self._waiting.popleft()
        datums, total, listed = {entry[0]: entry}, entry[2], len(entry[3])
        while not self._deaths[entry[0]] and self._waiting and len(datums) < size:
            following = self._waiting[0]
            if self._deaths[following[0]] or (size_bytes and total + following[2] > size_bytes):
                break
            if listed + len(following[3]) > LISTED:
                break
            self._waiting.popleft()
            datums[following[0]] = following
            total += following[2]
            listed += len(following[3])
        for key in datums:
            self._move(key, Move.TAKEN)
        lease = Lease(batch, worker, expires, datums)
        self.by_batch[batch] = lease
        return lease

    def settle(self, batch: str, datums: Iterable[bytes]) -> None:
        """Notes which datums of a batch were reported and written down; others are none of its business."""
        lease = self.by_batch[batch]
        for key in datums:
            if lease.datums.pop(key, None) is not None:
                self._move(key, Move.REPORTED)
                self._deaths.pop(key, None)
                lease.restart.discard(key)

    def give_back(self, batch: str) -> None:
        """Ends a lease in peace; what was not reported waits again."""
        lease = self.by_batch.pop(batch)
        for key in lease.datums:
            self._move(key, Move.GIVEN_BACK)
        self._waiting.extendleft(reversed(lease.datums.values()))

    def lose(self, batch: str) -> None:
        """Ends a lease whose worker died or fell silent."""
        lease = self.by_batch[batch]
        suspect = lease.under_way
        if suspect is not None:
            self._blame(lease.datums.pop(suspect))
        self.give_back(batch)

    def _blame(self, entry: Entry) -> None:
        self._deaths[entry[0]] += 1
        if self._deaths[entry[0]] < self._tries:
            self._move(entry[0], Move.SUSPICION)
            self._suspected.append(entry)
        else:
            self._move(entry[0], Move.DOOM)
            self._doomed.append(Doomed(entry, self._deaths.pop(entry[0])))

    def expired(self, now: Nanos) -> list[str]:
        """The batches whose lease is over."""
        return [name for name, lease in self.by_batch.items() if lease.expires <= now and not lease.lost]

    def doomed(self) -> list[Doomed]:
        """The datums to be recorded as failed; they stay here until `recorded`."""
        return list(self._doomed)

    def recorded(self, doomed: Collection[Doomed]) -> None:
        """Notes that they were."""
        for one in doomed:
            self._move(one.entry[0], Move.RECORDED)
        self._doomed = [one for one in self._doomed if one.entry[0] in self._places]

    def drop(self) -> None:
        """Forgets everything: the job has ended."""
        for held in (self._places, self._waiting, self._suspected, self._doomed, self._deaths, self.by_batch):
            held.clear()

    def _move(self, key: bytes, move: Move) -> None:
        place = TABLE[self._places[key], move]
        if place is Place.SETTLED:
            del self._places[key]
        else:
            self._places[key] = place

    def problems(self) -> Iterator[str]:
        """The invariants that are broken, in words."""
        found: dict[bytes, Place] = {}
        for key, place in self._everywhere():
            if key in found:
                yield f"datum {key.hex()} is {found[key].name} and {place.name}"
            found[key] = place
        if found != self._places:
            yield f"{len(found)} datums are somewhere, {len(self._places)} should be"
        for key, deaths in self._deaths.items():
            if deaths >= self._tries or key not in self._places:
                yield f"datum {key.hex()} has {deaths} deaths and is not doomed"

    def _everywhere(self) -> Iterator[tuple[bytes, Place]]:
        yield from ((entry[0], Place.WAITING) for entry in self._waiting)
        yield from ((entry[0], Place.SUSPECTED) for entry in self._suspected)
        yield from ((one.entry[0], Place.DOOMED) for one in self._doomed)
        for lease in self.by_batch.values():
            yield from ((key, Place.LEASED) for key in lease.datums)
