"""What roots lead to, in the words that holders of roots and the garbage collection share.

Invariant: whoever goes on working from a root after the transaction that read it holds it, in that transaction, under
the kind that the catalog keeps it as; so a collection follows it as if its row were still there.
"""

from __future__ import annotations

from collections.abc import Iterable

from trunkline.maps import Root
from trunkline.objects.pins import Held
from trunkline.pfs.layers import Layer

FILES = "files"
"""A map of files: what it needs is its nodes, and the chunks that the aux of its entries names."""

OPERATIONS = "operations"
"""The delta of a layer that is not whole: its nodes, and the chunks that the values of its entries name."""

NODES = "nodes"
"""A map whose entries name nothing in the store."""


def root(kind: str, given: Root | None) -> list[Held]:
    """A root, as `Pins.hold` takes it; nothing for one that needs nothing."""
    return [] if given is None or not given.count else [(kind, given.pack())]


def layers(given: Iterable[Layer]) -> list[Held]:
    """The deltas of layers."""
    return [held for layer in given for held in root(FILES if layer.whole else OPERATIONS, layer.delta)]
