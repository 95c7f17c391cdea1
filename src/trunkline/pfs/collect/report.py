"""What a collection of garbage has to say: how far it is, and what came of it."""

from __future__ import annotations

import msgspec

CHUNKS = "chunks"
NODES = "nodes"
KINDS = (NODES, CHUNKS)
"""In the order in which they are deleted."""


class Amount(msgspec.Struct):
    """A number of objects, and their stored bytes."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more object."""
        self.objects += 1
        self.bytes += size


class Tally(msgspec.Struct):
    """What became of the objects of one kind.

    Attributes:
        seen: those that were there when the collection began.
        reachable: from a root.
        pinned: not reachable, but somebody who is writing relies on them.
        young: so young that a worker may be about to report them.
        garbage: everything else: freed, or in a trial run what would be.
    """

    seen: Amount = msgspec.field(default_factory=Amount)
    reachable: Amount = msgspec.field(default_factory=Amount)
    pinned: Amount = msgspec.field(default_factory=Amount)
    young: Amount = msgspec.field(default_factory=Amount)
    garbage: Amount = msgspec.field(default_factory=Amount)


class Progress(msgspec.Struct, frozen=True):
    """How far a collection is.

    Attributes:
        step: listing, marking or sweeping.
        done: objects listed, roots followed, or objects looked at so far.
    """

    step: str
    done: int


class Summary(msgspec.Struct, frozen=True):
    """What came of a collection.

    Attributes:
        dry_run: nothing was deleted.
        roots: how many were followed.
        kinds: by the kind of objects.
        foreign: objects in the store that are neither chunks nor nodes; left alone.
        notes: what else was cleared away, in words.
    """

    dry_run: bool
    roots: int
    kinds: dict[str, Tally]
    foreign: Amount
    notes: tuple[str, ...] = ()


class Share(msgspec.Struct, frozen=True):
    """What one reason keeps: all that it reaches, and what nothing else reaches."""

    reason: str
    roots: int
    kept: Amount
    only: Amount
